//! What the person at the terminal sees: progress on standard error, answers on standard output.

use std::io::Write;

/// One line of progress.
pub fn line(text: &str) {
    // Not captured by the test runner, so that a first run that downloads shows it.
    let _nobody_reads = writeln!(std::io::stderr().lock(), "  {text}");
}

/// One indented line of what was asked for.
pub fn told(text: &str) {
    answer(&format!("  {text}"));
}

/// One line of an answer.
pub fn answer(text: &str) {
    let _nobody_reads = writeln!(std::io::stdout().lock(), "{text}");
}
