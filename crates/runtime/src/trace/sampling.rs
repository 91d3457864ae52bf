//! Which traces are recorded.

/// Which traces are recorded: `OTEL_TRACES_SAMPLER`. Decided by the trace's id alone, where a request comes in: whoever
/// asks can neither make us record a trace nor keep us from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Sampler {
    /// Every one.
    #[value(name = "always_on")]
    AlwaysOn,
    /// None.
    #[value(name = "always_off")]
    AlwaysOff,
    /// The share `OTEL_TRACES_SAMPLER_ARG` of them.
    #[value(name = "traceidratio")]
    TraceIdRatio,
}

/// The share of traces that is recorded, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sampling(f64);

impl Sampling {
    pub(super) const fn new(sampler: Sampler, ratio: f64) -> Self {
        match sampler {
            Sampler::AlwaysOn => Self(1.0),
            Sampler::AlwaysOff => Self(0.0),
            Sampler::TraceIdRatio => Self(ratio),
        }
    }

    /// A valid trace context with the decision in its flags.
    pub(super) fn decide(self, mut traceparent: String) -> String {
        let flags = if self.takes(&traceparent) { "01" } else { "00" };
        traceparent.truncate(traceparent.len().saturating_sub(2));
        traceparent.push_str(flags);
        traceparent
    }

    /// As other implementations decide: by the size of the id's second half.
    fn takes(self, traceparent: &str) -> bool {
        let half = traceparent.get(19..27).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        half.is_some_and(|half| f64::from(half) < self.0 * (f64::from(u32::MAX) + 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(ratio: f64, half: &str) -> bool {
        let context = format!("00-0af7651916cd43dd{half}1c80319c-b7ad6b7169203331-01");
        let decided = Sampling::new(Sampler::TraceIdRatio, ratio).decide(context.clone());
        assert_eq!(decided.get(..53), context.get(..53), "nothing else changes");
        decided.ends_with("-01")
    }

    #[test]
    fn a_trace_is_recorded_by_its_id_whatever_the_caller_wants() {
        assert!(taken(1.0, "ffffffff") && taken(0.5, "7fffffff") && taken(0.000_001, "00000000"));
        assert!(!taken(0.0, "00000000") && !taken(0.5, "80000000") && !taken(0.999, "ffffffff"));
        let unwanted = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00".to_owned();
        assert!(Sampling::new(Sampler::AlwaysOn, 0.0).decide(unwanted).ends_with("-01"));
    }
}
