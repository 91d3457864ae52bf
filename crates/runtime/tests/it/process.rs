//! A process as the operating system sees it: exit codes and signals.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use runtime::clock;

/// The example `idle`, running; killed when dropped.
pub(crate) struct Idle {
    child: Child,
    admin: String,
}

fn command() -> Command {
    let deps = std::env::current_exe().unwrap();
    let example = deps.parent().unwrap().parent().unwrap().join("examples/idle");
    let mut command = Command::new(example);
    command.env_clear().stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Idle {
    /// Starts it and waits until it says that it is set up.
    pub(crate) fn start(variables: &[(&str, &str)]) -> Self {
        Self::start_until("setup is up", variables)
    }

    fn start_until(line: &str, variables: &[(&str, &str)]) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let child = command().env("ADMIN_ADDR", &free).envs(variables.iter().copied()).spawn().unwrap();
        let mut idle = Self { child, admin: free };
        idle.wait_for_line(line);
        idle
    }

    fn wait_for_line(&mut self, text: &str) {
        let output = BufReader::new(self.child.stdout.as_mut().unwrap());
        assert!(output.lines().map(Result::unwrap).any(|line| line.contains(text)), "it ended before {text:?}");
    }

    pub(crate) fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.admin).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    fn exit_code(&mut self) -> Option<i32> {
        let deadline = clock::monotonic() + Duration::from_secs(20);
        while clock::monotonic() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::yield_now();
        }
        panic!("it did not end");
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn mistakes_in_the_configuration_exit_with_64_and_name_them_all() {
    let output = command().env("ADMIN_ADDR", "nowhere").env("LINGER_MS", "soon").output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64), "{text}");
    assert!(text.starts_with("2 mistakes") && text.contains("ADMIN_ADDR") && text.contains("LINGER_MS"), "{text}");
}

#[test]
fn a_signal_ends_the_process_with_0() {
    for signal in ["TERM", "INT"] {
        let mut idle = Idle::start(&[]);
        idle.signal(signal);
        assert_eq!(idle.exit_code(), Some(0));
    }
}

#[test]
fn readiness_turns_false_before_the_process_ends_and_the_admin_port_stays() {
    let mut idle = Idle::start(&[("LINGER_MS", "60000")]);
    assert!(idle.get("/readyz").starts_with("HTTP/1.1 200"));
    idle.signal("TERM");
    idle.wait_for_line("a second signal ends at once");
    let answer = idle.get("/readyz?verbose");
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("\"shuttingDown\":true"), "{answer}");
    assert!(idle.get("/livez").starts_with("HTTP/1.1 200"));
    idle.signal("TERM");
    assert_eq!(idle.exit_code(), Some(1), "the second signal ends it at once");
}

#[test]
fn a_process_is_not_ready_before_everything_that_it_needs_is_declared() {
    let idle = Idle::start_until("nothing is up", &[("BEHAVIOUR", "hesitate")]);
    let answer = idle.get("/readyz?verbose");
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains(r#""name":"setup","up":false"#), "{answer}");
    assert!(Idle::start(&[]).get("/readyz").starts_with("HTTP/1.1 200"));
}

#[test]
fn a_process_whose_main_part_panics_or_whose_task_fails_exits_with_1() {
    let panicked = command().env("BEHAVIOUR", "panic").env("ADMIN_ADDR", "127.0.0.1:0").output().unwrap();
    let text = String::from_utf8(panicked.stdout).unwrap();
    assert_eq!(panicked.status.code(), Some(1), "{text}");
    assert!(text.contains("panicked: as asked"), "{text}");
    let failed = command().env("BEHAVIOUR", "fail").env("ADMIN_ADDR", "127.0.0.1:0").output().unwrap();
    let text = String::from_utf8(failed.stdout).unwrap();
    assert_eq!(failed.status.code(), Some(1), "{text}");
    assert!(text.contains("doomed failed, so the process ends"), "{text}");
}

#[test]
fn an_address_in_use_is_said_with_its_cause() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = command().env("ADMIN_ADDR", &address).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(&format!("cannot listen on {address}")) && text.contains("Address already in use"), "{text}");
}
