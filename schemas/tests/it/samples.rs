//! Events to test with: one fixed event per record, and any event at random.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use schemas::{
    AnyEvent, Currency, Money, OrderCancelled, OrderEvent, OrderLine, OrderPlaced, ProductEvent, ProductPriceChanged,
    ProductRegistered, Role, Sealed, SessionId, Sku, StockEvent, StockReceived, UserErased, UserEvent, UserId,
    UserPasswordChanged, UserProfileChanged, UserRegistered, UserReinstated, UserRoleGranted, UserRoleRevoked,
    UserSessionEnded, UserSessionsRevoked, UserSuspended,
};

/// One event per record with every field filled, in the order of the records.
pub(crate) fn one_of_each() -> Vec<AnyEvent> {
    let mug = Sku::parse("MUG-blue").unwrap();
    let pot = Sku::parse("tea_pot").unwrap();
    let user_id = UserId::from_bits(0x1234_5678_9abc_def0_1122_3344_5566_7788);
    let price = Money { amount: 1_250, currency: Currency::parse("EUR").unwrap() };
    let line = |sku: &Sku, name: &str, quantity, unit_price| OrderLine {
        sku: sku.clone(),
        name: name.to_owned(),
        quantity,
        unit_price,
    };
    let lines = vec![line(&mug, "Mug, blue", 2, 1_250), line(&pot, "Teapot für zwei ☕", 1, 4_999)];
    let reason = Some("ordered twice".to_owned());
    let mut all = vec![
        OrderEvent::Placed(OrderPlaced {
            user_id: user_id.clone(),
            lines,
            currency: price.currency,
            total_amount: 7_499,
        })
        .into(),
        OrderEvent::Cancelled(OrderCancelled { cancelled_by: user_id.clone(), reason }).into(),
        ProductEvent::Registered(ProductRegistered { sku: mug.clone(), name: "Mug, blue".to_owned(), price }).into(),
        ProductEvent::PriceChanged(ProductPriceChanged { price }).into(),
        StockEvent::Received(StockReceived { sku: mug, quantity: 250, reason: Some("delivery 17".to_owned()) }).into(),
    ];
    all.extend(one_of_each_of_a_user(user_id).map(AnyEvent::from));
    all
}

fn one_of_each_of_a_user(user_id: UserId) -> [UserEvent; 10] {
    let sealed = |text: &str| Sealed::parse(text).unwrap();
    [
        UserEvent::Registered(UserRegistered {
            email: sealed("AWVtYWls"),
            first_name: sealed("AWZpcnN0"),
            last_name: sealed("AWxhc3Q"),
            role: Role::Admin,
        }),
        UserEvent::ProfileChanged(UserProfileChanged {
            email: Some(sealed("AW5ldy1lbWFpbA")),
            first_name: Some(sealed("AW5ldy1maXJzdA")),
            last_name: Some(sealed("AW5ldy1sYXN0")),
        }),
        UserEvent::SessionEnded(UserSessionEnded { session: SessionId::parse("s-0001").unwrap() }),
        UserEvent::SessionsRevoked(UserSessionsRevoked { session_version: 2 }),
        UserEvent::PasswordChanged(UserPasswordChanged { session_version: 3 }),
        UserEvent::RoleGranted(UserRoleGranted { role: Role::Admin, granted_by: user_id.clone(), session_version: 4 }),
        UserEvent::RoleRevoked(UserRoleRevoked { role: Role::Admin, revoked_by: user_id.clone(), session_version: 5 }),
        UserEvent::Suspended(UserSuspended {
            suspended_by: user_id.clone(),
            reason: Some(sealed("AWZyYXVk")),
            session_version: 6,
        }),
        UserEvent::Reinstated(UserReinstated { reinstated_by: user_id.clone(), reason: Some(sealed("AW1pc3Rha2U")) }),
        UserEvent::Erased(UserErased { erased_by: user_id }),
    ]
}

/// Any event that its types allow.
pub(crate) fn any_event() -> impl Strategy<Value = AnyEvent> {
    prop_oneof![order(), product(), stock(), user()]
}

fn order() -> impl Strategy<Value = AnyEvent> {
    let line = (sku(), any::<String>(), any::<i64>(), any::<i64>())
        .prop_map(|(sku, name, quantity, unit_price)| OrderLine { sku, name, quantity, unit_price });
    let placed =
        (user_id(), vec(line, 0..20), currency(), any::<i64>()).prop_map(|(user_id, lines, currency, total_amount)| {
            OrderEvent::Placed(OrderPlaced { user_id, lines, currency, total_amount })
        });
    let cancelled = (user_id(), option::of(any::<String>()))
        .prop_map(|(cancelled_by, reason)| OrderEvent::Cancelled(OrderCancelled { cancelled_by, reason }));
    prop_oneof![placed, cancelled].prop_map(AnyEvent::from)
}

fn product() -> impl Strategy<Value = AnyEvent> {
    let registered = (sku(), any::<String>(), money())
        .prop_map(|(sku, name, price)| ProductEvent::Registered(ProductRegistered { sku, name, price }));
    let changed = money().prop_map(|price| ProductEvent::PriceChanged(ProductPriceChanged { price }));
    prop_oneof![registered, changed].prop_map(AnyEvent::from)
}

fn stock() -> impl Strategy<Value = AnyEvent> {
    (sku(), any::<i64>(), option::of(any::<String>()))
        .prop_map(|(sku, quantity, reason)| StockEvent::Received(StockReceived { sku, quantity, reason }).into())
}

fn user() -> impl Strategy<Value = AnyEvent> {
    let session = "[A-Za-z0-9_-]{1,64}".prop_map(|text| SessionId::parse(&text).unwrap());
    let registered = (sealed(), sealed(), sealed(), role()).prop_map(|(email, first_name, last_name, role)| {
        UserEvent::Registered(UserRegistered { email, first_name, last_name, role })
    });
    let changed = (option::of(sealed()), option::of(sealed()), option::of(sealed()));
    let changed = changed.prop_map(|(email, first_name, last_name)| {
        UserEvent::ProfileChanged(UserProfileChanged { email, first_name, last_name })
    });
    prop_oneof![
        registered,
        changed,
        standing(),
        user_id().prop_map(|erased_by| UserEvent::Erased(UserErased { erased_by })),
        session.prop_map(|session| UserEvent::SessionEnded(UserSessionEnded { session })),
        any::<i64>().prop_map(|session_version| UserEvent::SessionsRevoked(UserSessionsRevoked { session_version })),
    ]
    .prop_map(AnyEvent::from)
}

/// What admins do to users, and what users do about their passwords.
fn standing() -> impl Strategy<Value = UserEvent> {
    let version = any::<i64>;
    let reason = || option::of(sealed());
    prop_oneof![
        version().prop_map(|session_version| UserEvent::PasswordChanged(UserPasswordChanged { session_version })),
        (role(), user_id(), version()).prop_map(|(role, granted_by, session_version)| {
            UserEvent::RoleGranted(UserRoleGranted { role, granted_by, session_version })
        }),
        (role(), user_id(), version()).prop_map(|(role, revoked_by, session_version)| {
            UserEvent::RoleRevoked(UserRoleRevoked { role, revoked_by, session_version })
        }),
        (user_id(), reason(), version()).prop_map(|(suspended_by, reason, session_version)| {
            UserEvent::Suspended(UserSuspended { suspended_by, reason, session_version })
        }),
        (user_id(), reason())
            .prop_map(|(reinstated_by, reason)| UserEvent::Reinstated(UserReinstated { reinstated_by, reason })),
    ]
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::User), Just(Role::Admin)]
}

fn sealed() -> impl Strategy<Value = Sealed> {
    "[A-Za-z0-9_-]{1,200}".prop_map(|text| Sealed::parse(&text).unwrap())
}

fn sku() -> impl Strategy<Value = Sku> {
    "[A-Za-z0-9_-]{1,64}".prop_map(|text| Sku::parse(&text).unwrap())
}

fn user_id() -> impl Strategy<Value = UserId> {
    any::<u128>().prop_map(UserId::from_bits)
}

fn currency() -> impl Strategy<Value = Currency> {
    "[A-Z]{3}".prop_map(|text| Currency::parse(&text).unwrap())
}

fn money() -> impl Strategy<Value = Money> {
    (any::<i64>(), currency()).prop_map(|(amount, currency)| Money { amount, currency })
}
