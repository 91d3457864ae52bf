//! The line to the browser: calls and their answers, and everything that it tells unasked.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::Message;

const ANSWERED: Duration = Duration::from_secs(60);

/// Clones share the line.
#[derive(Debug, Clone)]
pub(super) struct Line {
    calls: mpsc::UnboundedSender<Message>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    number: AtomicU64,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Value>>>,
    told: Mutex<Vec<Value>>,
}

impl Line {
    pub(super) async fn open(address: &str) -> Self {
        let (stream, _) = tokio_tungstenite::connect_async(address).await.expect("chromium's protocol");
        let (mut sink, mut heard) = stream.split();
        let (calls, mut to_send) = mpsc::unbounded_channel();
        let line = Self { calls, shared: Arc::default() };
        let shared = Arc::clone(&line.shared);
        drop(runtime::tasks::spawn("browser", async move {
            loop {
                tokio::select! {
                    call = to_send.recv() => {
                        let Some(call) = call else { return };
                        if sink.send(call).await.is_err() { return }
                    }
                    message = heard.next() => match message {
                        Some(Ok(Message::Text(text))) => shared.hear(&text),
                        Some(Ok(_)) => {}
                        Some(Err(_)) | None => return,
                    },
                }
            }
        }));
        line
    }

    /// Calls a method, in a session if there is one, and returns its result; panics with the browser's reason.
    pub(super) async fn call(&self, session: Option<&str>, method: &str, parameters: Value) -> Value {
        let id = self.shared.number.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        lock(&self.shared.waiting).insert(id, answer);
        let mut call = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = session {
            call["sessionId"] = json!(session);
        }
        self.calls.send(Message::text(call.to_string())).expect("the browser is there");
        let answer = tokio::time::timeout(ANSWERED, answered).await;
        let answer = answer.unwrap_or_else(|_| panic!("no answer to {method}")).expect("the browser is there");
        match answer.get("error") {
            Some(error) => panic!("{method} {parameters}: {error}"),
            None => answer.get("result").cloned().unwrap_or_default(),
        }
    }

    /// Everything that was told so far, oldest first.
    pub(super) fn told(&self) -> Vec<Value> {
        lock(&self.shared.told).clone()
    }
}

impl Shared {
    fn hear(&self, text: &str) {
        let message: Value = serde_json::from_str(text).expect("JSON");
        match message.get("id").and_then(Value::as_u64) {
            Some(id) => drop(lock(&self.waiting).remove(&id).map(|waiting| waiting.send(message))),
            None => lock(&self.told).push(message),
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
