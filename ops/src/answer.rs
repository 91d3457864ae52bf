//! What a command answers: the same for people and for programs, and how it ended.

use serde::Serialize;

use crate::REFUSED;
use crate::plan::Plan;

/// The answer of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// For people; empty if all was said before.
    pub(crate) text: String,
    /// One JSON object; as empty as the text, if all was said before.
    pub(crate) json: String,
    /// The exit code.
    pub(crate) code: u8,
}

impl Answer {
    /// Of a command that has said everything while it went on.
    pub(crate) const fn nothing() -> Self {
        Self { text: String::new(), json: String::new(), code: 0 }
    }

    /// The same in both ways, of a command that did what it should.
    pub(crate) fn of(text: String, answer: &impl Serialize) -> Self {
        Self { text, json: json(answer), code: 0 }
    }
}

impl From<Plan> for Answer {
    fn from(plan: Plan) -> Self {
        let code = if plan.is_refused() { REFUSED } else { 0 };
        Self { code, ..Self::of(plan.to_string(), &plan) }
    }
}

/// As one line of JSON.
pub(crate) fn json(answer: &impl Serialize) -> String {
    serde_json::to_string(answer).unwrap_or_else(|error| error.to_string())
}
