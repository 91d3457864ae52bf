//! What the handlers of routes take and answer, read from their signatures: what must hold is an argument there.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenTree;
use syn::visit::{self, Visit};

use crate::tidy::Tree;

/// What a command may carry in its headers, as an argument.
const HEADERS: &str = "CommandHeaders";

/// Every handler, by its route's method, in lower case, and path.
pub(super) type Handlers = BTreeMap<(String, String), Handler>;

/// One handler, as far as it concerns whoever asks.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Handler {
    /// The types of its arguments, by their own names.
    arguments: BTreeSet<String>,
    /// The type of what it answers if all goes well; empty if it has no name.
    answer: String,
    /// Whether it drops the key that its argument holds.
    drops_key: bool,
}

/// The handlers of all routes in this tree.
pub(super) fn all(tree: &Tree) -> Handlers {
    let mut found = Found::default();
    tree.sources().iter().for_each(|source| found.visit_file(&source.syntax));
    found.0
}

impl Handler {
    /// Whether it lets nobody in without a token.
    pub(super) fn needs_token(&self) -> bool {
        ["Caller", "AdminCaller"].into_iter().any(|caller| self.takes(caller))
    }

    /// Whether a ticket does in place of the token that it needs otherwise.
    pub(super) fn takes_ticket(&self) -> bool {
        self.takes("Entrant")
    }

    /// Whether an `Idempotency-Key` counts.
    pub(super) fn takes_key(&self) -> bool {
        self.takes(HEADERS) && !self.drops_key
    }

    /// Whether an `If-Match` is looked at.
    pub(super) fn takes_version(&self) -> bool {
        self.takes(HEADERS)
    }

    /// Whether it answers what a command did, and how to read it.
    pub(super) fn replies(&self) -> bool {
        self.answer == "Reply"
    }

    /// Whether the caller may say what the answer must not be older than.
    pub(super) fn takes_terms(&self) -> bool {
        self.takes("Terms")
    }

    /// Whether it answers stored documents on the caller's terms.
    pub(super) fn shows_views(&self) -> bool {
        self.takes_terms() && self.answer == "Response"
    }

    fn takes(&self, argument: &str) -> bool {
        self.arguments.contains(argument)
    }

    fn of(function: &syn::ItemFn) -> Self {
        let arguments = function.sig.inputs.iter().filter_map(|argument| match argument {
            syn::FnArg::Typed(argument) => name_of(&argument.ty),
            syn::FnArg::Receiver(_) => None,
        });
        let answer = match &function.sig.output {
            syn::ReturnType::Type(_, answer) => answered(answer),
            syn::ReturnType::Default => None,
        };
        let mut dropped = Dropped::default();
        dropped.visit_block(&function.block);
        Self { arguments: arguments.collect(), answer: answer.unwrap_or_default(), drops_key: dropped.0 }
    }
}

/// Every function with a route that was met so far.
#[derive(Default)]
struct Found(Handlers);

impl<'ast> Visit<'ast> for Found {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        let route = function.attrs.iter().find_map(route);
        self.0.extend(route.map(|route| (route, Handler::of(function))));
        visit::visit_item_fn(self, function);
    }
}

/// Method and path of `#[utoipa::path(post, path = "/commands/orders", …)]`.
fn route(attribute: &syn::Attribute) -> Option<(String, String)> {
    let name: Vec<_> = attribute.path().segments.iter().map(|segment| segment.ident.to_string()).collect();
    if name != ["utoipa", "path"] {
        return None;
    }
    let tokens: Vec<_> = attribute.meta.require_list().ok()?.tokens.clone().into_iter().collect();
    let method = tokens.first()?.to_string();
    let path = tokens.windows(3).find_map(|three| match three {
        [TokenTree::Ident(name), TokenTree::Punct(_), TokenTree::Literal(path)] if *name == "path" => Some(path),
        _ => None,
    })?;
    Some((method, path.to_string().trim_matches('"').to_owned()))
}

/// A type's own name, without its module and without what it is generic over.
fn name_of(kind: &syn::Type) -> Option<String> {
    let syn::Type::Path(path) = kind else { return None };
    path.path.segments.last().map(|segment| segment.ident.to_string())
}

/// The name of what is answered: of a `Result`, if all goes well.
fn answered(answer: &syn::Type) -> Option<String> {
    let syn::Type::Path(path) = answer else { return None };
    let last = path.path.segments.last()?;
    if last.ident != "Result" {
        return Some(last.ident.to_string());
    }
    let syn::PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    let Some(syn::GenericArgument::Type(good)) = arguments.args.first() else { return None };
    name_of(good)
}

/// Whether `CommandHeaders { key: None, … }` was met.
#[derive(Default)]
struct Dropped(bool);

impl<'ast> Visit<'ast> for Dropped {
    fn visit_expr_struct(&mut self, made: &'ast syn::ExprStruct) {
        let is_headers = made.path.segments.last().is_some_and(|segment| segment.ident == HEADERS);
        self.0 |= is_headers && made.fields.iter().any(is_no_key);
        visit::visit_expr_struct(self, made);
    }
}

/// `key: None`.
fn is_no_key(field: &syn::FieldValue) -> bool {
    let is_key = matches!(&field.member, syn::Member::Named(name) if *name == "key");
    is_key && matches!(&field.expr, syn::Expr::Path(path) if path.path.is_ident("None"))
}

#[cfg(test)]
mod tests {
    use super::{Handler, all};
    use crate::tidy::Tree;

    fn handler(arguments: &[&str], answer: &str, drops_key: bool) -> Handler {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Handler { arguments, answer: answer.to_owned(), drops_key }
    }

    #[test]
    fn a_handler_is_what_its_signature_says() {
        let code = "//! Routes.\n\
            #[utoipa::path(post, path = \"/commands/orders\", tag = \"orders\", params((\"path\" = String, Path)))]\n\
            async fn place(State(app): State<App>, caller: Caller, headers: CommandHeaders)\n\
            -> Result<Reply<OrderAnswer>, Problem> { app.place(caller, headers).await }\n\
            #[utoipa::path(post, path = \"/users/{id}/password\")]\n\
            async fn give(headers: CommandHeaders) -> Result<Reply<()>, runtime::Problem> {\n\
            let headers = CommandHeaders { key: None, ..headers }; answer(headers) }\n\
            #[utoipa::path(get, path = \"/health\")]\n\
            async fn health() -> Json<Health> { Json(Health) }\n\
            #[utoipa::path(get, path = \"/keys\")]\n\
            async fn keys() -> Result<(StatusCode, Json<Keys>), Problem> { keys() }\n\
            #[test]\n\
            fn no_handler(caller: Caller) {}\n";
        let expected = [
            (("get", "/health"), handler(&[], "Json", false)),
            (("get", "/keys"), handler(&[], "", false)),
            (("post", "/commands/orders"), handler(&["State", "Caller", "CommandHeaders"], "Reply", false)),
            (("post", "/users/{id}/password"), handler(&["CommandHeaders"], "Reply", true)),
        ];
        let expected = expected.map(|((method, path), handler)| ((method.to_owned(), path.to_owned()), handler));
        let found = all(&Tree::of(&[("a/src/routes/order.rs", code)]));
        assert_eq!(found.into_iter().collect::<Vec<_>>(), expected);
    }
}
