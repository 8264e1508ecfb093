//! The files under `crds/yaml` are what the types say.

mod common;

use postern_crds::definitions;

#[test]
fn the_files_are_those_that_the_types_generate() {
    for definition in definitions() {
        let generated = definition.yaml().unwrap_or_else(|error| panic!("{}: {error}", definition.kind));
        common::compare(&format!("crds/yaml/{}", definition.file_name()), &generated);
    }
}

#[test]
fn one_stream_holds_them_all() {
    let stream = postern_crds::yaml().unwrap_or_else(|error| panic!("{error}"));
    let kinds: Vec<serde_json::Value> = serde_saphyr::from_multiple(&stream).unwrap_or_else(|error| panic!("{error}"));
    let expected: Vec<_> = definitions().iter().map(|definition| definition.resource.clone()).collect();
    assert_eq!(kinds, expected);
}
