use std::{
    env, fs,
    path::{Path, PathBuf},
};

use tests::reference;

/// docs/API.md and docs/openapi.json are made of the routes themselves. With UPDATE_DOCS=1 they are written here.
#[test]
fn the_documents_of_the_api_are_those_of_the_code() {
    let openapi = api::openapi::document();
    let reference = reference::markdown(&serde_json::from_str(openapi).unwrap(), api::openapi::problems());
    for (name, now) in [("openapi.json", openapi), ("API.md", reference.as_str())] {
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
        if env::var_os("UPDATE_DOCS").is_some() {
            fs::write(&file, now).unwrap();
        }
        let written = fs::read_to_string(&file).unwrap_or_default();
        assert!(written == now, "docs/{name} is not current: UPDATE_DOCS=1 cargo test -p tests -- documents");
    }
}

/// Every path in backquotes that a document names exists: whole paths, so that nobody has to guess the folder.
#[test]
fn documents_name_files_that_exist() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    for document in ["README.md", "CONTRIBUTING.md", "docs/ARCHITECTURE.md", "tests/README.md"] {
        let text = fs::read_to_string(root.join(document)).unwrap();
        let mut named = 0;
        for name in text.split('`').skip(1).step_by(2) {
            let ending = Path::new(name).extension().and_then(|ending| ending.to_str());
            let is_path = matches!(ending, Some("rs" | "json" | "md")) || name.contains("/src");
            if !is_path || name.contains(['{', ' ', '<']) {
                continue;
            }
            named += 1;
            assert!(root.join(name).exists(), "{document} names {name}, which does not exist");
        }
        assert!(named > 0 || document == "README.md", "{document} names no file: the test looks in vain");
    }
}
