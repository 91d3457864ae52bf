//! The gateway's limits, and what it does when an instance goes away over a request.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use reqwest::{Client, Method, Response};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{TEMPLATE, Values, render};
use crate::port::Port;
use crate::process::{Lifetime, Process};
use crate::servers::{Kind as _, NginxKind, READY_WITHIN};
use crate::testing;

/// What an instance does with a request that it has read.
#[derive(Debug, Clone, Copy)]
enum Instance {
    Answers,
    GoesAway,
}

use Instance::{Answers, GoesAway};

/// A gateway whose every service has these instances; its configuration is changed by `change` first.
struct World {
    gateway: Process,
    http: Client,
    port: Port,
}

impl World {
    async fn start(instances: &[Instance], change: impl Fn(String) -> String) -> Self {
        let (folder, port) = (testing::folder("gateway"), Port::claim().unwrap());
        let mut addresses = Vec::new();
        for instance in instances {
            addresses.push(instance.start().await);
        }
        let (command_api, query_api, notifier) = (addresses.clone(), addresses.clone(), addresses.clone());
        let listen = format!("127.0.0.1:{}", port.number());
        let values =
            Values { folder: &folder, listen, command_api, query_api, notifier, steward: addresses, origins: "" };
        let text = change(render(&values));
        std::fs::write(folder.join("nginx.conf"), text).unwrap();
        let gateway = NginxKind::program(&folder, &[port.number()]).unwrap();
        let gateway = Process::start(gateway, Lifetime::WithUs).unwrap();
        gateway.ready(READY_WITHIN).await.unwrap();
        Self { gateway, http: Client::new(), port }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.gateway.program().address)
    }

    async fn get(&self, path: &str) -> Response {
        self.http.get(self.url(path)).send().await.unwrap()
    }

    async fn send(&self, method: &Method, path: &str, key: Option<&str>) -> u16 {
        let request = self.http.request(method.clone(), self.url(path)).body("{}");
        let request = key.iter().fold(request, |request, key| request.header("idempotency-key", *key));
        request.send().await.unwrap().status().as_u16()
    }

    /// Writes this, and nothing more; what the gateway says until it cuts the connection.
    async fn dawdle(&self, beginning: &str) -> String {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port.number())).await.unwrap();
        connection.write_all(beginning.as_bytes()).await.unwrap();
        let mut said = Vec::new();
        let cut = tokio::time::timeout(READY_WITHIN, connection.read_to_end(&mut said)).await;
        assert!(cut.is_ok(), "it waits for ever for the rest of {beginning}");
        String::from_utf8_lossy(&said).into_owned()
    }
}

impl Instance {
    /// Starts on a free port; its address.
    async fn start(self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(runtime::tasks::spawn("instance", async move {
            while let Ok((mut connection, _peer)) = listener.accept().await {
                let _read = connection.read(&mut [0; 16 * 1024]).await;
                let answer: &[u8] = match self {
                    Answers => b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
                    GoesAway => b"",
                };
                let _gone = connection.write_all(answer).await;
            }
        }));
        address
    }
}

async fn problem(answer: Response) -> (u16, String) {
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    (status, body["code"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn an_address_that_asks_too_often_is_told_when_to_come_back() {
    let narrow = |text: String| {
        text.replace("zone=addresses:16m rate=2000r/s", "zone=addresses:16m rate=1r/m").replace("burst=4000", "burst=3")
    };
    let world = World::start(&[Answers], narrow).await;
    for _ in 0..4 {
        assert_eq!(world.get("/queries/orders").await.status(), 200);
    }
    let refused = world.get("/queries/orders").await;
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(refused.headers()["ratelimit"], "\"gateway\";r=0;t=1");
    assert_eq!(problem(refused).await, (429, "too_many_requests".to_owned()));
    assert_eq!(world.get("/health/gateway").await.status(), 200, "the gateway's own health is not limited");
}

/// Two of the bytes in the household's addresses are line ends.
#[tokio::test]
async fn a_household_is_one_address_and_every_address_of_the_old_kind_is_one() {
    let narrow = |text: String| {
        text.replace("zone=addresses:16m rate=2000r/s", "zone=addresses:16m rate=1r/m").replace("burst=4000", "burst=1")
    };
    let behind = "set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For; limit_req_status 429;";
    let world = World::start(&[Answers], |text| narrow(text).replace("limit_req_status 429;", behind)).await;
    let ask = async |address: &str| {
        let asked = world.http.get(world.url("/queries/orders")).header("x-forwarded-for", address);
        asked.send().await.unwrap().status().as_u16()
    };
    let household = ["2001:db8:a0a:1::1", "2001:db8:a0a:1:ffff::2", "2001:db8:a0a:1::a"];
    assert_eq!([ask(household[0]).await, ask(household[1]).await, ask(household[2]).await], [200, 200, 429]);
    assert_eq!(ask("2001:db8:a0a:2::1").await, 200, "the neighbours");
    for old in ["192.0.2.1", "192.0.2.2", "::ffff:192.0.2.3", "::ffff:192.0.2.4"] {
        assert_eq!([ask(old).await, ask(old).await, ask(old).await], [200, 200, 429], "{old}");
    }
}

#[tokio::test]
async fn a_token_has_a_limit_of_its_own() {
    let narrow = |text: String| {
        text.replace("zone=tokens:16m rate=1000r/s", "zone=tokens:16m rate=1r/m").replace("burst=2000", "burst=1")
    };
    let world = World::start(&[Answers], narrow).await;
    let ask = async |token: &str| {
        let asked = world.http.get(world.url("/queries/orders")).bearer_auth(token);
        asked.send().await.unwrap().status().as_u16()
    };
    assert_eq!([ask("a").await, ask("a").await, ask("a").await], [200, 200, 429]);
    assert_eq!(ask("b").await, 200);
    assert_eq!(world.get("/queries/orders").await.status(), 200);
}

#[tokio::test]
async fn log_ins_are_limited_apart_from_everything_else() {
    let narrow = |text: String| {
        text.replace("zone=passwords:4m rate=20r/s", "zone=passwords:4m rate=1r/m").replace("burst=200 ", "burst=1 ")
    };
    let world = World::start(&[Answers], narrow).await;
    let log_in = async || world.http.post(world.url("/api/v1/users/login")).body("{}").send().await.unwrap();
    assert_eq!([log_in().await.status(), log_in().await.status()], [200, 200]);
    let refused = log_in().await;
    assert_eq!(refused.headers()["ratelimit"], "\"passwords\";r=0;t=1");
    assert_eq!(problem(refused).await, (429, "too_many_requests".to_owned()));
    for path in ["/api/v1/users/login", "/api/v1/users/register"] {
        assert_eq!(world.send(&Method::POST, path, Some("a-key")).await, 429, "{path} with a key");
    }
    assert_eq!(world.send(&Method::POST, "/commands/orders", None).await, 200);
}

#[tokio::test]
async fn connections_of_one_address_are_limited() {
    let world =
        World::start(&[Answers], |text| text.replace("limit_conn connections 4096", "limit_conn connections 1")).await;
    // A request that is not complete holds its place from the moment on at which its head is.
    let mut holding = TcpStream::connect(("127.0.0.1", world.port.number())).await.unwrap();
    holding.write_all(b"POST /commands/orders HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n").await.unwrap();
    let refused = testing::eventually("the address has no more connections", READY_WITHIN, async || {
        let answer = world.get("/queries/orders").await;
        (answer.status() == 429).then_some(answer)
    });
    assert_eq!(problem(refused.await).await, (429, "too_many_requests".to_owned()));
}

#[tokio::test]
async fn a_head_or_a_body_that_does_not_come_to_its_end_is_cut_and_no_service_sees_it() {
    let hasty = |text: String| {
        text.replace("client_header_timeout 10s", "client_header_timeout 1s")
            .replace("client_body_timeout 10s", "client_body_timeout 1s")
    };
    let world = World::start(&[Answers], hasty).await;
    let head = world.dawdle("GET /queries/orders HTTP/1.1\r\nhost: x\r\nx-slow: ");
    let body = world.dawdle("POST /commands/orders HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{");
    let (head, body) = tokio::join!(head, body);
    for said in [head, body] {
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{said}");
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let world = World::start(&[Answers], |text| text).await;
    let large = world.http.get(world.url("/queries/orders")).header("x-large", "x".repeat(20_000));
    assert_eq!(problem(large.send().await.unwrap()).await, (431, "headers_too_large".to_owned()));
}

#[tokio::test]
async fn a_command_with_a_key_outlives_the_instance_that_goes_away_over_it() {
    let world = World::start(&[GoesAway, Answers], |text| text.replace("max_fails=1", "max_fails=0")).await;
    for (method, path) in [
        (Method::POST, "/commands/orders"),
        (Method::POST, "/api/v1/users/register"),
        (Method::PUT, "/api/v1/users/profile"),
        (Method::DELETE, "/api/v1/users/usr_1"),
    ] {
        let mut without = Vec::new();
        for attempt in 0..10 {
            assert_eq!(world.send(&method, path, Some(&format!("key-{attempt}"))).await, 200, "{method}");
            assert_eq!(world.get("/queries/orders").await.status(), 200);
            without.extend([world.send(&method, path, None).await, world.send(&method, path, None).await]);
        }
        assert!(without.contains(&502), "without a key nobody knows whether {method} took effect: {without:?}");
    }
}

#[tokio::test]
async fn a_command_without_a_key_goes_to_another_instance_if_the_first_cannot_be_reached() {
    let nobody = Port::claim().unwrap();
    let first = format!("upstream command_api {{ server 127.0.0.1:{} max_fails=0;", nobody.number());
    let change = |text: String| text.replace("max_fails=1", "max_fails=0").replace("upstream command_api {", &first);
    let world = World::start(&[Answers], change).await;
    for (method, path) in [
        (Method::POST, "/commands/orders"),
        (Method::PUT, "/api/v1/users/profile"),
        (Method::DELETE, "/api/v1/users/usr_1"),
    ] {
        for _ in 0..10 {
            assert_eq!(world.send(&method, path, None).await, 200, "{method}");
        }
    }
}

#[test]
fn its_problems_say_as_those_of_the_services_whether_asking_again_helps() {
    let problems: Vec<_> = TEMPLATE.lines().filter(|line| line.contains("\"retryable\":")).collect();
    assert!(problems.len() > 10, "{problems:?}");
    for problem in problems {
        let helps = ["408", "429", "502", "503", "504"].iter().any(|code| problem.contains(&format!("return {code} ")));
        assert!(problem.contains(&format!("\"retryable\":{helps}}}")), "{problem}");
    }
}

#[test]
fn the_gateway_lets_go_of_an_idle_connection_before_an_instance_that_ends_closes_it() {
    let kept = TEMPLATE.lines().filter_map(|line| line.strip_prefix("        keepalive_timeout ")?.strip_suffix("s;"));
    let kept: Vec<_> = kept.map(|seconds| Duration::from_secs(seconds.parse().unwrap())).collect();
    assert_eq!(kept.len(), 4, "every upstream says it");
    assert!(kept.iter().all(|kept| *kept < runtime::http::LINGER), "{kept:?}");
}
