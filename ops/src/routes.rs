//! What operators do by HTTP, for admins: the same functions as the command line's. A `POST` acts, as a button does, and
//! answers what was done; where the command line would refuse, the answer is 409 in the plan's words.

mod parked;
mod projection;

use axum::extract::FromRef;
use axum::{Json, Router};
use runtime::problem::Problem;
use sessions::Sessions;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Error;
use crate::parked::Operator;
use crate::plan::{Action, Plan};

/// How long a client should stay away from a server that is down, in seconds.
const RETRY_AFTER: u32 = 1;

/// What the routes share.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) operator: Operator,
    pub(crate) sessions: Sessions,
}

impl FromRef<App> for Sessions {
    fn from_ref(app: &App) -> Self {
        app.sessions.clone()
    }
}

/// The routes, with what they share behind them.
pub(crate) fn router(app: App) -> Router {
    described().split_for_parts().0.with_state(app)
}

/// What the routes take and answer, as `OpenAPI` 3.1.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    described().split_for_parts().1
}

fn described() -> OpenApiRouter<App> {
    #[derive(OpenApi)]
    #[openapi(info(title = "orderflow operators"))]
    struct Description;

    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(parked::redrive))
        .routes(routes!(parked::discard))
        .routes(routes!(projection::switch))
        .routes(routes!(projection::rollback))
        .routes(routes!(projection::pause))
}

/// The plan that was carried out, or why it was not.
fn answered(outcome: Result<Plan, Error>) -> Result<Json<Plan>, Problem> {
    let plan = outcome.map_err(|error| failed(&error))?;
    if !plan.is_refused() && plan.has_work() {
        return Ok(Json(plan));
    }
    let said = |matters: fn(Action) -> bool| {
        let items = plan.items.iter().filter(|item| matters(item.action));
        items.map(|item| format!("{}: {}", item.name, item.state)).collect::<Vec<_>>()
    };
    let mut why = said(|action| matches!(action, Action::Refuse | Action::Look));
    if why.is_empty() {
        // It is as was asked for already.
        why = said(|action| action == Action::None);
    }
    let items = serde_json::to_value(&plan.items).unwrap_or_default();
    let detail = format!("Nothing was done. {}", why.join("; "));
    Err(Problem::conflict("operation_refused", detail).with_field("items", items))
}

/// A server that is away comes back; anything else is a defect, and logged as one.
fn failed(error: &Error) -> Problem {
    use event_store::Error::{Busy, Unavailable};
    if let Error::Store { source: Unavailable { .. } | Busy } = error {
        return Problem::unavailable("MongoDB", RETRY_AFTER);
    }
    let is_redis_away = matches!(error, Error::Parked { source } if source.is_passing())
        || matches!(error, Error::Views { source } if source.is_passing());
    if is_redis_away {
        return Problem::unavailable("The read model", RETRY_AFTER);
    }
    tracing::error!(error = runtime::chain(error), "an operator's action failed");
    Problem::internal()
}

#[cfg(test)]
mod tests {
    use axum::Json;

    use super::answered;
    use crate::plan::{Action, Item, Plan};

    fn plan(actions: &[Action]) -> Plan {
        let items = actions.iter().map(|action| Item::new("orders g2", *action, format!("is {action:?}")));
        Plan { executed: true, items: items.collect() }
    }

    #[test]
    fn what_was_done_is_answered_and_what_was_not_is_a_conflict_in_the_plans_words() {
        let done = plan(&[Action::None, Action::Change]);
        assert!(answered(Ok(done.clone())).is_ok_and(|Json(answer)| answer == done));
        for (actions, words) in [
            (&[Action::None, Action::Refuse, Action::Change][..], "Nothing was done. orders g2: is Refuse"),
            (&[Action::Look], "Nothing was done. orders g2: is Look"),
            (&[Action::None], "Nothing was done. orders g2: is None"),
        ] {
            let problem = answered(Ok(plan(actions))).err();
            let body = problem.map(|problem| problem.body(None));
            assert_eq!(body.map(|body| (body.status, body.detail)), Some((409, words.to_owned())), "{actions:?}");
        }
    }
}
