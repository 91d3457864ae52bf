//! A place in a user's feed that proves itself: the sequence number and the digest chained up to it.

use std::fmt;
use std::str::FromStr;

/// A place in one user's feed. Opaque to clients: they hand back the text that they were given.
///
/// The digest is sha1(previous digest, event id), so two feeds that share a cursor share everything before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// The number of the entry that it stands behind; entries count from 1 without gaps.
    pub seq: u64,
    digest: [u8; 20],
}

/// The text is not a cursor of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a feed cursor; hand back a cursor exactly as it was received")]
pub struct InvalidCursor;

impl Cursor {
    /// Before the first entry of any feed.
    pub const START: Self = Self { seq: 0, digest: [0; 20] };

    /// The place with this number and this digest, 40 lower-case hexadecimal digits.
    pub fn new(seq: u64, digest: &str) -> Result<Self, InvalidCursor> {
        let (pairs, []) = digest.as_bytes().as_chunks::<2>() else { return Err(InvalidCursor) };
        let mut bytes = [0; 20];
        if pairs.len() != bytes.len() {
            return Err(InvalidCursor);
        }
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = nibble(*high)? << 4 | nibble(*low)?;
        }
        Ok(Self { seq, digest: bytes })
    }

    /// The digest, 40 lower-case hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> String {
        self.digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-", self.seq)?;
        self.digest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (seq, digest) = text.split_once('-').ok_or(InvalidCursor)?;
        let cursor = Self::new(seq.parse().map_err(|_| InvalidCursor)?, digest)?;
        if cursor.seq.to_string() == seq { Ok(cursor) } else { Err(InvalidCursor) }
    }
}

fn nibble(digit: u8) -> Result<u8, InvalidCursor> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(InvalidCursor),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_is_read_is_written_in_the_same_way(
            text in any::<String>(),
            similar in "[+0-9]{1,21}-[0-9a-fA-F]{38,42}",
            seq in any::<u64>(),
            digest in any::<[u8; 20]>(),
        ) {
            for text in [text, similar] {
                if let Ok(cursor) = text.parse::<Cursor>() {
                    prop_assert_eq!(cursor.to_string(), text);
                }
            }
            let cursor = Cursor { seq, digest };
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
    }

    #[test]
    fn a_cursor_reads_back_from_its_own_text_only() {
        let text = "17-77f355c800fea8028fb32931b2d9cba764be7b51";
        let cursor = text.parse::<Cursor>();
        assert_eq!(cursor.map(|cursor| (cursor.seq, cursor.to_string())), Ok((17, text.to_owned())));
        assert_eq!(Cursor::START.to_string().parse(), Ok(Cursor::START));
        for wrong in [
            "",
            "17",
            "17-",
            "-77f355c800fea8028fb32931b2d9cba764be7b51",
            "+1-77f355c800fea8028fb32931b2d9cba764be7b51",
            "17-77F355c800fea8028fb32931b2d9cba764be7b51",
            "17-77f355c800fea8028fb32931b2d9cba764be7b",
            "17-77f355c800fea8028fb32931b2d9cba764be7b5",
            "17-77f355c800fea8028fb32931b2d9cba764be7b5100",
            "99999999999999999999-77f355c800fea8028fb32931b2d9cba764be7b51",
            "17-zzf355c800fea8028fb32931b2d9cba764be7b51",
        ] {
            assert_eq!(wrong.parse::<Cursor>(), Err(InvalidCursor), "{wrong:?}");
        }
    }
}
