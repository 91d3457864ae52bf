//! Lines as `tracing` formats them, with the [`Scope`] in which they are written at their end.

use std::fmt;

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::scope::Scope;

/// A line of JSON: an object, to which fields are added.
#[derive(Debug)]
pub(super) struct JsonLine<F>(pub(super) F);

/// A line for people.
#[derive(Debug)]
pub(super) struct TextLine<F>(pub(super) F);

impl<S, N, F> FormatEvent<S, N> for JsonLine<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        let open = line.trim_end().strip_suffix('}').ok_or(fmt::Error)?;
        to.write_str(open)?;
        Scope::current().tell(|name, value| write!(to, ",\"{name}\":\"{value}\""))?;
        to.write_str("}\n")
    }
}

impl<S, N, F> FormatEvent<S, N> for TextLine<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        to.write_str(line.trim_end())?;
        Scope::current().tell(|name, value| write!(to, " {name}={value}"))?;
        to.write_str("\n")
    }
}
