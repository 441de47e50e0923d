use std::{fs, path::PathBuf};

/// Every path in backquotes that a document names exists: in the repository, or beside the file named before it.
#[test]
fn documents_name_files_that_exist() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    for document in ["README.md", "CONTRIBUTING.md", "docs/ARCHITECTURE.md"] {
        let text = fs::read_to_string(root.join(document)).unwrap();
        let mut beside = root.clone();
        for named in text.split('`').skip(1).step_by(2) {
            let is_path = named.ends_with(".rs") || named.ends_with(".json") || named.starts_with("functions/");
            if !is_path || named.contains(['{', ' ', '<']) {
                continue;
            }
            let whole = root.join(named);
            let path = if whole.exists() { whole } else { beside.join(named) };
            assert!(path.exists(), "{document} names {named}, which does not exist");
            if let Some(folder) = path.parent().filter(|_| path.is_file()) {
                beside = folder.to_owned();
            }
        }
    }
}
