//! How much one HTTP server takes on: from each user, from each address, and in all.

use clap::Args;
use clap::builder::RangedU64ValueParser;

/// Requests per second of one user.
const PER_USER: u32 = 1_000;
/// Requests per second of one address: a busy office behind one router.
const PER_ADDRESS: u32 = 2_000;
/// Requests at once: more only wait longer for the same cores.
const REQUESTS: usize = 1_024;
/// The share of all requests at once that one user may have: nobody takes all the places alone.
const SHARE_OF_ONE_USER: usize = 4;
/// Connections at once, open sockets among them.
const CONNECTIONS: usize = 16_384;
/// The gateway.
const PROXIES: usize = 1;

/// How much one HTTP server takes on. Counted in memory, by each process for itself.
#[derive(Debug, Clone, Args)]
pub struct HttpLimits {
    /// Requests per second that one user may make, and twice as many at once after a pause; 0 for any number.
    #[arg(long, env = "REQUESTS_PER_USER", default_value_t = PER_USER)]
    pub requests_per_user: u32,
    /// Requests per second that may come from one address, and twice as many at once after a pause; 0 for any number.
    #[arg(long, env = "REQUESTS_PER_ADDRESS", default_value_t = PER_ADDRESS)]
    pub requests_per_address: u32,
    /// Requests that are worked on at once; whoever comes on top is told to come back.
    #[arg(long, env = "MAX_REQUESTS", default_value_t = REQUESTS, value_parser = at_least_one())]
    pub max_requests: usize,
    /// Requests of one user that are worked on at once, a quarter of all unless it is set; 0 for any number.
    #[arg(long, env = "MAX_REQUESTS_PER_USER")]
    pub max_requests_per_user: Option<usize>,
    /// Connections at once, open sockets among them; more wait until one ends.
    #[arg(long, env = "MAX_CONNECTIONS", default_value_t = CONNECTIONS, value_parser = at_least_one())]
    pub max_connections: usize,
    /// Proxies between clients and this server: the client's address stands so far from the end of `X-Forwarded-For`.
    #[arg(long, env = "PROXIES", default_value_t = PROXIES)]
    pub proxies: usize,
}

/// Who lets nobody in need not run.
fn at_least_one() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..)
}

impl HttpLimits {
    /// Adds what is wrong between these settings to the problems of the configuration.
    pub fn check(&self, problems: &mut Vec<String>) {
        let all = self.max_requests;
        if let Some(ones) = self.max_requests_per_user.filter(|ones| *ones > all) {
            problems.push(format!(
                "MAX_REQUESTS_PER_USER is {ones}, and MAX_REQUESTS {all}: one user could take every place; set it lower, or \
                 to 0 if that is meant"
            ));
        }
    }

    /// How many requests of one user are worked on at once; `None` for any number.
    pub(crate) fn per_user_at_once(&self) -> Option<usize> {
        let quarter = (self.max_requests / SHARE_OF_ONE_USER).max(1);
        Some(self.max_requests_per_user.unwrap_or(quarter)).filter(|ones| *ones > 0)
    }
}

impl Default for HttpLimits {
    /// What holds where nothing is set.
    fn default() -> Self {
        Self {
            requests_per_user: PER_USER,
            requests_per_address: PER_ADDRESS,
            max_requests: REQUESTS,
            max_requests_per_user: None,
            max_connections: CONNECTIONS,
            proxies: PROXIES,
        }
    }
}
