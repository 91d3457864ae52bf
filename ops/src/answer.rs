//! What a command answers: the same for people and for programs, and how it ended.

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
}

impl From<Plan> for Answer {
    fn from(plan: Plan) -> Self {
        let code = if plan.is_refused() { REFUSED } else { 0 };
        Self { text: plan.to_string(), json: plan.to_json(), code }
    }
}
