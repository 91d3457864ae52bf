//! The browser's process.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use super::Page;
use super::line::Line;

const STARTED: Duration = Duration::from_secs(30);

/// A browser with a profile of its own; it ends when it is dropped.
#[derive(Debug)]
pub struct Chromium {
    _process: Child,
    line: Line,
}

impl Chromium {
    /// Starts one, with its profile in this folder, which must be empty. Installs Chromium where it is missing.
    pub async fn start(folder: &Path) -> Self {
        let program = stack::install::chromium().unwrap_or_else(|error| panic!("{}", runtime::chain_in_lines(&error)));
        let mut command = Command::new(program);
        // No sandbox, because containers have none; and nothing that asks its maker for anything.
        command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]);
        command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-pings"]);
        command.args([
            "--disable-default-apps",
            "--disable-extensions",
            "--hide-scrollbars",
            "--remote-debugging-port=0",
        ]);
        command.arg(format!("--user-data-dir={}", folder.display())).arg("about:blank");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let process = command.spawn().expect("chromium starts");
        let port = folder.join("DevToolsActivePort");
        let address = stack::eventually("chromium listens", STARTED, async || address(&port)).await;
        Self { _process: process, line: Line::open(&address).await }
    }

    /// Opens a page, still empty.
    pub async fn page(&self) -> Page {
        Page::open(self.line.clone()).await
    }
}

/// The address that the browser left in this file: a port, and a path.
fn address(file: &PathBuf) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let (port, path) = text.trim().split_once('\n')?;
    Some(format!("ws://127.0.0.1:{port}{path}"))
}
