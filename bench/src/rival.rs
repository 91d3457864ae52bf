//! What we are compared with where that is a server: the least that could do the job, in a process of its own, which is
//! this program started again.

use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocketUpgrade};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use clap::Subcommand;
use redis::aio::ConnectionManager;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

/// A rival's process; it ends with this value.
#[derive(Debug)]
pub(crate) struct Rival {
    child: Child,
    url: String,
}

impl Rival {
    /// Starts one; the words are those of [`Kind`].
    pub(crate) async fn start(words: &[&str]) -> Self {
        let program = stack::folders::binaries().join("bench");
        let mut command = Command::new(program);
        let command = command.arg("rival").args(words).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("this program can be started again");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let told = tokio::time::timeout(Duration::from_secs(20), lines.next_line()).await;
        let url = told.expect("it starts in time").expect("it speaks").expect("it tells its address");
        Self { child, url }
    }

    /// Where it serves.
    #[must_use]
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Its process.
    #[must_use]
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.id()
    }
}

/// What a rival does.
#[derive(Debug, Subcommand)]
pub(crate) enum Kind {
    /// Sends so many bytes of JSON.
    Static {
        /// How many.
        bytes: usize,
    },
    /// Sends what lies in the field `b` of a hash.
    Hget {
        /// Redis' address.
        redis: String,
        /// The hash.
        key: String,
    },
    /// Sends what is posted to `/` to everybody who listens at `/ws`, and sends back what a socket says.
    Broadcast,
}

impl Kind {
    /// Serves until the process is killed.
    pub(crate) async fn serve(self) {
        let router = match self {
            Self::Static { bytes } => {
                let body = format!("\"{}\"", "x".repeat(bytes.saturating_sub(2)));
                Router::new().fallback(get(async move || json(body.into())))
            }
            Self::Hget { redis, key } => hget(&redis, key).await,
            Self::Broadcast => broadcast(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        writeln!(std::io::stdout(), "http://{address}").expect("somebody reads");
        axum::serve(listener, router).await.expect("a server");
    }
}

fn json(body: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

async fn hget(redis: &str, key: String) -> Router {
    let client = redis::Client::open(redis).expect("Redis' address");
    let redis = ConnectionManager::new(client).await.expect("Redis");
    let answer = async move |State(mut redis): State<ConnectionManager>| {
        let body: Vec<u8> = redis::cmd("HGET").arg(&key).arg("b").query_async(&mut redis).await.expect("an answer");
        json(body)
    };
    Router::new().fallback(get(answer)).with_state(redis)
}

type Frames = tokio::sync::broadcast::Sender<Utf8Bytes>;

fn broadcast() -> Router {
    let frames = Frames::new(16_384);
    let tell = async |State(frames): State<Frames>, frame: String| {
        let _nobody_listens = frames.send(frame.into());
    };
    let listen = async |State(frames): State<Frames>, upgrade: WebSocketUpgrade| {
        let mut frames = frames.subscribe();
        let upgrade = upgrade.read_buffer_size(4 * 1024).write_buffer_size(8 * 1024);
        upgrade.on_upgrade(async move |mut socket| {
            loop {
                let sent = tokio::select! {
                    frame = frames.recv() => match frame {
                        Ok(frame) => socket.send(Message::Text(frame)).await,
                        Err(_behind_or_over) => return,
                    },
                    said = socket.recv() => match said {
                        Some(Ok(Message::Text(text))) => socket.send(Message::Text(text)).await,
                        Some(Ok(_)) => Ok(()),
                        Some(Err(_)) | None => return,
                    },
                };
                if sent.is_err() {
                    return;
                }
            }
        })
    };
    Router::new().route("/", post(tell)).route("/ws", get(listen)).with_state(frames)
}
