//! What can go wrong with the local servers, said so that the reader knows the next command.

use std::path::PathBuf;

/// Why a server could not be installed, started or reached.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program or package that we do not install ourselves is not there.
    #[error("{what} is missing; get it with: {command}")]
    Missing {
        /// What is missing.
        what: String,
        /// The command that gets it.
        command: String,
    },
    /// A command that we ran ended badly.
    #[error("`{command}` failed ({status}):\n{output}")]
    Command {
        /// The command line.
        command: String,
        /// How it ended.
        status: String,
        /// The end of what it wrote.
        output: String,
    },
    /// A file or folder could not be used.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What we were doing, as a verb.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A download is not what it should be.
    #[error("{} has SHA-256 {found}, expected {expected}; delete it and try again", path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
        /// The pinned digest.
        expected: String,
        /// The digest of what came.
        found: String,
    },
    /// No loopback port could be claimed.
    #[error("no free loopback port between {first} and {last}")]
    NoPort {
        /// The lowest port tried.
        first: u16,
        /// The highest port tried.
        last: u16,
    },
    /// A program could not be started at all.
    #[error("cannot start {name} (`{command}`)")]
    Spawn {
        /// The process's name.
        name: String,
        /// Its program.
        command: String,
        /// Why not.
        source: std::io::Error,
    },
    /// A process ended while we waited for it.
    #[error("{name} ended after {seconds:.1} s ({status}); {lead}")]
    Ended {
        /// The process's name.
        name: String,
        /// How long it lived.
        seconds: f64,
        /// Its exit status, if known.
        status: String,
        /// Where to look next.
        lead: Box<Lead>,
    },
    /// A process runs but does not become ready.
    #[error("{name} has not been ready for {seconds:.0} s: {reason}; {lead}")]
    NotReady {
        /// The process's name.
        name: String,
        /// For how long.
        seconds: f64,
        /// What its probe last said.
        reason: String,
        /// Where to look next.
        lead: Box<Lead>,
    },
    /// There is no process of this name.
    #[error("there is no process {name}; there are: {known}")]
    NoSuchProcess {
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// The process looks at the machine's clock.
    #[error(
        "the clock of {name} cannot be set: only processes of ours have one of their own, after `Orderflow::up_exposed`"
    )]
    FixedClock {
        /// The process's name.
        name: String,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoRandomness,
    /// The file that remembers the local stack cannot be understood.
    #[error("{} cannot be read or written; try: ./dev reset", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: serde_json::Error,
    },
    /// MongoDB's users could not be made.
    #[error("cannot give MongoDB the users of deploy/mongodb-users.json; try: ./dev reset")]
    Users {
        /// Why not.
        source: Box<mongodb::error::Error>,
    },
    /// A request did not get an answer.
    #[error("cannot {what}")]
    Http {
        /// What we were doing, as a verb.
        what: &'static str,
        /// Why not.
        source: reqwest::Error,
    },
    /// A request got another answer than it should.
    #[error("cannot {what}: the answer was {status} {body}")]
    Answer {
        /// What we were doing, as a verb.
        what: &'static str,
        /// The status.
        status: u16,
        /// The body.
        body: String,
    },
    /// An order was accepted, but nothing of it was seen on the socket.
    #[error("order {order} was placed and is readable, but {reason}; try: ./dev logs notifier")]
    NoFrame {
        /// The order.
        order: String,
        /// What happened instead.
        reason: &'static str,
    },
    /// A session was ended, but not everybody knows.
    #[error(
        "a session logged out, but after {seconds} s its socket is open or query-api takes its token; try: ./dev logs \
         notifier, ./dev logs query-api"
    )]
    StillLoggedIn {
        /// How long it was waited.
        seconds: u64,
    },
    /// The WebSocket could not be opened.
    #[error("cannot open the WebSocket")]
    Socket {
        /// Why not.
        source: Box<tokio_tungstenite::tungstenite::Error>,
    },
    /// The server closed the WebSocket.
    #[error("the WebSocket was closed; try: ./dev logs notifier")]
    SocketClosed,
    /// Orders were accepted whose frames did not come.
    #[error("{count} orders were accepted, but no frame came for them; try: ./dev logs notifier")]
    MissingFrames {
        /// How many.
        count: usize,
    },
    /// The Kafka topic could not be watched.
    #[error("cannot watch the topic {topic}")]
    Topic {
        /// The topic.
        topic: &'static str,
        /// Why not.
        source: rdkafka::error::KafkaError,
    },
}

/// Where to look when a process is not as it should be.
#[derive(Debug, thiserror::Error)]
#[error("the end of {}:\n{tail}\ntry: {hint}", log.display())]
pub struct Lead {
    /// Its log file.
    pub(crate) log: PathBuf,
    /// The log's last lines.
    pub(crate) tail: String,
    /// The one command to try.
    pub(crate) hint: String,
}

impl Error {
    /// For `map_err`: a file operation that failed.
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}
