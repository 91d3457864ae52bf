//! The realtime protocol: a WebSocket and server-sent events, with every frame and every way to end.

use notifier::protocol;
use serde::Serialize;
use serde_json::{Value, json};

use super::document::{Action, Channel, CloseCode, Document, Message, Operation, Reference};

const SOCKET: &str = "ws";
const SENT_EVENTS: &str = "events";
/// The version of `AsyncAPI`'s vocabulary for `WebSocket`.
const BINDING: &str = "0.1.0";

pub(super) fn describe(document: &mut Document) -> Result<(), serde_json::Error> {
    let (told, said) = (messages(&protocol::told())?, messages(&protocol::said())?);
    let names = |messages: &[Message]| messages.iter().map(|message| message.name.clone()).collect::<Vec<_>>();
    let (sent_events, said_names) = (names(&told), names(&said));
    let socket: Vec<_> = sent_events.iter().filter(|name| *name != protocol::ONLY_SENT_EVENTS).cloned().collect();
    let both = socket.iter().chain(&said_names).map(String::as_str);
    document.channels.insert(SOCKET.to_owned(), of_socket(both));
    document.channels.insert(SENT_EVENTS.to_owned(), of_sent_events(sent_events.iter().map(String::as_str)));
    let operations = [
        ("ws.send", Action::Send, SOCKET, "What the server says, one frame per message.", &socket),
        ("ws.receive", Action::Receive, SOCKET, "What a client may say.", &said_names),
        ("events.send", Action::Send, SENT_EVENTS, "What the server says, one frame per event.", &sent_events),
    ];
    for (name, action, channel, summary, messages) in operations {
        let operation = Operation::new(action, channel, summary, messages.iter().map(String::as_str));
        document.operations.insert(name.to_owned(), operation);
    }
    document.components.messages.extend(told.into_iter().chain(said).map(|message| (message.name.clone(), message)));
    describe_servers(document);
    Ok(())
}

/// One message per alternative of a schema.
fn messages(schema: &impl Serialize) -> Result<Vec<Message>, serde_json::Error> {
    let schema = serde_json::to_value(schema)?;
    let frames = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    Ok(frames.map(message).collect())
}

fn message(frame: &Value) -> Message {
    let text = |path| frame.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    Message {
        name: text("/properties/frame/enum/0"),
        summary: text("/description"),
        content_type: "application/json",
        headers: None,
        payload: frame.clone(),
        bindings: None,
    }
}

fn describe_servers(document: &mut Document) {
    for (name, scheme) in [
        ("token", json!({"type": "http", "scheme": "bearer", "description": "An access token."})),
        (
            "ticket",
            json!({"type": "httpApiKey", "in": "query", "name": "ticket",
            "description": "From `POST /ws/tickets`, good for one connection."}),
        ),
    ] {
        document.components.security_schemes.insert(name.to_owned(), scheme);
    }
    for (name, protocol) in [(SOCKET, "ws"), (SENT_EVENTS, "http")] {
        let server = json!({
            "host": "{gateway}",
            "protocol": protocol,
            "description": "The gateway; behind TLS, where the house has it.",
            "variables": {"gateway": {"description": "Host and port of the gateway."}},
            "security": [
                {"$ref": "#/components/securitySchemes/token"},
                {"$ref": "#/components/securitySchemes/ticket"},
            ],
        });
        document.servers.insert(name.to_owned(), server);
    }
}

fn of_socket<'a>(names: impl IntoIterator<Item = &'a str>) -> Channel {
    let (longest, name) = (protocol::LONGEST_HEARD, protocol::NAME);
    let description = format!(
        "The feed of whoever connects, as frames of JSON. A client that was here before sends `resume` at once, or \
         names its cursor in the URL; `hello` says whether that worked. A frame of a client has at most {longest} \
         bytes. The server pings; whoever does not answer is gone."
    );
    let query = json!({"type": "object", "properties": {"ticket": ticket(), "cursor": cursor()}});
    let offered = json!({"type": "string", "description": format!(
        "`{name}`; browsers, which can send no other header, may offer `bearer.<access token>` beside it.")});
    let headers = json!({"type": "object", "properties": {"Sec-WebSocket-Protocol": offered}});
    let binding = json!({"method": "GET", "query": query, "headers": headers, "bindingVersion": BINDING});
    channel(SOCKET, "/ws", description, names, json!({ "ws": binding }))
}

fn of_sent_events<'a>(names: impl IntoIterator<Item = &'a str>) -> Channel {
    let description = "The same feed as server-sent events: `event` is the frame's name, `data` the frame, `id` its \
        cursor. A client that was here before sends `Last-Event-ID`, as browsers do by themselves, or names its cursor \
        in the URL (`?cursor=`). The last event says why the stream ends. With too many connections the answer is 429.";
    channel(SENT_EVENTS, "/events", description.to_owned(), names, json!({}))
}

fn channel<'a>(
    server: &str,
    address: &str,
    description: String,
    names: impl IntoIterator<Item = &'a str>,
    bindings: Value,
) -> Channel {
    let endings = protocol::endings().into_iter();
    let code = |ending: protocol::Ending| {
        let protocol::Ending { code, name, reason, advice } = ending;
        CloseCode { code, name, reason, advice }
    };
    Channel {
        address: address.to_owned(),
        description,
        servers: vec![Reference::to(format!("#/servers/{server}"))],
        messages: Reference::messages(names),
        bindings,
        close_codes: endings.map(code).collect(),
    }
}

fn ticket() -> Value {
    json!({"type": "string", "description": "From `POST /ws/tickets`, unless a token comes in a header."})
}

fn cursor() -> Value {
    json!({"type": "string", "description": "Where to go on; a `resume` frame says the same."})
}
