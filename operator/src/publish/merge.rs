//! A status as a merge patch (RFC 7396): small, and it needs no version of the object.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// The patch that makes the status of the object with this UID `new`: what only `old` has is taken away. Nothing when they are the same.
pub(super) fn patch<S: Serialize>(uid: Option<&str>, old: Option<&S>, new: &S) -> Result<Option<Value>, serde_json::Error> {
    let old = old.map(serde_json::to_value).transpose()?.unwrap_or_default();
    let new = serde_json::to_value(new)?;
    if old == new {
        return Ok(None);
    }
    let nothing = Map::new();
    let (old, fields) = (old.as_object().unwrap_or(&nothing), new.as_object().unwrap_or(&nothing));
    let changed = fields.iter().filter(|(name, value)| old.get(*name) != Some(*value)).map(|(name, value)| (name.clone(), value.clone()));
    let gone = old.keys().filter(|name| !fields.contains_key(*name)).map(|name| (name.clone(), Value::Null));
    let status: Map<_, _> = changed.chain(gone).collect();
    // By its UID: should another resource have taken its name meanwhile, nothing is written.
    Ok(Some(json!({"metadata": {"uid": uid}, "status": status})))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_sent_and_what_is_gone_is_taken_away() {
        let (old, new) = (json!({"a": 1, "b": [1, 2], "c": 3}), json!({"a": 1, "b": [2]}));
        let patch = patch(Some("uid"), Some(&old), &new).unwrap();
        assert_eq!(patch, Some(json!({"metadata": {"uid": "uid"}, "status": {"b": [2], "c": null}})));
    }

    #[test]
    fn the_same_is_not_sent() {
        assert_eq!(patch(Some("uid"), Some(&json!({"a": 1})), &json!({"a": 1})).unwrap(), None);
    }
}
