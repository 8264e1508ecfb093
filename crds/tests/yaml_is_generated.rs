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

/// The chart's templates, with what the release adds: labels, and whether the definitions outlive it.
#[test]
fn the_chart_has_the_same() {
    for definition in definitions() {
        let generated = definition.yaml().unwrap_or_else(|error| panic!("{}: {error}", definition.kind));
        let (head, rest) = generated.split_once("\nspec:\n").unwrap_or_else(|| panic!("{} has no spec", definition.kind));
        assert!(!rest.contains("{{"), "{}: helm would take braces in a description for its own", definition.kind);
        let template = format!("{head}\n  {{{{- include \"postern-crds.metadata\" . | nindent 2 }}}}\nspec:\n{rest}");
        common::compare(&format!("charts/postern-crds/templates/{}.yaml", definition.plural), &template);
    }
}

#[test]
fn one_stream_holds_them_all() {
    let stream = postern_crds::yaml().unwrap_or_else(|error| panic!("{error}"));
    let kinds: Vec<serde_json::Value> = serde_saphyr::from_multiple(&stream).unwrap_or_else(|error| panic!("{error}"));
    let expected: Vec<_> = definitions().iter().map(|definition| definition.resource.clone()).collect();
    assert_eq!(kinds, expected);
}
