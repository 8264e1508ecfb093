//! Fields that the schema does not have.

use serde_json::{Map, Value};

use super::{FieldError, advice, path};

/// Every field of `value` that the schema does not know.
pub(super) fn fields(schema: &Value, value: &Value) -> Vec<FieldError> {
    let mut search = Search { root: schema, errors: Vec::new() };
    search.visit("", schema, value);
    search.errors
}

struct Search<'a> {
    root: &'a Value,
    errors: Vec<FieldError>,
}

impl Search<'_> {
    fn visit(&mut self, base: &str, schema: &Value, value: &Value) {
        match value {
            Value::Object(map) => {
                if let Some(known) = schema["properties"].as_object() {
                    self.visit_fields(base, known, map);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.visit(&path::item(base, index), &schema["items"], item);
                }
            }
            _ => {}
        }
    }

    fn visit_fields(&mut self, base: &str, known: &Map<String, Value>, map: &Map<String, Value>) {
        for (name, value) in map {
            let field = path::field(base, name);
            match known.get(name) {
                Some(schema) => self.visit(&field, schema, value),
                None => self.errors.push(FieldError::new(field, "is not a field", self.mend(base, known, name))),
            }
        }
    }

    fn mend(&self, base: &str, known: &Map<String, Value>, name: &str) -> String {
        let names: Vec<&str> = known.keys().map(String::as_str).collect();
        if let Some(near) = advice::nearest(name, &names) {
            return format!("write `{near}`");
        }
        match place_of(name, "", self.root) {
            Some(place) => format!("move it to `{place}`"),
            None if base.is_empty() => "remove it".to_owned(),
            None => format!("remove it, or write one of {}", advice::list(&names)),
        }
    }
}

/// Where in the specification a field of this name is.
fn place_of(name: &str, base: &str, schema: &Value) -> Option<String> {
    let fields = schema["properties"].as_object()?;
    let children = || fields.iter().filter(|(child, _)| !base.is_empty() || *child == "spec");
    let here = children().find(|(child, _)| child.eq_ignore_ascii_case(name)).map(|(child, _)| path::field(base, child));
    here.or_else(|| {
        children().find_map(|(child, schema)| {
            let place = path::field(base, child);
            match schema.get("items") {
                Some(items) => place_of(name, &format!("{place}[]"), items),
                None => place_of(name, &place, schema),
            }
        })
    })
}
