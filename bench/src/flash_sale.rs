//! Everybody wants the same thing: orders of one SKU, carried out to their end, by ever more clients. More clients must
//! not make the house sell less.

use std::cell::Cell;

use e2e::client::order_of;
use futures::future::join_all;
use uuid::Uuid;

use crate::case::{Case, Floor, Side};
use crate::crowd::{Crowd, Placed};
use crate::http::Connection;
use crate::load::Call;
use crate::measure::{Meter, Round};
use crate::plan::Plan;
use crate::report;
use crate::world::{SKUS, World};

/// The share of the best step that every later step must reach.
const FLOOR: Floor = Floor::AtLeast(0.8);
const ROUNDS: usize = 3;

/// Runs it: every role of the command API, and the payment sandbox.
pub(crate) async fn run(world: &World, plan: &Plan) -> Vec<Case> {
    world.only(&[("command-api", &[]), ("notifier", &[]), ("payment-sandbox", &[])]).await;
    let crowd = Crowd::gather(world, &["OrderPaid", "OrderRejected", "OrderCancelled"]).await;
    let mut steps: Vec<_> = plan.crowds.iter().map(|clients| (*clients, Side::new("ours"))).collect();
    for _ in 0..plan.rounds.min(ROUNDS) {
        for (clients, side) in &mut steps {
            report::say(&format!("flash sale, {clients} clients"));
            side.rounds.push(sell(world, plan, &crowd, *clients).await);
        }
    }
    let worst = worst_after_the_peak(&steps.iter().map(|(_, side)| side.rate()).collect::<Vec<_>>());
    let case = |(clients, side)| Case::new("flash", format!("{clients} clients, one SKU"), "orders", vec![side]);
    let mut cases: Vec<_> = steps.into_iter().map(case).collect();
    if let Some(last) = cases.pop() {
        cases.push(last.figure("slowest step after the fastest / the fastest", vec![worst], Some(FLOOR)));
    }
    cases
}

fn worst_after_the_peak(rates: &[f64]) -> f64 {
    let peak = rates.iter().copied().fold(0.0, f64::max);
    let after = rates.iter().skip_while(|rate| **rate < peak);
    after.copied().fold(f64::INFINITY, f64::min) / peak
}

/// Sells one piece per order; the round ends when the last order is paid or turned down.
async fn sell(world: &World, plan: &Plan, crowd: &Crowd, clients: usize) -> Round {
    let mut connections = Connection::several(world.url("command-api"), clients).await;
    let (run, placed, next) = (Uuid::now_v7(), Placed::default(), Cell::new(0));
    let meter = Meter::start(&[world.pid("command-api"), world.pid("mongodb"), world.pid("payment-sandbox")]);
    let work = connections.iter_mut().map(async |connection| {
        while next.get() < plan.sale {
            let number = next.replace(next.get() + 1).into();
            let call = Call { number, begun: runtime::clock::monotonic() };
            let body = |user: &_| order_of(user, SKUS[0], 1).to_string();
            crowd.place(connection, call, (&run, &placed), body).await;
        }
    });
    let _done = join_all(work).await;
    assert_eq!(placed.count(), u64::from(plan.sale), "every order was accepted");
    let times = crowd.told(placed).await;
    meter.stop(times.count(), Some(&times))
}

#[cfg(test)]
mod tests {
    use super::worst_after_the_peak;

    #[test]
    fn only_what_comes_after_the_peak_can_fall() {
        assert_eq!(worst_after_the_peak(&[1.0, 10.0, 8.0, 9.0]), 0.8);
        assert_eq!(worst_after_the_peak(&[1.0, 10.0]), 1.0);
    }
}
