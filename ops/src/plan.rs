//! What a command found, and what it does or did about it.

use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;

/// The answer of every command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Plan {
    /// Whether it was carried out.
    pub(crate) executed: bool,
    /// One entry per topic, subject or file.
    pub(crate) items: Vec<Item>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = PlanItem)]
pub(crate) struct Item {
    /// Its name.
    pub(crate) name: String,
    /// What is or was to be done.
    pub(crate) action: Action,
    /// How it is now.
    pub(crate) state: String,
}

/// What is to be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PlanAction)]
pub(crate) enum Action {
    /// Nothing: it is as it must be.
    None,
    /// Nothing, but someone should look.
    Look,
    /// It is made.
    Create,
    /// It is changed.
    Change,
    /// Nothing may be done, because it cannot be put right here.
    Refuse,
}

impl Plan {
    /// Whether something stands in the way.
    pub(crate) fn is_refused(&self) -> bool {
        self.items.iter().any(|item| item.action == Action::Refuse)
    }

    /// Whether anything is to be done, or was.
    pub(crate) fn has_work(&self) -> bool {
        self.items.iter().any(|item| matches!(item.action, Action::Create | Action::Change))
    }

    /// Whether someone should look at anything.
    fn has_trouble(&self) -> bool {
        self.items.iter().any(|item| item.action == Action::Look)
    }
}

impl Item {
    pub(crate) fn new(name: impl Into<String>, action: Action, state: impl Into<String>) -> Self {
        Self { name: name.into(), action, state: state.into() }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.items.iter().map(|item| item.name.len()).max().unwrap_or(0);
        for Item { name, action, state } in &self.items {
            let word = match (action, self.executed) {
                (Action::None, _) => "ok",
                (Action::Look, _) => "look",
                (Action::Create, false) => "create",
                (Action::Create, true) => "created",
                (Action::Change, false) => "change",
                (Action::Change, true) => "changed",
                (Action::Refuse, _) => "refused",
            };
            writeln!(f, "{word:8} {name:width$}  {state}")?;
        }
        f.write_str(match (self.is_refused(), self.executed, self.has_work()) {
            (true, false, _) => "Nothing was done.",
            (true, true, _) => "Not all of it was done.",
            (false, true, true) => "Done.",
            (false, false, true) => "This is a plan; add --execute to carry it out.",
            (false, _, false) if self.has_trouble() => "Something needs a look.",
            (false, _, false) => "Nothing to do.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, Item, Plan};
    use crate::answer;

    fn plan(executed: bool, action: Action) -> String {
        Plan { executed, items: vec![Item::new("orders", action, "12 partitions")] }.to_string()
    }

    #[test]
    fn a_plan_says_what_would_be_done_and_how_to_do_it() {
        let text = plan(false, Action::Create);
        assert!(text.contains("create   orders") && text.contains("--execute"), "{text}");
    }

    #[test]
    fn a_carried_out_plan_says_what_was_done() {
        let text = plan(true, Action::Create);
        assert!(text.contains("created  orders") && text.ends_with("Done."), "{text}");
    }

    #[test]
    fn where_nothing_is_done_and_something_is_wrong_nobody_is_told_that_all_is_well() {
        for executed in [false, true] {
            assert!(plan(executed, Action::Look).ends_with("Something needs a look."));
            assert!(plan(executed, Action::None).ends_with("Nothing to do."));
        }
    }

    #[test]
    fn a_plan_beside_which_someone_should_look_says_how_to_carry_it_out() {
        let items = vec![Item::new("a", Action::Change, ""), Item::new("b", Action::Look, "")];
        assert!(Plan { executed: false, items }.to_string().ends_with("--execute to carry it out."));
    }

    #[test]
    fn one_refused_item_refuses_the_whole() {
        let items = vec![Item::new("a", Action::Create, ""), Item::new("b", Action::Refuse, "")];
        let plan = Plan { executed: false, items };
        assert!(plan.is_refused());
        assert!(plan.to_string().ends_with("Nothing was done."));
        let json = "{\"executed\":false,\"items\":[{\"name\":\"a\",\"action\":\"create\",\"state\":\"\"},{\"name\":\"b\",\"action\":\"refuse\",\"state\":\"\"}]}";
        assert_eq!(answer::json(&plan), json);
    }
}
