//! A client that costs next to nothing: it writes requests that were built before and reads as much of the answers as a
//! load generator must know. Answers must tell their length, which ours do.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// One connection that is kept alive.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    host: String,
}

/// An answer's status and body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer<'a> {
    /// The status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: &'a [u8],
}

impl Connection {
    /// Connects to `http://host:port`.
    pub(crate) async fn open(url: &str) -> Self {
        let host = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let stream = TcpStream::connect(&host).await.expect("a server that takes connections");
        stream.set_nodelay(true).expect("a socket without delay");
        Self { stream, buffer: Vec::with_capacity(16 * 1024), host }
    }

    /// So many of them.
    pub(crate) async fn several(url: &str, count: usize) -> Vec<Self> {
        futures::future::join_all((0..count).map(|_| Self::open(url))).await
    }

    /// Gets a path as this bearer.
    pub(crate) async fn get(&mut self, path: &str, token: &str) -> Answer<'_> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\n\r\n", self.host);
        self.exchange(request.as_bytes()).await
    }

    /// Posts JSON as this bearer, under a key of its own.
    pub(crate) async fn post(&mut self, path: &str, (token, key): (&str, &str), body: &str) -> Answer<'_> {
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\nidempotency-key: {key}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        );
        self.exchange(request.as_bytes()).await
    }

    async fn exchange(&mut self, request: &[u8]) -> Answer<'_> {
        self.buffer.clear();
        self.stream.write_all(request).await.expect("a server that takes requests");
        loop {
            let read = self.stream.read_buf(&mut self.buffer).await.expect("an answer");
            assert!(read > 0, "the server closed: {}", String::from_utf8_lossy(&self.buffer));
            if let Some(Head { status, body, end }) = head(&self.buffer)
                && self.buffer.len() >= end
            {
                let body = self.buffer.get(body..end).unwrap_or_default();
                return Answer { status, body };
            }
        }
    }
}

/// Where the body lies.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    body: usize,
    end: usize,
}

/// The head of an answer, once all of it is there.
fn head(answer: &[u8]) -> Option<Head> {
    let body = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(answer.get(..body)?).ok()?;
    let status = text.get(9..12)?.parse().ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    Some(Head { status, body, end: body + length.unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::{Head, head};

    #[test]
    fn an_answer_ends_where_its_length_says() {
        let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nx: y\r\n\r\n{}";
        assert_eq!(head(answer), Some(Head { status: 201, body: 49, end: 51 }));
        assert_eq!(head(&answer[..30]), None);
        assert_eq!(head(b"HTTP/1.1 304 Not Modified\r\n\r\n"), Some(Head { status: 304, body: 29, end: 29 }));
    }
}
