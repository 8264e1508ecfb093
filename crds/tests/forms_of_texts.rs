//! Names, mailboxes and amounts: what the schema takes, and what it refuses.

#![allow(clippy::expect_used, reason = "a test may end so")]

mod common;

use common::{vector::Form, vectors};
use postern_crds::check;

#[test]
fn what_is_right_is_taken() {
    for form in vectors::<Vec<Form>>("forms.yaml") {
        for text in &form.takes {
            assert!(check(&form.with(text)).is_ok(), "{} {text:?}: {:?}", form.field, check(&form.with(text)));
        }
    }
}

#[test]
fn what_is_wrong_is_refused_at_its_field_and_nowhere_else() {
    for form in vectors::<Vec<Form>>("forms.yaml") {
        let field = form.field.trim_start_matches('/').replace("/0", "[0]").replace('/', ".");
        for text in &form.refuses {
            let errors = check(&form.with(text)).expect_err(&format!("{field} {text:?} must be refused"));
            assert!(errors.iter().all(|error| error.field == field) && errors.len() == 1, "{text:?}: {errors:?}");
        }
    }
}
