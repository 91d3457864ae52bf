//! The headers of an event's record: `CloudEvents` 1.0 in binary mode (Kafka protocol binding), and three of our own.

/// The headers that this system writes and reads; any other is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Header {
    /// The version of `CloudEvents`.
    SpecVersion,
    /// The event's id.
    Id,
    /// Who wrote it.
    Source,
    /// The full name of the Avro record.
    Type,
    /// The stream.
    Subject,
    /// When it was decided, RFC 3339.
    Time,
    /// The version within the stream.
    Sequence,
    /// The request that it all began with.
    Correlation,
    /// What caused it.
    Causation,
    /// What the value is.
    ContentType,
    /// The user whom it concerns.
    Owner,
    /// The seeds' name for it.
    SeedType,
    /// The W3C trace context.
    Traceparent,
}

impl Header {
    /// Every header, in the order in which they are written.
    pub const ALL: [Self; 13] = [
        Self::SpecVersion,
        Self::Id,
        Self::Source,
        Self::Type,
        Self::Subject,
        Self::Time,
        Self::Sequence,
        Self::Correlation,
        Self::Causation,
        Self::ContentType,
        Self::Owner,
        Self::SeedType,
        Self::Traceparent,
    ];

    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SpecVersion => "ce_specversion",
            Self::Id => "ce_id",
            Self::Source => "ce_source",
            Self::Type => "ce_type",
            Self::Subject => "ce_subject",
            Self::Time => "ce_time",
            Self::Sequence => "ce_sequence",
            Self::Correlation => "ce_correlationid",
            Self::Causation => "ce_causationid",
            Self::ContentType => "content-type",
            Self::Owner => "owner",
            Self::SeedType => "ce_seedtype",
            Self::Traceparent => "traceparent",
        }
    }
}

/// The known headers of one record, in one buffer. Untrusted: any bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers {
    bytes: Vec<u8>,
    spans: [Option<(u32, u32)>; Header::ALL.len()],
}

impl Headers {
    /// Takes the known headers out of all of a record's; of a repeated one, the last counts.
    pub fn collect<'a>(headers: impl IntoIterator<Item = (&'a str, Option<&'a [u8]>)>) -> Self {
        let mut known = Self::default();
        for (name, value) in headers {
            if let (Some(index), Some(value)) = (position(name), value) {
                known.put(index, value);
            }
        }
        known
    }

    /// The bytes of one header.
    #[must_use]
    pub fn get(&self, header: Header) -> Option<&[u8]> {
        let (start, end) = Header::ALL.iter().position(|known| *known == header).and_then(|index| self.spans[index])?;
        self.bytes.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
    }

    /// One header as text, if it is UTF-8.
    #[must_use]
    pub fn text(&self, header: Header) -> Option<&str> {
        self.get(header).and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    fn put(&mut self, index: usize, value: &[u8]) {
        let start = u32::try_from(self.bytes.len());
        self.bytes.extend_from_slice(value);
        let end = u32::try_from(self.bytes.len());
        if let (Ok(start), Ok(end), Some(span)) = (start, end, self.spans.get_mut(index)) {
            *span = Some((start, end));
        }
    }
}

fn position(name: &str) -> Option<usize> {
    Header::ALL.iter().position(|header| header.name() == name)
}
