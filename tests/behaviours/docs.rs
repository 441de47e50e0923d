use std::{
    fs,
    path::{Path, PathBuf},
};

/// Every path in backquotes that a document names exists: whole paths, so that nobody has to guess the folder.
#[test]
fn documents_name_files_that_exist() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    for document in ["README.md", "CONTRIBUTING.md", "docs/ARCHITECTURE.md"] {
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
