//! What differs between two JSON values.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// One value that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Change {
    /// Where it stands: a JSON pointer, as RFC 6901 writes them.
    path: String,
    /// What was there; null if nothing was.
    from: Value,
    /// What is there; null if nothing is.
    to: Value,
}

/// Every value that differs, in the order of the paths. Two objects are compared field by field, lists as a whole. What is not
/// there and what is null are the same.
pub(crate) fn changes(from: &Value, to: &Value) -> Vec<Change> {
    let mut found = Vec::new();
    compare("", from, to, &mut found);
    found
}

fn compare(path: &str, from: &Value, to: &Value, found: &mut Vec<Change>) {
    let (Value::Object(before), Value::Object(after)) = (from, to) else {
        if from != to {
            found.push(Change { path: path.to_owned(), from: from.clone(), to: to.clone() });
        }
        return;
    };
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    for name in names {
        let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
        let value = |object: &Map<String, Value>| object.get(name).cloned().unwrap_or_default();
        compare(&path, &value(before), &value(after), found);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Change, changes};

    fn change(path: &str, from: Value, to: Value) -> Change {
        Change { path: path.to_owned(), from, to }
    }

    #[test]
    fn what_differs_is_named_by_its_path_and_nothing_else_is() {
        let from = json!({ "a": { "same": 1, "b/c": 1, "gone": 2 }, "list": [1, 2], "null": null });
        let to = json!({ "a": { "same": 1, "b/c": 3, "~new": { "d": 4 } }, "list": [1, 3], "list2": null });
        let expected = [
            change("/a/b~1c", json!(1), json!(3)),
            change("/a/gone", json!(2), Value::Null),
            change("/a/~0new", Value::Null, json!({ "d": 4 })),
            change("/list", json!([1, 2]), json!([1, 3])),
        ];
        assert_eq!(changes(&from, &to), expected);
        assert_eq!(changes(&from, &from), []);
    }

    #[test]
    fn values_that_are_no_objects_differ_as_a_whole() {
        assert_eq!(changes(&json!(1), &json!({})), [change("", json!(1), json!({}))]);
    }
}
