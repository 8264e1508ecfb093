//! What `kubectl get` shows of resources: the printer columns of their definition, evaluated as the API server does it.

use postern_crds::definitions;
use serde_json::Value;

/// Header and rows, with the columns that `kubectl get -o wide` adds if `wide`; ages are left out.
pub fn table(kind: &str, resources: &[Value], wide: bool) -> String {
    let definition = definitions().iter().find(|definition| definition.kind == kind).unwrap();
    let columns = definition.resource["spec"]["versions"][0]["additionalPrinterColumns"].as_array().unwrap();
    let columns: Vec<_> = columns
        .iter()
        .filter(|column| column["type"] != "date" && (wide || column["priority"].as_i64().unwrap_or_default() == 0))
        .map(|column| (column["name"].as_str().unwrap(), column["jsonPath"].as_str().unwrap()))
        .collect();
    let header = ["NAME".to_owned()].into_iter().chain(columns.iter().map(|(name, _)| name.to_uppercase())).collect();
    let row = |resource: &Value| {
        let cells = columns.iter().map(|(_, path)| evaluate(resource, path));
        [evaluate(resource, ".metadata.name")].into_iter().chain(cells).collect()
    };
    let rows: Vec<Vec<String>> = [header].into_iter().chain(resources.iter().map(row)).collect();
    let widths: Vec<_> = (0..rows[0].len()).map(|column| rows.iter().map(|row| row[column].len()).max().unwrap()).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("   ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// The part of `JSONPath` that columns use: fields, indexes, and `[?(@.field=='value')]`.
fn evaluate(resource: &Value, path: &str) -> String {
    let mut here = resource;
    for part in path.split_inclusive(']').flat_map(|part| part.split_once('[').map_or(vec![part], |(fields, index)| vec![fields, index])) {
        here = match part.strip_suffix(']') {
            None => part.split('.').filter(|field| !field.is_empty()).fold(here, |value, field| &value[field]),
            Some(index) => match index.strip_prefix("?(@.").and_then(|filter| filter.strip_suffix("')")) {
                Some(filter) => {
                    let (field, wanted) = filter.split_once("=='").unwrap();
                    here.as_array().and_then(|items| items.iter().find(|item| item[field] == wanted)).unwrap_or(&Value::Null)
                }
                None => &here[index.parse::<usize>().unwrap()],
            },
        };
    }
    match here {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
