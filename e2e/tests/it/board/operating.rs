//! What admins do at the board besides watching: readers are switched to what was filled and taken back, parked
//! streams are let go.

use e2e::client::{Request, order_of};
use futures::future::join_all;
use schemas::OrderId;
use serde_json::{Value, json};
use stack::eventually;
use uuid::Uuid;

use super::{ENTER, ESCAPE, Visit};
use crate::strangers::{PLACES, asked, garbage, parked};
use crate::world::{SETTLED, World};

#[tokio::test(flavor = "multi_thread")]
async fn what_admins_press_at_the_board_is_done_and_a_refusal_says_why() {
    // A system of its own: the stranger's record parks its stream in whatever generation is filled from then on.
    let world = World::alone().await;
    let visit = Visit::begin(&world).await;
    visit.log_in().await;
    visit.watch_a_rebuild_and_switch_to_it_and_back().await;
    visit.pause_and_go_on().await;
    let stranger = OrderId::from_bits(Uuid::new_v4().as_u128());
    garbage(&world, &stranger).await;
    visit.is_parked(&stranger, &PLACES).await;
    visit.redrive(&stranger).await;
    visit.discard(&stranger).await;
    visit.is_refused(&stranger).await;
    assert_eq!(visit.page.troubles(world.system.gateway()), Vec::<String>::new());
}

impl Visit<'_> {
    /// A generation that is not filled is refused, one that is filled is seen by readers, and the way back is open.
    async fn watch_a_rebuild_and_switch_to_it_and_back(&self) {
        self.has_orders().await;
        let mut slowly = self.world.ops("rebuild orders --execute --rate 1");
        let watcher = slowly.kill_on_drop(true).spawn().expect("the ops binary");
        let _ = self.page.shows("#projections", "orders g2, at most 1 events/s").await;
        let _ = self.page.shows("#projections", "records/s, ").await;
        self.picture_of("rebuild-").await;
        self.page.click("#how-to summary").await;
        self.page.click("#how-to .command button").await;
        let taken =
            "['Copied', 'Selected'].includes(document.querySelector('#how-to .command button').innerText) || null";
        let _ = self.page.value(taken).await;
        self.page.click("#switch-orders-2").await;
        let refused = "document.querySelector('#projections-told.bad')?.innerText.includes('not there in g2') || null";
        eventually("the switch is refused", SETTLED, async || self.page.now(refused).await.as_bool()).await;
        assert_eq!(self.live().await, json!(1), "nothing is switched that is not filled");

        let _ = self.world.answer("rebuild orders --execute --rate 0", 0).await;
        drop(watcher);
        let _ = self.page.shows("#projections", "100 % of g1").await;
        self.focus("switch-orders-2").await;
        self.press(ENTER).await;
        let _ = self.page.shows("#projections-told.good", "readers see it instead of g1").await;
        assert_eq!(self.live().await, json!(2));
        let _ = self.page.shows("#projections tbody tr:first-child", "g2").await;
        self.is_gone("switch-orders-2").await;
        self.is_focused("projections-title").await;

        self.page.click("#rollback-orders-1").await;
        let _ = self.page.shows("#projections-told.good", "readers see it instead of g2").await;
        assert_eq!(self.live().await, json!(1));
        // The same request once more: it does not lead forth again.
        let again = Request::by(&self.world.admin).json(json!({ "generation": 1 }));
        let _ = self.world.gateway.post("/ops/projections/orders/rollback", again).await.expect(409);
        assert_eq!(self.live().await, json!(1));
    }

    /// A view stands still: orders are accepted, what is there is answered, and the rest is caught up with afterwards.
    async fn pause_and_go_on(&self) {
        let (sku, user) = (World::name("PAUSED"), self.world.gateway.user(&World::name("pauser")).await);
        let _ = self.world.gateway.product(&self.world.admin, &sku, 250).await;
        let place = async || {
            let order = Request::by(&user).json(order_of(&user, &sku, 1));
            self.world.gateway.post("/commands/orders", order).await.expect(201)
        };
        let ask = async |order: &str, wait: &str| {
            let terms = Request::by(&user).with("prefer", wait).with("consistency-token", format!("{order}@1"));
            self.world.gateway.get(&format!("/queries/orders/{order}"), terms).await.status
        };
        let shown = place().await.text("orderId");
        assert_eq!(ask(&shown, "wait=10").await, 200);

        self.page.click("#pauses summary").await;
        self.page.click("#pause-orders").await;
        let _ = self.page.shows("#projections-told.good", "orders: stands still for 30 s").await;
        let _ = self.page.shows("#projections", "orders pauses for").await;
        let waiting = eventually("an order is accepted and not shown", SETTLED, async || {
            let order = place().await.text("orderId");
            (ask(&order, "wait=1").await == 503).then_some(order)
        })
        .await;
        assert_eq!(ask(&shown, "wait=0").await, 200, "what is there is answered");
        eventually("it says how far behind it is", SETTLED, async || {
            let pipeline = self.api("/ops/pipeline").await;
            pipeline.pointer("/projections/0/lagMs")?.as_i64().filter(|lag| *lag > 0)
        })
        .await;
        let _ = self.page.shows("#verdict", "The views are behind").await;

        self.page.click("#go-on-orders").await;
        let _ = self.page.shows("#projections-told.good", "goes on").await;
        self.is_gone("go-on-orders").await;
        assert_eq!(ask(&waiting, "wait=10").await, 200);
    }

    /// Enough of them for a rebuild that somebody can watch.
    async fn has_orders(&self) {
        let (sku, user) = (World::name("WATCHED"), self.world.gateway.user(&World::name("watcher")).await);
        let _ = self.world.gateway.product(&self.world.admin, &sku, 250).await;
        let place = async |_: u32| {
            let order = Request::by(&user).json(order_of(&user, &sku, 1));
            drop(self.world.gateway.post("/commands/orders", order).await.expect(201));
        };
        let _ = join_all((0..100).map(place)).await;
        let _ = self.world.settle().await;
    }

    /// The generation of orders that readers see.
    async fn live(&self) -> Value {
        let projections = self.api("/ops/projections").await;
        projections.pointer("/projections/0/liveGeneration").cloned().unwrap_or_default()
    }

    async fn is_parked(&self, stranger: &OrderId, places: &[&str]) {
        let there = async || (parked(self.world, stranger).await == places).then_some(());
        eventually(&format!("it is parked in {places:?}"), SETTLED, there).await;
    }

    /// By keyboard. Whoever pressed the button is not lost when it goes away.
    async fn redrive(&self, stranger: &OrderId) {
        self.focus(&format!("redrive-history-{stranger}")).await;
        self.press(ENTER).await;
        let _ = self.page.shows("#parked-told.good", "the store has nothing newer to publish").await;
        self.is_parked(stranger, &["orders", "feeds"]).await;
        self.is_gone(&format!("redrive-history-{stranger}")).await;
        self.is_focused("parked-title").await;
    }

    /// It asks first, wants a reason, and does nothing for who thinks better of it.
    async fn discard(&self, stranger: &OrderId) {
        let button = format!("discard-orders-{stranger}");
        self.page.click(&format!("#{button}")).await;
        let _ = self.page.shows("#confirm[open]", "There is no way back").await;
        self.picture_of("discard-").await;
        self.press(ESCAPE).await;
        self.is_focused(&button).await;
        self.press(ENTER).await;
        self.is_focused("confirm-reason").await;
        self.page.click("#confirm-no").await;
        self.is_focused(&button).await;
        self.press(ENTER).await;
        self.is_focused("confirm-reason").await;
        self.press(ENTER).await;
        assert_eq!(self.page.now("document.querySelector('#confirm').open").await, json!(true), "without a reason");
        self.is_parked(stranger, &["orders", "feeds"]).await;
        self.page.write("not ours").await;
        self.press(ENTER).await;
        let _ = self.page.shows("#parked-told.good", "only the record is passed over").await;
        self.is_parked(stranger, &["feeds"]).await;
        let listed = self.world.answer("parked ls --projection orders", 0).await;
        assert!(listed["items"][0]["state"].as_str().is_some_and(|state| state.contains("not ours")), "{listed}");
    }

    /// Somebody else was faster, while the page asked for the reason.
    async fn is_refused(&self, stranger: &OrderId) {
        self.page.click(&format!("#discard-feeds-{stranger}")).await;
        self.is_focused("confirm-reason").await;
        let _ = asked(self.world, "feeds", stranger, "redrive").await.expect(200);
        self.page.write("too late").await;
        self.press(ENTER).await;
        let _ = self.page.shows("#parked-told.bad", "is not parked in feeds").await;
        let _ = self.page.shows("#parked", "Every stream goes on").await;
    }

    pub(super) async fn focus(&self, id: &str) {
        let _ = self
            .page
            .value(&format!("(document.getElementById({id:?})?.focus(), document.activeElement.id === {id:?}) || null"))
            .await;
    }

    async fn is_focused(&self, id: &str) {
        let _ = self.page.value(&format!("document.activeElement.id === {id:?} || null")).await;
    }

    async fn is_gone(&self, id: &str) {
        let _ = self.page.value(&format!("document.getElementById({id:?}) === null || null")).await;
    }
}
