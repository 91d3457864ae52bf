//! Users: who sees whom, the seed's pages, and the search.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::caller::{admin, user};
use crate::events::{erased, joined, renamed};
use crate::stage::{Reply, Stage};

/// Three users, who joined one second after another.
async fn staged() -> Stage {
    let stage = Stage::open().await;
    for (id, first, last, second) in
        [("usr_a", "Ada", "Lovelace", 1), ("usr_g", "Grace", "Hopper", 2), ("usr_c", "Chien", "Wu", 3)]
    {
        stage.user(&joined(id, first, last, second)).await;
    }
    stage
}

/// The first names in an answer's list.
fn names(reply: &Reply, list: &str) -> Vec<String> {
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    let users = reply.json()[list].as_array().unwrap().clone();
    users.iter().map(|user| user["firstName"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn row_1_4_ones_own_profile_is_answered_in_the_seeds_envelope_under_both_names() {
    let stage = staged().await;
    for path in ["/api/v1/users/profile", "/api/v1/users/me", "/api/v1/users/usr_a"] {
        let reply = stage.get(path, &user("usr_a"), &[]).await;
        assert!(reply.header("etag").unwrap().starts_with("\"1."), "{path}: {reply:?}");
        let json = reply.json();
        let expected = json!({
            "_id": "usr_a", "email": "ada@example.org", "firstName": "Ada", "lastName": "Lovelace", "role": "user",
            "isActive": true, "createdAt": "2023-11-14T22:13:21.000000Z", "updatedAt": "2023-11-14T22:13:21.000000Z",
            "__v": 1,
        });
        assert_eq!((&json["success"], &json["data"]), (&json!(true), &expected), "{path}");
        assert!(json["message"].is_string() && json["data"].get("password").is_none());
    }
    assert_eq!(stage.get("/api/v1/users/profile", "", &[]).await.problem(), (401, "token_required".to_owned()));
}

/// A browser asks again with the tag that it has, also after somebody else has logged in there.
#[tokio::test]
async fn the_tag_of_ones_own_profile_says_nothing_of_somebody_elses() {
    let stage = staged().await;
    for path in ["/api/v1/users/profile", "/api/v1/users/me"] {
        let tag = stage.get(path, &user("usr_a"), &[]).await.header("etag").unwrap().to_owned();
        let known = [("if-none-match", tag.as_str())];
        assert_eq!(stage.get(path, &user("usr_a"), &known).await.status, StatusCode::NOT_MODIFIED);
        let other = stage.get(path, &user("usr_g"), &known).await;
        assert_eq!((other.status, &other.json()["data"]["firstName"]), (StatusCode::OK, &json!("Grace")), "{path}");
    }
}

#[tokio::test]
async fn a_profile_that_the_view_does_not_show_yet_is_waited_for_and_not_called_unknown() {
    let stage = staged().await;
    let path = "/api/v1/users/profile";
    let behind = stage.get(path, &user("usr_new"), &[("prefer", "wait=0")]).await;
    assert_eq!(behind.problem(), (503, "projection_behind".to_owned()));
    let (token, event) = (user("usr_new"), joined("usr_new", "New", "Comer", 9));
    let (reply, ()) = tokio::join!(stage.get(path, &token, &[("prefer", "wait=10")]), stage.user(&event));
    assert_eq!(reply.json()["data"]["firstName"], "New");
}

#[tokio::test]
async fn somebody_else_is_unknown_to_all_but_admins() {
    let stage = staged().await;
    let unknown = (404, "user_not_found".to_owned());
    assert_eq!(stage.get("/api/v1/users/usr_a", &user("usr_g"), &[]).await.problem(), unknown);
    assert_eq!(stage.get("/api/v1/users/usr_nobody", &user("usr_g"), &[]).await.problem(), unknown);
    assert_eq!(stage.get("/api/v1/users/usr_a", &admin(), &[]).await.json()["data"]["firstName"], "Ada");
    assert_eq!(stage.get("/api/v1/users/usr_nobody", &admin(), &[]).await.problem(), unknown);
}

#[tokio::test]
async fn row_1_5_all_users_are_listed_for_admins_with_the_seeds_pagination() {
    let stage = staged().await;
    let page = stage.get("/api/v1/users?limit=2", &admin(), &[]).await;
    assert_eq!(names(&page, "users"), ["Chien", "Grace"]);
    let json = page.json();
    assert_eq!(json["pagination"], json!({"total": 3, "page": 1, "limit": 2, "pages": 2}));
    assert!(json["success"] == true && json.get("data").is_none() && json["message"].is_string(), "{json}");
    let second = stage.get("/api/v1/users?limit=2&page=2", &admin(), &[]).await;
    assert_eq!((names(&second, "users"), &second.json()["cursor"]), (vec!["Ada".to_owned()], &Value::Null));
    let beyond = stage.get("/api/v1/users?page=99999999999999999", &admin(), &[]).await;
    assert_eq!((names(&beyond, "users").len(), &beyond.json()["pagination"]["total"]), (0, &json!(3)));
    let usual = stage.get("/api/v1/users", &admin(), &[]).await;
    assert_eq!(usual.json()["pagination"], json!({"total": 3, "page": 1, "limit": 10, "pages": 1}));
    let refused = stage.get("/api/v1/users", &user("usr_a"), &[]).await;
    assert_eq!(
        (refused.problem(), &refused.json()["message"]),
        ((403, "forbidden".to_owned()), &json!("Admin access required"))
    );
}

#[tokio::test]
async fn row_1_5_a_listing_is_sorted_by_what_is_on_the_list_and_by_nothing_else() {
    let stage = staged().await;
    stage.user(&renamed("usr_g", 2, "Abel", 10)).await;
    for (sort, expected) in [
        ("sortBy=createdAt&sortOrder=asc", ["Ada", "Grace", "Chien"]),
        ("sortBy=updatedAt&sortOrder=desc", ["Grace", "Chien", "Ada"]),
        ("sortBy=email&sortOrder=asc", ["Ada", "Chien", "Grace"]),
        ("sortBy=firstName&sortOrder=desc", ["Grace", "Chien", "Ada"]),
        ("sortBy=lastName&sortOrder=asc", ["Grace", "Ada", "Chien"]),
    ] {
        let reply = stage.get(&format!("/api/v1/users?{sort}"), &admin(), &[]).await;
        assert_eq!(names(&reply, "users"), expected, "{sort}");
    }
    for wrong in ["page=0", "page=-1", "page=abc", "limit=0", "sortBy=password", "sortOrder=up"] {
        let reply = stage.get(&format!("/api/v1/users?{wrong}"), &admin(), &[]).await;
        assert_eq!(reply.problem(), (400, "validation_failed".to_owned()), "{wrong}");
        assert_eq!(reply.json()["issues"][0]["path"], json!([wrong.split('=').next().unwrap()]));
    }
}

#[tokio::test]
async fn walking_by_cursor_meets_every_user_once() {
    let stage = staged().await;
    let (mut path, mut met) = ("/api/v1/users?limit=1".to_owned(), Vec::new());
    loop {
        let page = stage.get(&path, &admin(), &[]).await;
        met.extend(names(&page, "users"));
        let json = page.json();
        assert_eq!(json["pagination"]["total"], 3);
        let Some(cursor) = json["cursor"].as_str() else { break };
        path = format!("/api/v1/users?limit=1&cursor={cursor}");
    }
    assert_eq!(met, ["Chien", "Grace", "Ada"]);
    for wrong in ["cursor=x", "cursor=NS5vcmRfMQ"] {
        assert_eq!(stage.get(&format!("/api/v1/users?{wrong}"), &admin(), &[]).await.problem().1, "bad_cursor");
    }
    let cursor = path.split("cursor=").nth(1).unwrap();
    for wrong in ["page=2", "sortBy=email", "sortOrder=asc"] {
        let reply = stage.get(&format!("/api/v1/users?cursor={cursor}&{wrong}"), &admin(), &[]).await;
        assert_eq!(reply.problem(), (400, "validation_failed".to_owned()), "{wrong}");
    }
}

#[tokio::test]
async fn row_1_6_users_are_found_by_the_beginning_of_address_name_or_word() {
    let stage = staged().await;
    stage.user(&joined("usr_m", "Mary Ann", "Lovelock-Adams", 4)).await;
    for (text, expected) in [
        ("query=ad", vec!["Ada", "Mary Ann"]),
        ("q=ad", vec!["Ada", "Mary Ann"]),
        ("query=ADA", vec!["Ada", "Mary Ann"]),
        ("query=ada%20%20lov", vec!["Ada"]),
        ("query=ada@ex", vec!["Ada"]),
        ("query=lovel", vec!["Ada", "Mary Ann"]),
        ("query=ann", vec!["Mary Ann"]),
        ("query=wu", vec!["Chien"]),
        ("query=da", vec![]),
        ("query=.*", vec![]),
        ("query=%28%5B", vec![]),
    ] {
        let reply = stage.get(&format!("/api/v1/users/search?{text}"), &admin(), &[]).await;
        let mut found = names(&reply, "data");
        found.sort();
        assert_eq!(found, expected, "{text}");
    }
    for wrong in ["", "query=", "q=a", "query=%20a%20"] {
        let reply = stage.get(&format!("/api/v1/users/search?{wrong}"), &admin(), &[]).await;
        assert_eq!(reply.problem(), (400, "validation_failed".to_owned()), "{wrong}");
    }
    let missing = stage.get("/api/v1/users/search", &admin(), &[]).await;
    assert_eq!(missing.json()["message"], "Search query is required");
    let refused = stage.get("/api/v1/users/search?query=ada", &user("usr_a"), &[]).await;
    assert_eq!(refused.problem(), (403, "forbidden".to_owned()));
}

#[tokio::test]
async fn row_1_6_a_search_finds_each_user_once_and_twenty_at_most() {
    let stage = Stage::open().await;
    for number in 0..25 {
        stage.user(&joined(&format!("usr_{number}"), "Twin", "Twin", number)).await;
    }
    let reply = stage.get("/api/v1/users/search?query=tw", &admin(), &[]).await;
    let json = reply.json();
    let mut ids: Vec<_> = json["data"].as_array().unwrap().iter().map(|user| user["_id"].to_string()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 20);
}

#[tokio::test]
async fn a_renamed_user_is_found_under_the_new_name_only_and_an_erased_one_under_none() {
    let stage = staged().await;
    stage.user(&renamed("usr_a", 2, "King", 10)).await;
    let search = async |text: &str| {
        let reply = stage.get(&format!("/api/v1/users/search?query={text}"), &admin(), &[]).await;
        names(&reply, "data")
    };
    assert_eq!((search("lovelace").await, search("king").await), (vec![], vec!["Ada".to_owned()]));
    stage.user(&erased("usr_a", 3, 11)).await;
    for text in ["king", "ada", "ada@example.org"] {
        assert_eq!(search(text).await, Vec::<String>::new(), "{text}");
    }
    assert_eq!(stage.get("/api/v1/users/usr_a", &admin(), &[]).await.problem(), (404, "user_not_found".to_owned()));
    for sort in ["createdAt", "updatedAt", "email", "firstName", "lastName"] {
        let page = stage.get(&format!("/api/v1/users?sortBy={sort}"), &admin(), &[]).await;
        assert_eq!((names(&page, "users").len(), &page.json()["pagination"]["total"]), (2, &json!(2)), "{sort}");
    }
}
