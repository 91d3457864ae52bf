//! What a server takes on, and what becomes of whoever is connected when it ends. Over real connections.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use runtime::http::{HttpLimits, JsonBody, LINGER, Meter, Params, serve, serve_on};
use runtime::problem::Problem;
use runtime::{Process, clock};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Longer than anything here may take; a test that needs it has failed.
const SOON: Duration = Duration::from_secs(10);
/// How long a process may take to end.
const END_WITHIN: Duration = Duration::from_secs(25);
/// More than the system holds of a connection that nobody reads.
const LARGE: usize = 8 * 1024 * 1024;

/// A running server; its route `/held` answers when it is let go.
struct Served {
    address: SocketAddr,
    process: Process,
    go: Arc<Semaphore>,
    ended: tokio::task::JoinHandle<Result<(), runtime::Error>>,
}

impl Served {
    async fn within(limits: HttpLimits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, process) = (listener.local_addr().unwrap(), Process::new("test", None));
        let go = Arc::new(Semaphore::new(0));
        let held = {
            let go = Arc::clone(&go);
            get(async move || {
                let _permit = go.acquire().await;
                "held"
            })
        };
        let theirs = Arc::clone(&go);
        let held_by = async move |Params(user): Params<String>, meter: axum::Extension<Meter>| {
            meter.spend(&user)?;
            drop(theirs.acquire().await);
            Ok::<_, Problem>(user)
        };
        let router = Router::new()
            .route("/", get(async || "here"))
            .route("/large", get(async || vec![b'x'; LARGE]))
            .route("/held", held)
            .route("/mine", get(async |meter: axum::Extension<Meter>| meter.spend("ada").map(|()| "mine")))
            .route("/held/{user}", get(held_by))
            .route("/json", post(async |JsonBody(body): JsonBody<Value>| Ok::<_, Problem>(body.to_string())));
        let serving = process.clone();
        let ended = runtime::tasks::spawn("server", async move { serve_on(listener, router, &limits, &serving).await });
        Self { address, process, go, ended }
    }

    async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    async fn get(&self, path: &str) -> String {
        self.connect().await.get(path).await
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.process.shutdown.request();
    }
}

/// A client that writes HTTP by hand.
struct Client(TcpStream);

impl Client {
    async fn say(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next answer, head and body.
    async fn answer(&mut self) -> String {
        let mut answer = Vec::new();
        while !is_whole(&answer) && self.0.read_buf(&mut answer).await.unwrap() > 0 {}
        String::from_utf8(answer).unwrap()
    }

    async fn get(&mut self, path: &str) -> String {
        self.say(&format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n")).await;
        self.answer().await
    }

    /// Whether the server cuts the connection, without a word.
    async fn is_cut(&mut self) -> bool {
        matches!(self.0.read_u8().await, Err(error) if error.kind() == ErrorKind::UnexpectedEof)
    }
}

fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).and_then(|text| text.parse().ok());
    length == Some(body.len())
}

/// Status and code of a problem.
fn problem(answer: &str) -> (u16, String) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-type: application/problem+json"), "{answer}");
    let body: Value = serde_json::from_str(body).unwrap();
    (u16::try_from(body["status"].as_u64().unwrap()).unwrap(), body["code"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn whoever_finds_no_room_is_told_to_come_back_at_once_and_finds_it_later() {
    let served = Served::within(HttpLimits { max_requests: 1, ..HttpLimits::default() }).await;
    let mut first = served.connect().await;
    first.say("GET /held HTTP/1.1\r\nhost: test\r\n\r\n").await;
    let refused = async {
        loop {
            let answer = served.get("/").await;
            if answer.starts_with("HTTP/1.1 503") {
                return answer;
            }
        }
    };
    let refused = tokio::time::timeout(SOON, refused).await.unwrap();
    assert_eq!(problem(&refused), (503, "overloaded".to_owned()));
    assert!(refused.contains("retry-after: 1\r\n"), "{refused}");
    served.go.add_permits(1);
    assert!(first.answer().await.ends_with("held"));
    assert!(served.get("/").await.ends_with("here"));
}

#[tokio::test]
async fn an_address_and_a_user_who_ask_too_often_are_told_when_to_come_back() {
    let limits = HttpLimits { requests_per_user: 2, requests_per_address: 5, ..HttpLimits::default() };
    let served = Served::within(limits).await;
    let mut client = served.connect().await;
    for left in (0..4).rev() {
        let answer = client.get("/mine").await;
        assert!(answer.ends_with("mine") && answer.contains("ratelimit-policy: \"user\";q=4;w=2\r\n"), "{answer}");
        assert!(answer.contains(&format!("ratelimit: \"user\";r={left};t=")), "{answer}");
    }
    let answer = client.get("/mine").await;
    assert_eq!(problem(&answer), (429, "too_many_requests".to_owned()));
    assert!(answer.contains("retry-after: 1\r\n") && answer.contains("ratelimit: \"user\";r=0;t=2\r\n"), "{answer}");
    let mut others = 0;
    while client.get("/").await.ends_with("here") {
        others += 1;
        assert!(others <= 10, "an address may ask for ever");
    }
    let answer = client.get("/").await;
    assert!(answer.contains("ratelimit: \"address\";r=0;t=2\r\n"), "{answer}");
    let elsewhere = "GET / HTTP/1.1\r\nhost: test\r\nx-forwarded-for: 192.0.2.1, 192.0.2.2\r\n\r\n";
    client.say(elsewhere).await;
    assert!(client.answer().await.ends_with("here"), "another address, as the gateway saw it");
}

#[tokio::test]
async fn a_user_with_too_much_under_way_is_told_to_come_back_and_all_others_are_answered() {
    let limits = HttpLimits { max_requests_per_user: Some(1), requests_per_user: 0, ..HttpLimits::default() };
    let served = Served::within(HttpLimits { requests_per_address: 0, ..limits }).await;
    let mut first = served.connect().await;
    first.say("GET /held/ada HTTP/1.1\r\nhost: test\r\n\r\n").await;
    let refused = async {
        loop {
            let answer = served.get("/mine").await;
            if answer.starts_with("HTTP/1.1 429") {
                return answer;
            }
        }
    };
    let refused = tokio::time::timeout(SOON, refused).await.unwrap();
    assert_eq!(problem(&refused), (429, "too_many_requests".to_owned()));
    assert!(refused.contains("retry-after: 1\r\n"), "{refused}");
    let mut other = served.connect().await;
    other.say("GET /held/bob HTTP/1.1\r\nhost: test\r\n\r\n").await;
    served.go.add_permits(1);
    assert!(first.answer().await.ends_with("ada") && other.answer().await.ends_with("bob"));
    assert!(served.get("/mine").await.ends_with("mine"), "there is room again");
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_come_to_its_end_is_cut() {
    let served = Served::within(HttpLimits::default()).await;
    let mut slow = served.connect().await;
    slow.say("GET / HTTP/1.1\r\nhost: te").await;
    assert!(tokio::time::timeout(SOON * 3, slow.is_cut()).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_to_its_end_is_408() {
    let served = Served::within(HttpLimits::default()).await;
    let mut slow = served.connect().await;
    slow.say("POST /json HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{")
        .await;
    let answer = tokio::time::timeout(SOON * 3, slow.answer()).await.unwrap();
    assert_eq!(problem(&answer), (408, "request_timeout".to_owned()));
}

#[tokio::test]
async fn a_head_that_is_too_large_is_431() {
    let served = Served::within(HttpLimits::default()).await;
    let mut client = served.connect().await;
    client.say(&format!("GET / HTTP/1.1\r\nhost: test\r\nx: {}", "x".repeat(80 * 1024))).await;
    let mut answer = vec![0; 12];
    client.0.read_exact(&mut answer).await.unwrap();
    assert_eq!(String::from_utf8(answer).unwrap(), "HTTP/1.1 431");
}

#[tokio::test(start_paused = true)]
async fn connections_beyond_the_limit_wait_until_one_ends_and_an_idle_one_ends_by_itself() {
    let served = Served::within(HttpLimits { max_connections: 1, ..HttpLimits::default() }).await;
    let mut first = served.connect().await;
    assert!(first.get("/").await.ends_with("here"));
    let mut second = served.connect().await;
    let begun = clock::monotonic();
    assert!(second.get("/").await.ends_with("here"));
    assert!(begun.elapsed() > SOON, "it waited for the idle one");
    assert!(first.is_cut().await);
}

#[tokio::test]
async fn at_the_end_idle_connections_serve_one_more_request_and_say_that_they_close() {
    let mut served = Served::within(HttpLimits::default()).await;
    let (mut idle, mut used) = (served.connect().await, served.connect().await);
    assert!(!idle.get("/").await.contains("connection: close") && !used.get("/").await.contains("connection: close"));
    served.process.shutdown.request();
    let refused = async {
        while TcpStream::connect(served.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, refused).await.unwrap();
    let begun = clock::monotonic();
    let answer = used.get("/").await;
    assert!(answer.ends_with("here") && answer.contains("connection: close\r\n"), "{answer}");
    assert!(used.is_cut().await && idle.is_cut().await);
    assert!(begun.elapsed() > LINGER / 2, "the idle one was there for a while");
    tokio::time::timeout(SOON, &mut served.ended).await.unwrap().unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_its_answer_keeps_no_process_from_ending() {
    let mut served = Served::within(HttpLimits::default()).await;
    let mut client = served.connect().await;
    client.say("GET /large HTTP/1.1\r\nhost: test\r\n\r\n").await;
    let mut begun = [0; 12];
    client.0.read_exact(&mut begun).await.unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200");
    served.process.shutdown.request();
    tokio::time::timeout(END_WITHIN, &mut served.ended).await.unwrap().unwrap().unwrap();
    let rest = client.0.read_to_end(&mut Vec::new()).await;
    assert!(!rest.is_ok_and(|length| length >= LARGE), "it was not waited for");
}

#[tokio::test]
async fn whoever_had_connected_before_the_end_is_answered() {
    let served = Served::within(HttpLimits::default()).await;
    assert!(served.get("/").await.ends_with("here"));
    // Nothing else runs between these lines: the server has accepted none of them when its end is requested.
    let connections: Vec<_> = (0..50)
        .map(|_| {
            let mut connection = std::net::TcpStream::connect(served.address).unwrap();
            connection.write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
            connection
        })
        .collect();
    served.process.shutdown.request();
    let answers = tokio::task::spawn_blocking(move || {
        let read = |mut connection: std::net::TcpStream| {
            let mut answer = String::new();
            connection.read_to_string(&mut answer).map(|_| answer)
        };
        connections.into_iter().map(read).collect::<Vec<_>>()
    });
    for answer in tokio::time::timeout(SOON, answers).await.unwrap().unwrap() {
        assert!(answer.unwrap().ends_with("here"));
    }
}

#[tokio::test]
async fn a_process_that_is_not_ready_lets_nobody_in_until_it_is() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let process = Process::new("test", None);
    let needed = process.health.dependency("needed");
    let (router, limits, serving) = (Router::new(), HttpLimits::default(), process.clone());
    let served = runtime::tasks::spawn("server", async move { serve(address, router, &limits, &serving).await });
    for _ in 0..100 {
        let refused = TcpStream::connect(address).await.map(drop).map_err(|error| error.kind());
        assert_eq!(refused, Err(ErrorKind::ConnectionRefused), "whoever is sent here is better served elsewhere");
        tokio::task::yield_now().await;
    }
    assert!(!process.health.is_ready());
    needed.up();
    let within = clock::monotonic() + SOON;
    while !process.health.is_ready() {
        assert!(clock::monotonic() < within, "nothing is missing, and it is not ready");
        tokio::task::yield_now().await;
    }
    TcpStream::connect(address).await.unwrap();
    process.shutdown.request();
    served.await.unwrap().unwrap();
}
