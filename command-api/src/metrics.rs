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

/// Calls to the payment provider whose answer was lost.
pub const PAYMENT_OUTCOMES_LOST: Metric = Metric::counter(
    "payment_outcomes_lost_total",
    Unit::Count,
    "Calls to the payment provider whose outcome is unknown; each is asked for until it is known.",
);
/// Payments whose outcome could not be learned in time.
pub const PAYMENTS_GIVEN_UP: Metric = Metric::counter(
    "payments_given_up_total",
    Unit::Count,
    "Payments whose outcome stayed unknown for as long as the provider can be asked; an operator must look.",
);
/// What the provider reports against what is known.
pub const PAYMENTS_CONTRADICTED: Metric = Metric::counter(
    "payments_contradicted_total",
    Unit::Count,
    "Times that the payment provider reported what does not fit a payment, as a refund that the bank sent back; alarm on \
     any, the log names it.",
);
/// Fulfilments that cannot go on by themselves.
pub const FULFILMENTS_FAILED: Metric = Metric::counter(
    "fulfilments_failed_total",
    Unit::Count,
    "Times that a fulfilment was heard to wait for an operator; GET /ops/fulfilment?state=FAILED names those that do.",
);

/// By `group`: `fulfilment` or `cashier`.
pub const STOPPED: Metric = Metric::gauge(
    "worker_stopped_partitions",
    Unit::Count,
    "Partitions of a group that do not get past something: the fulfilment hears of orders, stock, payments and fulfilments, the \
     cashier of payments; the log says what it is; alarm on any.",
);

/// Shows what alerts look at the growth of, before there is any.
pub(crate) fn begin() {
    PAYMENTS_GIVEN_UP.begin_at_zero(&[]);
    PAYMENTS_CONTRADICTED.begin_at_zero(&[]);
    FULFILMENTS_FAILED.begin_at_zero(&[]);
}

/// All of them.
pub const ALL: &[Metric] = &[
    CONFLICTS,
    REPLAYS,
    WRONG_PASSWORDS,
    SPENT_REFRESH_TOKENS,
    PAYMENT_OUTCOMES_LOST,
    PAYMENTS_GIVEN_UP,
    PAYMENTS_CONTRADICTED,
    FULFILMENTS_FAILED,
    STOPPED,
];
