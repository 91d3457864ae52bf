//! How much is measured: enough for figures, or just enough to see that everything works.

use std::time::Duration;

/// How long and how often each side of a comparison is measured.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Rounds, in each of which every side is measured once.
    pub rounds: usize,
    /// How long a load lasts.
    pub window: Duration,
    /// Commits in the backlog of one round of the relay.
    pub backlog: u32,
    /// Events that the projector replays in one round.
    pub replay: u32,
    /// Events of the log from which a projection is rebuilt.
    pub rebuild: u32,
    /// How long the load lasts under which a process is killed.
    pub recovery: Duration,
    /// Events that are encoded and decoded in one round.
    pub codec: u32,
    /// Orders of one step of the flash sale.
    pub sale: u32,
    /// Clients of the steps of the flash sale.
    pub crowds: &'static [usize],
    /// Sockets that are told something.
    pub sockets: usize,
    /// Sockets that are told nothing.
    pub idle_sockets: usize,
    /// Orders that are stored, step by step, to see what grows.
    pub growth: &'static [u32],
    /// Events of the longest stream.
    pub long_stream: u32,
}

impl Plan {
    /// What the figures in the documentation come from.
    pub const FULL: Self = Self {
        rounds: 5,
        window: Duration::from_secs(2),
        backlog: 40_000,
        replay: 100_000,
        rebuild: 1_000_000,
        recovery: Duration::from_secs(12),
        codec: 200_000,
        sale: 600,
        crowds: &[1, 4, 16, 64, 128, 256],
        sockets: 500,
        idle_sockets: 4_000,
        growth: &[10_000, 100_000, 1_000_000],
        long_stream: 10_000,
    };

    /// Whether everything works; its figures mean nothing.
    pub const SHORT: Self = Self {
        rounds: 1,
        window: Duration::from_millis(200),
        backlog: 400,
        replay: 1_000,
        rebuild: 1_500,
        recovery: Duration::from_millis(800),
        codec: 500,
        sale: 8,
        crowds: &[1, 4],
        sockets: 8,
        idle_sockets: 16,
        growth: &[200, 400],
        long_stream: 200,
    };
}
