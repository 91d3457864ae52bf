//! The lines between our processes and what they depend on, which can be cut, slowed down, or lose every reply.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener as Claim};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use runtime::tasks;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How much later everything arrives on a slow line, each way.
const LATE: Duration = Duration::from_millis(400);

/// What is wrong with a line now, if anything.
type State = watch::Receiver<Option<Trouble>>;

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trouble {
    /// Whatever is connected is cut off, whoever connects too.
    Cut,
    /// Everything arrives [`LATE`], in order.
    Slow,
    /// Requests arrive, replies do not; a connection that lost one ends with the trouble.
    Mute,
}

impl Trouble {
    /// Every kind.
    pub(super) const ALL: [Self; 3] = [Self::Cut, Self::Slow, Self::Mute];
}

/// Lines by the name of what they lead to. They last as long as the runtime in which they were opened.
#[derive(Debug, Default)]
pub struct Lines(Mutex<BTreeMap<String, watch::Sender<Option<Trouble>>>>);

impl Lines {
    /// Opens a line to this local port and returns the port where it begins.
    pub fn open(&self, name: &str, port: u16) -> u16 {
        let listener = Claim::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a listener that does not block");
        let begins = listener.local_addr().expect("its address").port();
        let (trouble, state) = watch::channel(None);
        let listener = TcpListener::from_std(listener).expect("a listener of this runtime");
        drop(tasks::spawn("line", serve(listener, port, state)));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), trouble);
        begins
    }

    /// What lines lead to.
    pub(super) fn names(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// Makes trouble on a line for a while.
    pub(super) async fn disturb(&self, name: &str, trouble: Trouble, length: Duration) {
        self.set(name, Some(trouble));
        tokio::time::sleep(length).await;
        self.set(name, None);
    }

    fn set(&self, name: &str, trouble: Option<Trouble>) {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.get(name).expect("a line of this name").send_replace(trouble);
    }
}

/// Carries every connection for as long as the line's state has an owner.
async fn serve(listener: TcpListener, port: u16, state: State) {
    let mut open = FuturesUnordered::new();
    let mut owner = state.clone();
    let ended = async move { while owner.changed().await.is_ok() {} };
    tokio::pin!(ended);
    loop {
        tokio::select! {
            Ok((client, _)) = listener.accept() => open.push(carry(client, port, state.clone())),
            Some(()) = open.next() => {}
            () = &mut ended => return,
        }
    }
}

/// Carries one connection until an end closes it or the line is cut.
async fn carry(client: TcpStream, port: u16, mut state: State) {
    let cut = state.clone();
    let carried = async {
        let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else { return };
        if client.set_nodelay(true).and_then(|()| server.set_nodelay(true)).is_err() {
            return;
        }
        let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
        tokio::select! {
            () = requests(from_client, to_server, cut.clone()) => {}
            () = replies(from_server, to_client, cut) => {}
        }
    };
    tokio::select! {
        () = carried => {}
        _ = state.wait_for(|trouble| *trouble == Some(Trouble::Cut)) => {}
    }
}

async fn requests(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, state: State) {
    while let Some(bytes) = next(&mut from, &state).await {
        if to.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

async fn replies(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, mut state: State) {
    while let Some(bytes) = next(&mut from, &state).await {
        if *state.borrow() == Some(Trouble::Mute) {
            // The rest would make no sense without it.
            let _over = state.wait_for(|trouble| *trouble != Some(Trouble::Mute)).await;
            return;
        }
        if to.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

/// The next bytes, late on a slow line; none when the end is reached.
async fn next(from: &mut (impl AsyncRead + Unpin), state: &State) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 64 * 1024];
    let count = from.read(&mut bytes).await.ok().filter(|count| *count > 0)?;
    bytes.truncate(count);
    if *state.borrow() == Some(Trouble::Slow) {
        tokio::time::sleep(LATE).await;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers every byte with the same byte, and a line to it.
    async fn echo() -> (Lines, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a listener");
        let port = listener.local_addr().expect("its address").port();
        drop(tasks::spawn("echo", async move {
            let mut answering = FuturesUnordered::new();
            loop {
                tokio::select! {
                    Ok((mut socket, _)) = listener.accept() => answering.push(async move {
                        let (mut from, mut to) = socket.split();
                        let _bytes = tokio::io::copy(&mut from, &mut to).await;
                    }),
                    Some(()) = answering.next() => {}
                }
            }
        }));
        let lines = Lines::default();
        let begins = lines.open("echo", port);
        let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, begins)).await.expect("a line");
        (lines, socket)
    }

    /// The answer to one byte; none when the connection ends instead.
    async fn ask(socket: &mut TcpStream) -> Option<u8> {
        socket.write_u8(7).await.ok()?;
        socket.read_u8().await.ok()
    }

    #[tokio::test]
    async fn a_line_cuts_slows_and_swallows_only_while_it_is_disturbed() {
        let (lines, mut socket) = echo().await;
        assert_eq!(ask(&mut socket).await, Some(7));

        lines.set("echo", Some(Trouble::Slow));
        let began = runtime::clock::monotonic();
        assert_eq!(ask(&mut socket).await, Some(7));
        assert!(began.elapsed() >= 2 * LATE, "both ways are slow");

        let muted = lines.disturb("echo", Trouble::Mute, Duration::from_millis(100));
        assert_eq!(tokio::join!(muted, ask(&mut socket)).1, None, "a reply is swallowed, and its connection ends");
        let (lines, mut socket) = echo().await;
        assert_eq!(ask(&mut socket).await, Some(7));
        lines.set("echo", Some(Trouble::Cut));
        assert_eq!(socket.read_u8().await.ok(), None, "a connection is cut");
    }
}
