//! Enums whose outer form is a word, in JSON, BSON and Avro alike. A word that this release does not know is read as
//! the first one, which is the default that the Avro schema names, so that a later release may add words.

/// Declares such an enum: its Avro documentation, what it is called when it cannot be read, and its words.
macro_rules! words {
    (
        $(#[$doc:meta])*
        $name:ident, $avro_doc:literal {
            $(#[$first_doc:meta])* $first:ident = $first_word:literal,
            $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        pub enum $name {
            $(#[$first_doc])*
            #[default]
            $first,
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Every one of them, the default first.
            pub const ALL: &'static [Self] = &[Self::$first, $(Self::$variant,)*];

            /// The word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    Self::$first => $first_word,
                    $(Self::$variant => $word,)*
                }
            }

            /// Reads a word, in exactly this form.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == text)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let read = |text: &str| Some(Self::parse(text).unwrap_or_default());
                $crate::text::deserialize(deserializer, "word", read)
            }
        }

        impl apache_avro::AvroSchemaComponent for $name {
            fn get_schema_in_ctxt(
                named: &mut std::collections::HashSet<apache_avro::schema::Name>,
                namespace: apache_avro::schema::NamespaceRef<'_>,
            ) -> apache_avro::Schema {
                let words = [$first_word, $($word,)*];
                $crate::avro::enumeration(stringify!($name), $avro_doc, words, named, namespace)
            }
        }
    };
}

pub(crate) use words;
