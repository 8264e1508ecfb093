//! The files under `crds/yaml` are what the types say.

use std::{env, fs, path::Path};

/// With `POSTERN_WRITE_CRDS=1` the files are written instead of compared: that is `make crds`.
#[test]
fn the_files_are_those_that_the_types_generate() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("yaml");
    for definition in postern_crds::definitions() {
        let file = folder.join(definition.file_name());
        let generated = definition.yaml().expect("a definition has a YAML form");
        if env::var_os("POSTERN_WRITE_CRDS").is_some() {
            fs::write(&file, &generated).expect("the file can be written");
        }
        let kept = fs::read_to_string(&file).unwrap_or_default();
        assert!(kept == generated, "{} is not what the types generate; run `make crds` and commit the result", file.display());
    }
}
