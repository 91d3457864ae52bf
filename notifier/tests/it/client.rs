//! A WebSocket client that says what it saw.

use std::net::SocketAddr;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue, Response, StatusCode};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::world::SOON;

pub(crate) struct Client(pub(crate) WebSocketStream<TcpStream>);

/// How a handshake is asked for.
pub(crate) struct Handshake {
    target: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    receive_buffer: Option<u32>,
}

/// What the server answered instead of a handshake.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl Handshake {
    /// To `/ws` with this query string.
    pub(crate) fn query(query: &str) -> Self {
        Self { target: format!("/ws{query}"), headers: Vec::new(), receive_buffer: None }
    }

    /// With a token, as a browser would send it.
    pub(crate) fn offering(token: &str) -> Self {
        Self::query("").with("sec-websocket-protocol", &format!("orderflow.v1, bearer.{token}"))
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
        self
    }

    /// The client's system takes hardly any bytes that the client does not read.
    pub(crate) fn narrow(mut self) -> Self {
        self.receive_buffer = Some(4 * 1024);
        self
    }

    pub(crate) async fn connect(self, address: SocketAddr) -> Result<(Client, Response<()>), Refused> {
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(bytes) = self.receive_buffer {
            socket.set_recv_buffer_size(bytes).unwrap();
        }
        let stream = socket.connect(address).await.unwrap();
        let mut request = format!("ws://{address}{}", self.target).into_client_request().unwrap();
        request.headers_mut().extend(self.headers);
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((socket, response)) => Ok((Client(socket), response.map(|_| ()))),
            Err(Error::Http(response)) => {
                let body = response.body().as_deref().map(|body| serde_json::from_slice(body).unwrap());
                Err(Refused { status: response.status(), body: body.unwrap_or_default() })
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// What a client saw.
#[derive(Debug, PartialEq)]
pub(crate) enum Seen {
    Frame(Value),
    Closed { code: u16, reason: String },
}

impl Client {
    /// Opens a socket that starts at once.
    pub(crate) async fn open(address: SocketAddr, token: &str) -> (Self, Value) {
        let (mut client, _) = Handshake::offering(token).connect(address).await.unwrap();
        client.say(json!({"frame": "resume"})).await;
        let hello = client.frame().await;
        assert_eq!(hello["frame"], "hello");
        (client, hello)
    }

    /// Opens a socket for an audience.
    pub(crate) async fn watch(address: SocketAddr, token: &str, audience: &str) -> Self {
        let handshake = Handshake::query(&format!("?audience={audience}"));
        let (mut client, _) =
            handshake.with("authorization", &format!("Bearer {token}")).connect(address).await.unwrap();
        assert_eq!(client.frame().await, json!({"frame": "hello", "recovered": false}));
        client
    }

    /// The next snapshot's stream and version.
    pub(crate) async fn state(&mut self) -> (String, u64) {
        let frame = self.frame().await;
        assert_eq!(frame["frame"], "snapshot", "{frame}");
        (frame["stream"].as_str().unwrap().to_owned(), frame["version"].as_u64().unwrap())
    }

    pub(crate) async fn say(&mut self, frame: Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    pub(crate) async fn say_text(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn see(&mut self) -> Seen {
        timeout(SOON, self.seen()).await.expect("something comes")
    }

    async fn seen(&mut self) -> Seen {
        loop {
            match self.0.next().await.expect("the stream goes on").unwrap() {
                Message::Text(text) => return Seen::Frame(serde_json::from_str(&text).unwrap()),
                Message::Close(frame) => {
                    let frame = frame.expect("a reason is given");
                    return Seen::Closed { code: frame.code.into(), reason: frame.reason.as_str().to_owned() };
                }
                Message::Ping(_) | Message::Pong(_) => {}
                other @ (Message::Binary(_) | Message::Frame(_)) => panic!("{other:?}"),
            }
        }
    }

    pub(crate) async fn frame(&mut self) -> Value {
        match self.see().await {
            Seen::Frame(frame) => frame,
            closed @ Seen::Closed { .. } => panic!("{closed:?}"),
        }
    }

    /// The sequence numbers and versions of the next so many events.
    pub(crate) async fn events(&mut self, count: usize) -> Vec<(u64, u64)> {
        let mut events = Vec::new();
        while events.len() < count {
            let frame = self.frame().await;
            assert_eq!(frame["frame"], "event", "{frame}");
            events.push((frame["seq"].as_u64().unwrap(), frame["version"].as_u64().unwrap()));
        }
        events
    }

    pub(crate) async fn close_code(&mut self) -> u16 {
        loop {
            if let Seen::Closed { code, .. } = self.see().await {
                return code;
            }
        }
    }
}
