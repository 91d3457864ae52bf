//! The realtime protocol: a WebSocket and server-sent events, with every frame and every way to end.

use notifier::protocol::{self, Audience};
use serde::Serialize;
use serde_json::{Value, json};

use super::document::{Action, Channel, CloseCode, Document, Message, Operation, Reference};

const SOCKET: &str = "ws";
const SENT_EVENTS: &str = "events";
/// The versions of `AsyncAPI`'s vocabularies for `WebSocket` and for HTTP.
const SOCKET_BINDING: &str = "0.1.0";
const HTTP_BINDING: &str = "0.3.0";

pub(super) fn describe(document: &mut Document) -> Result<(), serde_json::Error> {
    let (told, said) = (messages(&protocol::told())?, messages(&protocol::said())?);
    document.components.messages.extend(told.into_iter().chain(said).map(|message| (message.name.clone(), message)));
    for audience in protocol::audiences() {
        describe_socket(document, &audience);
        describe_sent_events(document, &audience);
    }
    describe_servers(document);
    Ok(())
}

/// The name of an audience's channel on a server: the server's own for the audience that need not be asked for.
fn channel_of(server: &str, audience: &Audience) -> String {
    if audience.is_default { server.to_owned() } else { format!("{server}.{}", audience.name) }
}

fn describe_socket(document: &mut Document, audience: &Audience) {
    let name = channel_of(SOCKET, audience);
    let told: Vec<_> = audience.told.iter().copied().filter(|name| *name != protocol::ONLY_SENT_EVENTS).collect();
    let both = told.iter().chain(audience.said).copied();
    document.channels.insert(name.clone(), of_socket(audience, both));
    for (does, action, summary, messages) in [
        ("send", Action::Send, "What the server says, one frame per message.", told.as_slice()),
        ("receive", Action::Receive, "What a client may say.", audience.said),
    ] {
        let operation = Operation::new(action, &name, summary, messages.iter().copied());
        document.operations.insert(format!("{name}.{does}"), operation);
    }
}

fn describe_sent_events(document: &mut Document, audience: &Audience) {
    let (name, told) = (channel_of(SENT_EVENTS, audience), audience.told.iter().copied());
    document.channels.insert(name.clone(), of_sent_events(audience, told.clone()));
    let summary = "What the server says, one frame per event.";
    let query = query(audience, "`Last-Event-ID` says the same, and counts first");
    let http = json!({"method": "GET", "query": query, "bindingVersion": HTTP_BINDING});
    let operation = Operation::new(Action::Send, &name, summary, told);
    let operation = Operation { bindings: Some(json!({ "http": http })), ..operation };
    document.operations.insert(format!("{name}.send"), operation);
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

fn of_socket<'a>(audience: &Audience, names: impl IntoIterator<Item = &'a str>) -> Channel {
    let (longest, name) = (protocol::LONGEST_HEARD, protocol::NAME);
    let description = format!(
        "{} Frames are JSON; one of a client has at most {longest} bytes. The server pings; whoever does not answer is \
         gone.",
        audience.description
    );
    let offered = json!({"type": "string", "description": format!(
        "`{name}`; browsers, which can send no other header, may offer `bearer.<access token>` beside it.")});
    let headers = json!({"type": "object", "properties": {"Sec-WebSocket-Protocol": offered}});
    let query = query(audience, "a `resume` frame says the same");
    let binding = json!({"method": "GET", "query": query, "headers": headers, "bindingVersion": SOCKET_BINDING});
    channel(SOCKET, "/ws", description, names, json!({ "ws": binding }))
}

fn of_sent_events<'a>(audience: &Audience, names: impl IntoIterator<Item = &'a str>) -> Channel {
    let description = format!(
        "{} As server-sent events: `event` is the frame's name, `data` the frame, `id` its cursor if it has one, which \
         browsers send as `Last-Event-ID` by themselves. The last event says why the stream ends. With too many \
         connections the answer is 429.",
        audience.description
    );
    channel(SENT_EVENTS, "/events", description, names, json!({}))
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

/// What may stand in the URL, and what else says where to go on.
fn query(audience: &Audience, otherwise: &str) -> Value {
    let asked = json!({"type": "string", "const": audience.name});
    let ticket = "From `POST /ws/tickets`, unless a token comes in a header.";
    let ticket = json!({"type": "string", "description": ticket});
    if !audience.is_default {
        let properties = json!({"audience": asked, "ticket": ticket});
        return json!({"type": "object", "required": ["audience"], "properties": properties});
    }
    let cursor = format!("Where to go on; {otherwise}.");
    let cursor = json!({"type": "string", "description": cursor});
    json!({"type": "object", "properties": {"audience": asked, "ticket": ticket, "cursor": cursor}})
}
