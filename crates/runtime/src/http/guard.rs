//! Who is let in now: so many requests at once, so many per second from one address, so many per second of one user.
//!
//! Whoever is not let in costs next to nothing, and is told when to come back.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::Request;
use http::{HeaderMap, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::rate::{Exceeded, Rate, Standing};
use super::{HttpLimits, REFUSED};
use crate::problem::Problem;
use crate::{Pass, Passes, Shutdown};

/// When somebody should come back who found no room, in seconds.
const COME_BACK: u32 = 1;

/// The other end of the connection on which a request came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

/// The limits of one server, and what is used of them.
#[derive(Debug)]
pub(super) struct Guard {
    room: Arc<Semaphore>,
    addresses: Option<Rate>,
    users: Option<Rate>,
    /// What each user has under way.
    under_way: Option<Arc<Passes>>,
    proxies: usize,
    shutdown: Shutdown,
}

/// Counts a request as its user's, once it is known whose it is. Every request carries one among its extensions.
#[derive(Debug, Clone)]
pub struct Meter {
    guard: Arc<Guard>,
    standing: Arc<Mutex<Option<Standing>>>,
    /// The user's place, until the answer is there.
    pass: Arc<Mutex<Option<Pass>>>,
}

impl Guard {
    pub(super) fn new(limits: &HttpLimits, shutdown: Shutdown) -> Self {
        Self {
            room: Arc::new(Semaphore::new(limits.max_requests.min(Semaphore::MAX_PERMITS))),
            addresses: Rate::new("address", limits.requests_per_address),
            users: Rate::new("user", limits.requests_per_user),
            under_way: limits.per_user_at_once().map(|ones| Arc::new(Passes::new(ones))),
            proxies: limits.proxies,
            shutdown,
        }
    }

    /// Whether the server is on its way out, so that no connection should be kept for another request.
    pub(super) fn is_ending(&self) -> bool {
        self.shutdown.is_requested()
    }

    fn address_of(&self, request: &Request) -> Option<IpAddr> {
        let peer = request.extensions().get::<Peer>().map(|Peer(peer)| peer.ip());
        forwarded(request.headers(), self.proxies).or(peer).map(site)
    }
}

impl Meter {
    pub(super) fn new(guard: &Arc<Guard>) -> Self {
        Self { guard: Arc::clone(guard), standing: Arc::default(), pass: Arc::default() }
    }

    /// Counts the request as this user's; 429 if it is once too often, or too many of his or hers are under way.
    pub fn spend(&self, user: &str) -> Result<(), Problem> {
        self.count(self.guard.users.as_ref(), user, "You ask more often than one user may")?;
        let Some(under_way) = &self.guard.under_way else { return Ok(()) };
        let pass = under_way.give(user).ok_or_else(|| {
            refused("user_at_once");
            let detail = format!("Too many of your requests are under way; try again in {COME_BACK} s");
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail).retry_after(COME_BACK)
        })?;
        *self.pass.lock().unwrap_or_else(PoisonError::into_inner) = Some(pass);
        Ok(())
    }

    /// A place for this request, kept until the answer is there; 503 if there is none, 429 if its address asks too often.
    pub(super) fn enter(&self, request: &Request) -> Result<OwnedSemaphorePermit, Problem> {
        if let Some(address) = self.guard.address_of(request) {
            self.count(self.guard.addresses.as_ref(), address, "More comes from your address than may")?;
        }
        Arc::clone(&self.guard.room).try_acquire_owned().map_err(|_full| {
            refused("overloaded");
            let detail = format!("More is asked now than can be answered; try again in {COME_BACK} s");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail).retry_after(COME_BACK)
        })
    }

    /// Tells the client how far it is from its limit, where one was counted.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        if let Some(standing) = *self.standing() {
            standing.tell(headers);
        }
    }

    fn count(&self, rate: Option<&Rate>, key: impl std::hash::Hash, what: &str) -> Result<(), Problem> {
        let Some(rate) = rate else { return Ok(()) };
        let counted = rate.spend(key);
        let (Ok(standing) | Err(Exceeded { standing, .. })) = counted;
        *self.standing() = Some(standing);
        counted.map(drop).map_err(|Exceeded { retry_after, .. }| {
            refused(standing.name());
            let detail = format!("{what}; try again in {retry_after} s");
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail).retry_after(retry_after)
        })
    }

    fn standing(&self) -> std::sync::MutexGuard<'_, Option<Standing>> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(reason: &'static str) {
    metrics::counter!(REFUSED.name, "reason" => reason).increment(1);
}

/// The client's address as the outermost of our own proxies saw it. What stands before it may be invented.
fn forwarded(headers: &HeaderMap, proxies: usize) -> Option<IpAddr> {
    let lines = headers.get_all("x-forwarded-for").into_iter().rev().filter_map(|line| line.to_str().ok());
    let seen = lines.flat_map(|line| line.rsplit(',')).nth(proxies.checked_sub(1)?);
    seen?.trim().parse().ok()
}

/// What counts as one address: of IPv6 the network, because every household has 2^64 of them.
fn site(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_what_our_own_proxies_saw_counts_as_an_address() {
        let mut headers = HeaderMap::new();
        assert_eq!(forwarded(&headers, 1), None);
        for line in ["1.1.1.1, 2.2.2.2", "3.3.3.3,4.4.4.4"] {
            headers.append("x-forwarded-for", HeaderValue::from_static(line));
        }
        let seen = |proxies| forwarded(&headers, proxies).map(|address| address.to_string());
        let expected = [None, Some("4.4.4.4"), Some("3.3.3.3"), Some("2.2.2.2"), Some("1.1.1.1"), None];
        for (proxies, expected) in expected.into_iter().enumerate() {
            assert_eq!(seen(proxies).as_deref(), expected, "{proxies} proxies");
        }
        headers.append("x-forwarded-for", HeaderValue::from_static("nonsense"));
        assert_eq!(forwarded(&headers, 1), None);
    }

    #[test]
    fn a_household_is_one_address() {
        let same = |one: &str, other: &str| one.parse().ok().map(site) == other.parse().ok().map(site);
        assert!(same("2001:db8:0:1::1", "2001:db8:0:1:ffff::2"));
        assert!(!same("2001:db8:0:1::1", "2001:db8:0:2::1"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1") && !same("192.0.2.1", "192.0.2.2"));
    }
}
