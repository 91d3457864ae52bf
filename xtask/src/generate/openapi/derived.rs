//! What follows from a handler's signature, said of its operation: who must show a token, which headers come and go.

use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ArrayBuilder, Content, Header, HeaderBuilder, Object, ObjectBuilder, OpenApi, PathItem, Ref, RefOr, Required,
    Schema, SecurityRequirement, Type,
};

use super::handlers::{Handler, Handlers};

const BEARER: &str = "bearer";
const TICKET: &str = "ticket";

const KEY: &str = "Idempotency-Key";
const VERSION: &str = "If-Match";
const LEAST: &str = "at_least";
const KNOWN: &str = "If-None-Match";

const TAG: &str = "ETag";
const LOCATION: &str = "Location";
const TOKEN: &str = "Consistency-Token";
const REPLAYED: &str = "Idempotency-Replayed";
const RETRY: &str = "Retry-After";
const APPLIED: &str = "Preference-Applied";
const LAG: &str = "Projection-Lag-Ms";
const FEED: &str = "Feed-Cursor";

/// What refusals show.
const PROBLEM: &str = "#/components/schemas/Problem";

/// What answers mean of which nothing else is said; `docs/problems.md` has every `code`.
const MEANINGS: [(&str, &str); 3] = [
    ("200", "What was asked for"),
    ("4XX", "Refused, and nothing was done: `code` says why"),
    ("503", "Not now: something is away, or not there yet; `Retry-After` says when to ask again"),
];

/// The longest `Idempotency-Key`, in characters.
const LONGEST_KEY: usize = 255;

/// Says of every operation what follows from its handler. One without a handler is left as it is.
pub(super) fn describe(document: &mut OpenApi, handlers: &Handlers) {
    let components = document.components.get_or_insert_default();
    components.security_schemes.extend(schemes().map(|(name, scheme)| (name.to_owned(), RefOr::T(scheme))));
    let parameters = parameters().map(|parameter| (parameter.name.clone(), RefOr::T(parameter)));
    components.parameters.extend(parameters);
    components.headers.extend(headers().map(|(name, header)| (name.to_owned(), RefOr::T(header))));
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            complete(operation, method, path);
            if let Some(handler) = handlers.get(&(method.to_owned(), path.clone())) {
                tell(operation, handler);
            }
        }
    }
}

/// The operations of a path by their methods, in lower case.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    let all = [("get", get), ("put", put), ("post", post), ("delete", delete), ("patch", patch)];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// What OpenAPI asks of each: an id of its own, and that every answer says what it means.
fn complete(operation: &mut Operation, method: &str, path: &str) {
    let words = path.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    operation.operation_id = Some(std::iter::once(method).chain(words).collect::<Vec<_>>().join("_"));
    for (status, response) in &mut operation.responses.responses {
        let (RefOr::T(response), Some((_, meaning))) = (response, MEANINGS.iter().find(|(of, _)| of == status)) else {
            continue;
        };
        if response.description.is_empty() {
            response.description = (*meaning).to_owned();
        }
        if response.content.get("application/json").is_some_and(is_problem) {
            let problem = response.content.shift_remove("application/json");
            response.content.extend(problem.map(|problem| ("application/problem+json".to_owned(), problem)));
        }
    }
}

fn is_problem(content: &RefOr<Content>) -> bool {
    let RefOr::T(Content { schema: Some(RefOr::Ref(schema)), .. }) = content else { return false };
    schema.ref_location == PROBLEM
}

fn tell(operation: &mut Operation, handler: &Handler) {
    operation.security = security(handler);
    // Of what is only made there is no version that could match.
    let makes = operation.responses.responses.contains_key("201");
    let taken = [
        (KEY, handler.takes_key()),
        (VERSION, handler.takes_version() && !makes),
        (LEAST, handler.takes_terms()),
        (KNOWN, handler.shows_views()),
    ];
    let listens = listens(operation);
    for (name, _) in taken.into_iter().filter(|(_, is_taken)| *is_taken) {
        operation.parameters.get_or_insert_default().push(reference("parameters", name));
    }
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        let told = told(handler, status).into_iter().filter(|name| *name != FEED || listens);
        response.headers.extend(told.map(|name| (name.to_owned(), reference("headers", name))));
    }
}

/// Whether it may be asked from where to listen: what `Prefer` is good for is said where the route is.
fn listens(operation: &Operation) -> bool {
    let cursor = FEED.to_ascii_lowercase();
    operation.parameters.iter().flatten().any(|parameter| match parameter {
        RefOr::T(Parameter { name, description: Some(text), .. }) => name == "Prefer" && text.contains(&cursor),
        RefOr::T(_) | RefOr::Ref(_) => false,
    })
}

/// What somebody must show, each by itself; nothing where anybody is let in.
fn security(handler: &Handler) -> Option<Vec<SecurityRequirement>> {
    let schemes: &[&str] = match (handler.takes_ticket(), handler.needs_token()) {
        (true, _) => &[BEARER, TICKET],
        (false, true) => &[BEARER],
        (false, false) => return None,
    };
    Some(schemes.iter().map(|scheme| SecurityRequirement::new(*scheme, Vec::<String>::new())).collect())
}

/// The headers of an answer with this status.
fn told(handler: &Handler, status: &str) -> Vec<&'static str> {
    let replays = handler.takes_key() && status == "200";
    match status {
        "200" | "201" if handler.replies() => {
            [TAG, LOCATION, TOKEN].into_iter().chain(replays.then_some(REPLAYED)).collect()
        }
        "200" | "304" if handler.shows_views() => vec![TAG, APPLIED, LAG, FEED],
        "4XX" | "503" => vec![RETRY],
        _ => Vec::new(),
    }
}

fn reference<T>(part: &str, name: &str) -> RefOr<T> {
    RefOr::Ref(Ref::new(format!("#/components/{part}/{name}")))
}

fn schemes() -> impl Iterator<Item = (&'static str, SecurityScheme)> {
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("An access token, from `POST /api/v1/users/login` or `POST /api/v1/users/refresh`."));
    let ticket = "From `POST /ws/tickets`, good for one connection.";
    let ticket = ApiKey::Query(ApiKeyValue::with_description("ticket", ticket));
    [(BEARER, SecurityScheme::Http(token.build())), (TICKET, SecurityScheme::ApiKey(ticket))].into_iter()
}

fn parameters() -> impl Iterator<Item = Parameter> {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let parameters: [(_, _, RefOr<Schema>, _); 4] = [
        (
            KEY,
            ParameterIn::Header,
            text().max_length(Some(LONGEST_KEY)).into(),
            "Names this command, in printable ASCII: sent again with the same key it takes effect once, and is \
             answered as it was before.",
        ),
        (
            VERSION,
            ParameterIn::Header,
            text().into(),
            "The `ETag` that was answered for what is to be changed: if there is another version by now, nothing is \
             done, and the answer is 412.",
        ),
        (
            LEAST,
            ParameterIn::Query,
            ArrayBuilder::new().items(text()).into(),
            "The same as `Consistency-Token`, and beside it; may be repeated.",
        ),
        (
            KNOWN,
            ParameterIn::Header,
            text().into(),
            "The `ETag`s of the answers that are there already: if it would be one of them, the answer is 304.",
        ),
    ];
    parameters.into_iter().map(|(name, place, schema, description)| {
        let parameter = ParameterBuilder::new().name(name).parameter_in(place).required(Required::False);
        parameter.schema(Some(schema)).description(Some(description)).build()
    })
}

fn headers() -> impl Iterator<Item = (&'static str, Header)> {
    [
        (
            TAG,
            Type::String,
            "Which state this is: a query takes it back in `If-None-Match`, a command about one thing in `If-Match`. \
             Missing where only what is joined to it was changed.",
        ),
        (LOCATION, Type::String, "Where it is shown what was changed."),
        (APPLIED, Type::String, "What of `Prefer` counted: `wait=N` where a token was given, `feed-cursor`."),
        (
            LAG,
            Type::Integer,
            "How far behind the answer may be, in milliseconds, where no token says how new it is; missing while that is \
             not known.",
        ),
        (FEED, Type::String, "The cursor from which to listen, by `/ws` or `/events`, for what comes after this answer."),
        (TOKEN, Type::String, "Sent along with a query, makes it wait for this change."),
        (REPLAYED, Type::Boolean, "`true` where this is the answer to an earlier request with the same key."),
        (RETRY, Type::Integer, "After how many seconds to ask again, where that helps."),
    ]
    .into_iter()
    .map(|(name, kind, description)| {
        let header = HeaderBuilder::new().schema(Some(Object::with_type(kind))).description(Some(description));
        (name, header.build())
    })
}
