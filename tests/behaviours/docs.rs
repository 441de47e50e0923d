use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

use domain::queue_config::queue_configs;
use tests::reference;

/// `docs/API.md` and `docs/openapi.json` are generated from the routes. UPDATE_DOCS=1 writes them.
#[test]
fn api_documents_match_the_code() {
    // The document describes a deployment with the default retention of archives.
    let openapi = api::openapi_document("/", 30);
    let reference = reference::markdown(&serde_json::from_str(&openapi).unwrap(), api::problems());
    for (name, now) in [("openapi.json", openapi.as_str()), ("API.md", reference.as_str())] {
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
        if env::var_os("UPDATE_DOCS").is_some() {
            fs::write(&file, now).unwrap();
        }
        let written = fs::read_to_string(&file).unwrap_or_default();
        assert!(written == now, "docs/{name} is not current: UPDATE_DOCS=1 cargo test -p tests -- documents");
    }
}

/// Every path in backquotes in a document exists, relative to the repository's root.
#[test]
fn documents_name_files_that_exist() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    for document in [
        "README.md",
        "CONTRIBUTING.md",
        "docs/ARCHITECTURE.md",
        "docs/CONFIGURATION.md",
        "docs/OPERATIONS.md",
        "docs/JOBS.md",
        "docs/DELIVERY.md",
        "docs/UPLOADS.md",
        "docs/EMAIL.md",
        "docs/EVENTS.md",
        "docs/FROM_LARAVEL.md",
        "tests/README.md",
        "benches/README.md",
    ] {
        let text = fs::read_to_string(root.join(document)).unwrap();
        let mut named = 0;
        for name in text.split('`').skip(1).step_by(2) {
            let ending = Path::new(name).extension().and_then(|ending| ending.to_str());
            let is_path = matches!(ending, Some("rs" | "json" | "md" | "tf")) || name.contains("/src");
            if !is_path || name.contains(['{', ' ', '<']) {
                continue;
            }
            named += 1;
            assert!(root.join(name).exists(), "{document} names {name}, which does not exist");
        }
        assert!(named > 0 || document == "README.md", "{document} names no file: the test looks in vain");
    }
}

/// Cognito sends the code that resets a forgotten password to verified addresses only.
#[test]
fn documented_users_have_a_verified_email() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let operations = fs::read_to_string(root.join("docs/OPERATIONS.md")).unwrap();
    let commands: Vec<&str> = operations.split("admin-create-user").skip(1).collect();
    assert!(!commands.is_empty(), "no command creates a user: the test finds nothing to check");
    for command in commands {
        let attributes = command.split("\naws ").next().unwrap();
        assert!(attributes.contains("Name=email_verified,Value=true"), "{attributes}");
    }
}

/// The table of `docs/CONFIGURATION.md` lists every variable that a function reads, and no other.
#[test]
fn table_of_variables_is_complete() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let configuration = fs::read_to_string(root.join("docs/CONFIGURATION.md")).unwrap();
    let (_, table) = configuration.split_once("| variable | who reads it |").unwrap();
    let rows = table.lines().filter_map(|row| row.strip_prefix("| `")?.split(" | ").next());
    let told: BTreeSet<&str> = rows.flat_map(|names| names.split(", ")).map(|name| name.trim_matches('`')).collect();

    let mut sources = Vec::new();
    for folder in ["shared/runtime/src", "functions"] {
        rust_files(&root.join(folder), &mut sources);
    }
    let text: String = sources.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let mut read: BTreeSet<String> = text
        .split("env.required(\"")
        .chain(text.split("env.optional(\""))
        .chain(text.split("env.parsed(\""))
        .chain(text.split("env.parsed_or(\""))
        .filter_map(|behind| behind.split('"').next())
        .filter(|name| name.contains('_') && name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
        .map(str::to_owned)
        .collect();
    // Variables that are not read through `Env`.
    read.extend(["SDK_PATIENCE_PERCENT", "RUST_LOG"].map(str::to_owned));
    for (queue, config) in queue_configs().unwrap() {
        read.extend([queue.url_variable(), queue.dlq_url_variable()]);
        if config.synchronous {
            read.insert(config.function_variable());
        }
    }
    let told: BTreeSet<String> = told.into_iter().map(str::to_owned).collect();
    assert_eq!(told, read);
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}
