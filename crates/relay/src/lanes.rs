//! Who publishes which lane: rendezvous hashing, so that a relay that comes or goes moves only its own lanes.

use event_store::{LANES, Lanes, murmur2};

/// The lanes of `me` among these relays; `me` counts as one of them. Every relay computes the same from the same list.
/// Lists that differ for a while give a lane to two relays or to none for that while: duplicates or delay, no loss.
#[must_use]
pub fn owned(me: &str, relays: &[String]) -> Lanes {
    let rank = |relay: &str, lane: u8| murmur2(format!("{relay}/{lane}").as_bytes());
    // The name breaks ties, so that two relays never both think that they have won.
    let mine = |lane: &u8| {
        let my_rank = (rank(me, *lane), me);
        relays.iter().all(|other| (rank(other, *lane), other.as_str()) <= my_rank)
    };
    (0..LANES).filter(mine).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relays(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn every_lane_has_exactly_one_owner_and_each_relay_a_fair_share() {
        let all = relays(&["command-api-1", "command-api-2", "command-api-3"]);
        let shares: Vec<_> = all.iter().map(|me| owned(me, &all)).collect();
        for lane in 0..LANES {
            assert_eq!(shares.iter().filter(|share| share.contains(lane)).count(), 1, "lane {lane}");
        }
        assert!(shares.iter().all(|share| share.count() >= 12), "{shares:?}");
    }

    #[test]
    fn a_relay_alone_owns_everything_also_when_its_own_heartbeat_is_missing() {
        assert_eq!(owned("a", &relays(&["a"])), Lanes::ALL);
        assert_eq!(owned("a", &[]), Lanes::ALL);
    }

    #[test]
    fn a_relay_that_goes_leaves_the_lanes_of_the_others_where_they_are() {
        let (before, after) = (relays(&["a", "b", "c"]), relays(&["a", "b"]));
        for me in ["a", "b"] {
            let kept = owned(me, &after);
            assert!(owned(me, &before).iter().all(|lane| kept.contains(lane)));
        }
    }
}
