//! One page: what a person does there, what is to be seen, and what a person would not notice.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::line::Line;

const SOON: Duration = Duration::from_secs(60);

/// A page in a browser.
#[derive(Debug)]
pub struct Page {
    line: Line,
    session: String,
}

/// What a person's system is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// A screen to look with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Its width in pixels.
    pub width: u32,
    /// Its colours.
    pub scheme: Scheme,
}

impl Page {
    pub(super) async fn open(line: Line) -> Self {
        let target = line.call(None, "Target.createTarget", json!({ "url": "about:blank" })).await;
        let attach = json!({ "targetId": target.get("targetId"), "flatten": true });
        let attached = line.call(None, "Target.attachToTarget", attach).await;
        let session = attached.get("sessionId").and_then(Value::as_str).expect("a session").to_owned();
        let page = Self { line, session };
        for domain in ["Page", "Runtime", "Log", "Network", "Audits"] {
            page.call(&format!("{domain}.enable"), json!({})).await;
        }
        page
    }

    /// Goes to an address.
    pub async fn go(&self, url: &str) {
        let answer = self.call("Page.navigate", json!({ "url": url })).await;
        assert_eq!(answer.get("errorText"), None, "{url}");
    }

    /// What an expression yields in the page, once it yields anything but null; a promise is waited for.
    pub async fn value(&self, expression: &str) -> Value {
        stack::eventually(expression, SOON, async || Some(self.now(expression).await).filter(|found| !found.is_null()))
            .await
    }

    /// What an expression yields in the page at this moment; null also if it fails.
    pub async fn now(&self, expression: &str) -> Value {
        let call = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true, "silent": true });
        let answer = self.call("Runtime.evaluate", call).await;
        answer.pointer("/result/value").cloned().unwrap_or_default()
    }

    /// Waits until a text stands in what a selector finds; returns all that stands there.
    pub async fn shows(&self, selector: &str, text: &str) -> String {
        let (quoted, wanted) = (json!(selector), json!(text));
        let found = format!(
            "(() => {{ const text = document.querySelector({quoted})?.innerText; return text?.includes({wanted}) ? text : null }})()"
        );
        self.value(&found).await.as_str().expect("a text").to_owned()
    }

    /// Clicks, once it is there to be clicked on.
    pub async fn click(&self, selector: &str) {
        let node = format!("document.querySelector({})", json!(selector));
        let place = format!(
            "(() => {{ const node = {node}; if (!node || node.disabled) return null; node.scrollIntoView({{block: 'center'}}); \
             const {{x, y, width, height}} = node.getBoundingClientRect(); return width ? [x + width / 2, y + height / 2] : null }})()"
        );
        let place = self.value(&place).await;
        for kind in ["mousePressed", "mouseReleased"] {
            let event =
                json!({ "type": kind, "x": place.get(0), "y": place.get(1), "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", event).await;
        }
    }

    /// Types a text where the focus is.
    pub async fn write(&self, text: &str) {
        self.call("Input.insertText", json!({ "text": text })).await;
    }

    /// Presses a key by its name (`Tab`, `Enter`, `ArrowLeft`), with its code on Windows.
    pub async fn press(&self, key: &str, code: u32) {
        let text = if key == "Enter" { "\r" } else { "" };
        for kind in ["keyDown", "keyUp"] {
            let text = if kind == "keyDown" { text } else { "" };
            let event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text });
            self.call("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Has the page shown on such a screen.
    pub async fn look(&self, look: Look) {
        let scheme = match look.scheme {
            Scheme::Light => "light",
            Scheme::Dark => "dark",
        };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call("Emulation.setEmulatedMedia", json!({ "features": features })).await;
        let screen = json!({ "width": look.width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", screen).await;
        let _painted = self
            .value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")
            .await;
    }

    /// Keeps a picture of the whole page, from its top to its end.
    pub async fn picture(&self, file: &Path) {
        let shot = self.call("Page.captureScreenshot", json!({ "captureBeyondViewport": true })).await;
        let data = shot.get("data").and_then(Value::as_str).expect("a picture");
        std::fs::write(file, STANDARD.decode(data).expect("Base64")).expect("the picture's file");
    }

    /// What a person would not notice: exceptions, errors on the console, breaches of the page's policy, and requests to
    /// anybody but this address. That the API refused something is none of these.
    pub fn troubles(&self, address: &str) -> Vec<String> {
        let socket = address.replacen("http", "ws", 1);
        let foreign = |url: &str| {
            let ours =
                |origin: &str| url.strip_prefix(origin).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            !(ours(address) || ours(&socket) || url.starts_with("about:"))
        };
        let told = self.line.told().into_iter();
        told.filter_map(|told| trouble(&told, foreign)).collect()
    }

    async fn call(&self, method: &str, parameters: Value) -> Value {
        self.line.call(Some(&self.session), method, parameters).await
    }
}

/// What is wrong with what the browser told, if anything is.
fn trouble(told: &Value, foreign: impl Fn(&str) -> bool) -> Option<String> {
    let text = |pointer: &str| told.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    match text("/method") {
        "Runtime.exceptionThrown" => Some(told.to_string()),
        "Runtime.consoleAPICalled" => matches!(text("/params/type"), "error" | "warning").then(|| told.to_string()),
        "Log.entryAdded" => {
            let refused = text("/params/entry/source") == "network";
            (text("/params/entry/level") == "error" && !refused).then(|| told.to_string())
        }
        "Audits.issueAdded" => (text("/params/issue/code") == "ContentSecurityPolicyIssue").then(|| told.to_string()),
        "Network.requestWillBeSent" => {
            let url = text("/params/request/url");
            foreign(url).then(|| format!("a request to {url}"))
        }
        "Network.webSocketCreated" => {
            let url = text("/params/url");
            foreign(url).then(|| format!("a socket to {url}"))
        }
        _ => None,
    }
}
