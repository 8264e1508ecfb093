use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

/// Mail goes to the exchangers of the recipient's domain. There is nothing to set: write `mx: {}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = without_fields)]
pub struct DomainMx {}

fn without_fields(schema: &mut Schema) {
    schema.insert("maxProperties".to_owned(), 0.into());
}
