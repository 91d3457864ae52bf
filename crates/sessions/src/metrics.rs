//! The metrics of checking tokens.

use runtime::metrics::{Metric, Unit};

/// All of them.
pub const ALL: &[Metric] = &[REVOKING_USERS, UNREADABLE];

/// The size of the table of revocations.
pub const REVOKING_USERS: Metric =
    Metric::gauge("sessions_revoking_users", Unit::Count, "Users with a revocation that is still remembered.");

/// Records that could have been revocations.
pub const UNREADABLE: Metric = Metric::counter(
    "sessions_unreadable_records_total",
    Unit::Count,
    "Records of the users' topic that could not be decoded and were passed over.",
);
