//! The command API's metrics.

use runtime::metrics::{Metric, Unit};

/// Commands that lost the race for a version and were decided again.
pub const CONFLICTS: Metric = Metric::counter(
    "command_conflicts_total",
    Unit::Count,
    "Commands decided again because another commit came first.",
);
/// Commands answered from an earlier sending.
pub const REPLAYS: Metric =
    Metric::counter("command_replays_total", Unit::Count, "Commands answered as before, by their Idempotency-Key.");
/// Log-ins refused for a wrong password.
pub const WRONG_PASSWORDS: Metric =
    Metric::counter("login_wrong_passwords_total", Unit::Count, "Log-ins refused because e-mail or password is wrong.");
/// Refresh tokens that ended their session.
pub const SPENT_REFRESH_TOKENS: Metric = Metric::counter(
    "spent_refresh_tokens_total",
    Unit::Count,
    "Refresh tokens that were shown after they had been spent; each ended its session.",
);

/// All of them.
pub const ALL: &[Metric] = &[CONFLICTS, REPLAYS, WRONG_PASSWORDS, SPENT_REFRESH_TOKENS];
