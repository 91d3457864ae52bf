//! The board, in a real browser, against what the API says.

mod operating;

use std::path::PathBuf;

use e2e::browser::{Chromium, Look, Page, Scheme};
use e2e::client::Request;
use schemas::Sku;
use serde_json::{Value, json};
use stack::{eventually, folders, testing};

use crate::fulfilment::product;
use crate::world::{SETTLED, World};

const TAB: (&str, u32) = ("Tab", 9);
const ENTER: (&str, u32) = ("Enter", 13);
const LEFT: (&str, u32) = ("ArrowLeft", 37);
const HOME: (&str, u32) = ("Home", 36);
const ESCAPE: (&str, u32) = ("Escape", 27);

/// Where a person can read, without scrolling sideways.
const LOOKS: [(&str, Look); 4] = [
    ("wide-light", Look { width: 1280, scheme: Scheme::Light }),
    ("wide-dark", Look { width: 1280, scheme: Scheme::Dark }),
    ("narrow-light", Look { width: 360, scheme: Scheme::Light }),
    ("narrow-dark", Look { width: 360, scheme: Scheme::Dark }),
];

/// A browser in front of the board.
struct Visit<'a> {
    world: &'a World,
    page: Page,
    _browser: Chromium,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_board_does_what_it_says_and_shows_what_the_api_says() {
    let world = World::enter().await;
    let sku = product(&world, "BOARD", 50).await;
    let shown = Request::by(&world.admin).with("prefer", "wait=10");
    let shown = shown.with("consistency-token", format!("{}@1", Sku::parse(&sku).expect("a SKU").product()));
    let _ = world.gateway.get(&format!("/queries/products/{sku}"), shown).await.expect(200);
    let visit = Visit::begin(&world).await;
    visit.log_in().await;
    let order = visit.place(&sku).await;
    visit.send_again(&order).await;
    visit.numbers_are_the_apis().await;
    visit.go_through_the_history(&order).await;
    visit.receive(&sku).await;
    visit.take_pictures().await;
    visit.come_back().await;
    visit.log_out().await;
    assert_eq!(visit.page.troubles(world.system.gateway()), Vec::<String>::new());
    let _ = world.settle().await;
}

impl<'a> Visit<'a> {
    /// Somebody at a desk.
    async fn begin(world: &'a World) -> Self {
        let browser = Chromium::start(&testing::folder("chromium")).await;
        let visit = Self { world, page: browser.page().await, _browser: browser };
        visit.page.look(LOOKS[0].1).await;
        visit
    }
}

impl Visit<'_> {
    /// Somebody who has no mouse comes in, and nobody who is no admin.
    async fn log_in(&self) {
        let page = &self.page;
        page.go(&format!("{}/board", self.world.system.gateway())).await;
        let _ = page.shows("#entry", "Log in").await;
        self.picture_of("entry-").await;
        let customer = World::name("customer");
        let _ = self.world.gateway.user(&customer).await;
        self.enter(&format!("{customer}@example.com"), "correct horse battery").await;
        let _ = page.shows("#entry-problem", "for admins").await;
        let admin = self.world.system.admin();
        self.enter(&admin.email, &admin.password).await;
        let _ = page.shows("#name", &admin.email).await;
        let _ = page.shows("#line", "Live").await;
        let stored = page.now("Object.keys(localStorage).length + document.cookie.length").await;
        assert_eq!(stored, json!(0), "a token outlives its tab");
    }

    async fn enter(&self, email: &str, password: &str) {
        let _ = self
            .page
            .value("(document.querySelector('#email').focus(), document.querySelector('#email').select(), true)")
            .await;
        self.page.write(email).await;
        self.press(TAB).await;
        self.page.write(password).await;
        self.press(ENTER).await;
    }

    async fn press(&self, (key, code): (&str, u32)) {
        self.page.press(key, code).await;
    }

    /// Places an order, and sees it come and become paid; its id.
    async fn place(&self, sku: &str) -> String {
        let page = &self.page;
        let choice =
            format!("[...document.querySelectorAll('#sku option')].some(option => option.value === {sku:?}) || null");
        let _ = page.value(&choice).await;
        let _ = page.value(&format!("(document.querySelector('#sku').value = {sku:?})")).await;
        page.click("#place-one").await;
        let _ = page.shows("#outcome", "was accepted").await;
        let _ = page.shows("#rows tr:first-child", "PAID").await;
        let _ = page.shows("#rows tr:first-child .payment", "CAPTURED").await;
        let order = page.value("document.querySelector('#rows tr').dataset.order").await;
        let order = order.as_str().expect("an id").to_owned();
        let found = self.api(&format!("/queries/orders/{order}")).await;
        let told = |pointer: &str| found.pointer(pointer).cloned();
        assert_eq!(told("/order/status"), Some(json!("PAID")), "{found}");
        assert_eq!(told("/order/previewSkus"), Some(json!([sku])), "{found}");
        let _ = page.shows("#rows tr:first-child", "€5.00").await;
        assert_eq!(told("/order/totalAmount"), Some(json!(500)), "{found}");
        let _ = page.shows("#chart", "p99").await;
        order
    }

    /// The same key twice more: once with the same body, once with another.
    async fn send_again(&self, order: &str) {
        let before = self.orders().await;
        self.page.click("#again").await;
        let _ = self.page.shows("#outcome", "There is no second order").await;
        self.page.click("#again-other").await;
        let refused = self.page.shows("#outcome", "idempotency_key_reused").await;
        assert!(refused.contains("422"), "{refused}");
        let _ = self.world.settle().await;
        assert_eq!(self.orders().await, before);
        assert_eq!(before.first().map(String::as_str), Some(order));
        let shown = self.page.now("[...document.querySelectorAll('#rows tr')].map(row => row.dataset.order)").await;
        let shown: Vec<String> = serde_json::from_value(shown).expect("ids");
        assert_eq!(shown, before[..shown.len()], "the table is the API's list");
    }

    /// What the picture and the tables count is what `GET /ops/pipeline` counts.
    async fn numbers_are_the_apis(&self) {
        eventually("the page shows the API's numbers", SETTLED, async || {
            let pipeline = self.api("/ops/pipeline").await;
            let orders = pipeline.pointer("/projections/0")?;
            let mut generations = orders.get("generations")?.as_array()?.iter();
            let live = generations.find(|one| one.get("generation") == orders.get("liveGeneration"))?;
            let read = live.pointer("/progress/read").and_then(Value::as_i64)?;
            let text = "document.querySelector('#projections tbody td:nth-child(3)').innerText.replaceAll(',', '')";
            let shown = self.page.now(text).await;
            (shown.as_str()? == read.to_string()).then_some(())
        })
        .await;
        let none = self.api("/ops/parked").await.get("count") == Some(&json!(0));
        let _ = self.page.shows("#parked", if none { "Every stream goes on" } else { "all others go on" }).await;
        let _ = self.page.shows("#verdict", if none { "Everything is up" } else { "parked" }).await;
    }

    /// By keyboard: each place of the slider shows the state after that event.
    async fn go_through_the_history(&self, order: &str) {
        let history = self.api(&format!("/queries/orders/{order}/history")).await;
        let events = history.get("events").and_then(Value::as_array).expect("events").clone();
        let types: Vec<_> = events.iter().filter_map(|event| event.get("type")).collect();
        assert_eq!(types, ["OrderPlaced", "OrderReserved", "OrderPaid"]);
        let open = format!("(document.querySelector('[data-order={order:?}] button').focus(), true)");
        let _ = self.page.value(&open).await;
        self.press(ENTER).await;
        let focus = "document.activeElement.id === 'history-slider' || null";
        let _ = self.page.value(focus).await;
        let way = self.page.shows(".events li:first-child .way", "log").await;
        for station in ["orders", "history", "feed"] {
            assert!(way.contains(station), "{station} in {way}");
        }
        for (key, place, event, status) in [
            (None, 3, "OrderPaid", "PAID"),
            (Some(LEFT), 2, "OrderReserved", "RESERVED"),
            (Some(HOME), 1, "OrderPlaced", "CREATED"),
        ] {
            if let Some(key) = key {
                self.press(key).await;
            }
            let _ = self.page.shows("#history-event", &format!("{place} of 3: {event}")).await;
            let _ = self.page.shows("[data-field=status]", status).await;
            let _ = self.page.shows("[data-field=version]", &place.to_string()).await;
        }
        self.press(ESCAPE).await;
        let closed = "document.querySelector('#history').open ? null : true";
        let _ = self.page.value(closed).await;

        // And by mouse, from the event's name.
        self.page.click(&format!("[data-order={order:?}] button")).await;
        self.page.click(".events li:nth-child(2) button").await;
        let _ = self.page.shows("#history-event", "2 of 3: OrderReserved").await;
        self.picture_of("history-").await;
        self.page.click("#history-close").await;
        let _ = self.page.value(closed).await;
    }

    /// Books pieces in, which the list of products and the API know then.
    async fn receive(&self, sku: &str) {
        self.page.click("#stock").await;
        let _ = self.page.shows("#outcome", "1,000 more pieces").await;
        let available = self.api(&format!("/queries/products/{sku}")).await;
        assert_eq!(available.pointer("/product/available"), Some(&json!(1_048)), "50, 2 ordered, 1,000 more");
        let _ = self.page.shows("#sku", "1048 left").await;
    }

    /// On every screen, nothing is wider than the screen; a picture of each is kept in `target/board`.
    async fn take_pictures(&self) {
        let before = self.orders().await;
        self.page.click("#place-ten").await;
        let _ = self.page.shows("#outcome", "10 orders were accepted").await;
        eventually("the API has ten more", SETTLED, async || {
            let now = self.orders().await;
            (now.iter().take_while(|order| Some(*order) != before.first()).count() == 10).then_some(())
        })
        .await;
        let _ = self.page.value("document.querySelectorAll('#rows .badge.good').length >= 20 || null").await;
        self.picture_of("").await;
    }

    /// The same of this moment.
    async fn picture_of(&self, moment: &str) {
        let folder = pictures();
        std::fs::create_dir_all(&folder).expect("the folder of pictures");
        for (name, look) in LOOKS {
            self.page.look(look).await;
            let width = self.page.now("document.documentElement.scrollWidth").await;
            assert_eq!(width, json!(look.width), "{moment}{name} scrolls sideways");
            let fits =
                "[...document.querySelectorAll('dialog[open]')].every(one => one.scrollWidth <= one.clientWidth)";
            assert_eq!(self.page.now(fits).await, json!(true), "the dialog of {moment}{name} scrolls sideways");
            self.page.picture(&folder.join(format!("{moment}{name}.png"))).await;
        }
        self.page.look(LOOKS[0].1).await;
    }

    /// Whoever loads the page again is still logged in, and needs no mouse to order.
    async fn come_back(&self) {
        self.page.go(&format!("{}/board", self.world.system.gateway())).await;
        let _ = self.page.shows("#line", "Live").await;
        let _ = self.page.value("document.querySelectorAll('#rows tr').length >= 11 || null").await;
        self.focus("quantity").await;
        self.press(ENTER).await;
        let _ = self.page.shows("#outcome", "was accepted").await;
    }

    async fn log_out(&self) {
        self.page.click("#log-out").await;
        let _ = self.page.shows("#entry", "Log in").await;
        let left = self.page.now("sessionStorage.length + document.querySelectorAll('#rows tr').length").await;
        assert_eq!(left, json!(0), "something is left of whoever was here");
    }

    async fn api(&self, path: &str) -> Value {
        self.world.gateway.get(path, Request::by(&self.world.admin)).await.expect(200).body
    }

    /// The newest orders of everybody, newest first.
    async fn orders(&self) -> Vec<String> {
        let page = self.api("/queries/orders?limit=25").await;
        let orders = page.get("orders").and_then(Value::as_array).expect("orders").iter();
        orders.filter_map(|order| order.get("orderId")?.as_str().map(str::to_owned)).collect()
    }
}

fn pictures() -> PathBuf {
    folders::repository().join("target/board")
}
