//! Refresh tokens: good once, bound to their log-in, never stored as they are.

use accounts::{LogIn, REFRESH_LIFETIME, RefreshTokens};
use bson::{Document, doc};
use futures::TryStreamExt;
use futures::future::join_all;
use runtime::{Secret, clock};
use schemas::{SessionId, Timestamp, UserId};
use uuid::Uuid;

use crate::world::World;

fn log_in() -> LogIn {
    let bits = Uuid::now_v7().as_u128();
    LogIn { user: UserId::from_bits(bits), session: SessionId::from_bits(bits), session_version: 3 }
}

fn now() -> Timestamp {
    Timestamp::from_micros(clock::now_micros())
}

/// The token that follows this one, which must be good.
async fn next(tokens: &RefreshTokens, log_in: &LogIn, token: &Secret) -> Secret {
    let next = tokens.spend(token, log_in, now()).await.unwrap().unwrap();
    assert_ne!(&next, token);
    for known in [token, &next] {
        assert_eq!(tokens.whose(known, now()).await.unwrap().as_ref(), Some(log_in));
    }
    next
}

#[tokio::test]
async fn each_token_is_good_once_and_gives_the_next() {
    let (tokens, ada) = (World::new().await.refresh_tokens(), log_in());
    let first = tokens.begin(&ada, now()).await.unwrap();
    let second = next(&tokens, &ada, &first).await;
    let third = next(&tokens, &ada, &second).await;
    for spent in [&first, &second, &first] {
        assert_eq!(tokens.spend(spent, &ada, now()).await.unwrap(), None);
    }
    next(&tokens, &ada, &third).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_requests_with_one_token_at_once_exactly_one_gets_the_next() {
    let tokens = World::new().await.refresh_tokens();
    for _ in 0..5 {
        let ada = log_in();
        let token = tokens.begin(&ada, now()).await.unwrap();
        let all = join_all((0..16).map(|_| tokens.spend(&token, &ada, now()))).await;
        let given = all.into_iter().filter_map(Result::unwrap).count();
        assert_eq!(given, 1);
    }
}

#[tokio::test]
async fn no_token_of_a_log_in_that_was_ended_is_good_and_other_log_ins_go_on() {
    let (tokens, ada, bob) = (World::new().await.refresh_tokens(), log_in(), log_in());
    let first = tokens.begin(&ada, now()).await.unwrap();
    let other = tokens.begin(&bob, now()).await.unwrap();
    let second = next(&tokens, &ada, &first).await;
    for _ in 0..2 {
        tokens.end(&ada.session).await.unwrap();
        for token in [&first, &second] {
            assert_eq!(tokens.spend(token, &ada, now()).await.unwrap(), None);
        }
    }
    next(&tokens, &bob, &other).await;
}

#[tokio::test]
async fn what_is_no_token_or_too_old_is_unknown() {
    let (tokens, ada) = (World::new().await.refresh_tokens(), log_in());
    let began = now();
    let after = |micros| Timestamp::from_micros(began.as_micros() + micros);
    let lifetime = i64::try_from(REFRESH_LIFETIME.as_micros()).unwrap();
    let token = tokens.begin(&ada, began).await.unwrap();
    for wrong in ["", "0000", &token.expose()[1..], &format!("{}0", token.expose()), "{\"$gt\":\"\"}"] {
        assert_eq!(tokens.whose(&Secret::from(wrong), began).await.unwrap(), None, "{wrong}");
    }
    assert_eq!(tokens.whose(&token, after(lifetime)).await.unwrap(), None);
    assert_eq!(tokens.whose(&token, after(lifetime - 1_000_000)).await.unwrap().as_ref(), Some(&ada));
    let second = tokens.spend(&token, &ada, after(lifetime - 1_000_000)).await.unwrap().unwrap();
    let known = tokens.whose(&second, after(2 * lifetime - 2_000_000)).await.unwrap();
    assert_eq!(known.as_ref(), Some(&ada), "a log-in in use goes on");
}

#[tokio::test]
async fn no_token_is_stored_and_both_collections_forget_what_has_expired() {
    let (world, ada) = (World::new().await, log_in());
    let tokens = world.refresh_tokens();
    let first = tokens.begin(&ada, now()).await.unwrap();
    let second = next(&tokens, &ada, &first).await;
    let database = world.client.default_database().unwrap();
    for (name, documents) in [("logins", 1), ("refresh_tokens", 2)] {
        let collection = database.collection::<Document>(name);
        let stored: Vec<Document> = collection.find(doc! {}).await.unwrap().try_collect().await.unwrap();
        assert_eq!(stored.len(), documents);
        let text = format!("{stored:?}");
        assert!(!text.contains(first.expose()) && !text.contains(second.expose()));
        let indexes: Vec<_> = collection.list_indexes().await.unwrap().try_collect().await.unwrap();
        let expiring = indexes.iter().filter(|index| {
            let after = index.options.as_ref().and_then(|options| options.expire_after);
            index.keys == doc! { "expires": 1 } && after == Some(std::time::Duration::ZERO)
        });
        assert_eq!(expiring.count(), 1, "{indexes:?}");
    }
}
