use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use crate::schema::rule;

/// Mail goes to the exchangers of the recipient's domain. There is nothing to set: write `mx: {}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = without_fields)]
pub struct DomainMx {}

fn without_fields(schema: &mut Schema) {
    schema.insert("maxProperties".to_owned(), 0.into());
}

/// What `tls` may not have beside `mx`.
pub(crate) fn tls_of_exchangers(schema: &mut Schema) {
    rule(".tls.serverName", "!has(self.mx) || !has(self.tls.serverName)", "each exchanger has a name of its own; remove serverName")(
        schema,
    );
    rule(
        ".tls.caCertificateRefs",
        "!has(self.mx) || !has(self.tls.caCertificateRefs) || has(self.tls.mode)",
        "exchangers are not verified unless you say so; make the mode Verify, or remove caCertificateRefs",
    )(schema);
}
