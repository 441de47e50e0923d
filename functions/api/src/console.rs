//! The operators' console: the files of its page, compiled in, and what the page must know of the deployment.

use std::{collections::BTreeMap, sync::OnceLock};

use http::HeaderValue;
use runtime::env::Env;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

/// Returns the table of the files in the folder `console`.
macro_rules! files {
    ($($name:literal),* $(,)?) => { [$(($name, include_str!(concat!("../console/", $name)))),*] };
}

/// The page itself, at `/console`.
const PAGE: &str = include_str!("../console/index.html");
/// Files that the page loads, by name, in `/console/`.
const FILES: [(&str, &str); 27] = files![
    "api.js",
    "app.js",
    "base.css",
    "charts.css",
    "charts.js",
    "dialog.js",
    "dom.js",
    "failed.js",
    "format.js",
    "icon.svg",
    "keys.js",
    "letters.js",
    "metrics.js",
    "oidc.js",
    "operations.js",
    "pause.js",
    "queue.js",
    "queues.js",
    "record.js",
    "search.js",
    "session.js",
    "settle.js",
    "studios.js",
    "table.css",
    "table.js",
    "unfinished.js",
    "watch.js",
];

/// Configuration that the page reads at its start: where operators sign in.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConsoleConfig {
    /// Issuer of the operators' tokens; `null` on one machine.
    pub issuer: Option<String>,
    /// The console's client at the issuer; `null` on one machine, and if the deployment names none.
    pub client_id: Option<String>,
    /// Whether the deployment is on one machine, where a development token signs operators in.
    pub local: bool,
    /// Region of the deployment.
    pub region: Option<String>,
}

/// The console of this deployment.
///
/// The page and its modules name each file with the version of all of them. A browser keeps such a file for good, so that
/// it asks for the page alone until the next release.
pub struct Console {
    /// Made at the first request for the console, since most instances of the function have none.
    files: OnceLock<Files>,
    /// Configuration that the page reads at its start.
    pub config: ConsoleConfig,
    /// The page's Content-Security-Policy.
    pub policy: HeaderValue,
}

/// Files of the console, each of which names the others with the version.
pub struct Files {
    /// The page.
    pub page: String,
    /// Version of the files: a hash of all.
    pub version: String,
    by_name: BTreeMap<&'static str, String>,
}

impl Console {
    /// Reads the function's environment. `public_url` is the address of the deployment.
    pub fn from_env(env: &Env, public_url: &str) -> Self {
        let issuer = env.optional("CONSOLE_ISSUER");
        let token_origin = env.optional("CONSOLE_TOKEN_ORIGIN");
        Self {
            files: OnceLock::new(),
            policy: policy([issuer.as_deref(), token_origin.as_deref()].into_iter().flatten()),
            config: ConsoleConfig {
                // API Gateway has no plain HTTP, so this address is of one machine.
                local: issuer.is_none() && public_url.starts_with("http://"),
                issuer,
                client_id: env.optional("CONSOLE_CLIENT_ID"),
                region: env.optional("AWS_REGION"),
            },
        }
    }

    /// Returns the files.
    pub fn files(&self) -> &Files {
        self.files.get_or_init(Files::new)
    }
}

impl Files {
    fn new() -> Self {
        let mut hash = Sha256::new_with_prefix(PAGE);
        for (_, text) in FILES {
            hash.update(text);
        }
        let version = hex::encode(&hash.finalize()[..8]);
        Self {
            page: versioned(PAGE, &version),
            by_name: FILES.iter().map(|(name, text)| (*name, versioned(text, &version))).collect(),
            version,
        }
    }

    /// Returns the file with this name, and its media type.
    pub fn find(&self, name: &str) -> Option<(&str, &'static str)> {
        let media_type = match name.rsplit('.').next() {
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            _ => "text/javascript; charset=utf-8",
        };
        self.by_name.get(name).map(|text| (text.as_str(), media_type))
    }
}

/// Returns the text with the version in the names of the files that it loads.
fn versioned(text: &str, version: &str) -> String {
    FILES.iter().fold(text.to_owned(), |text, (name, _)| {
        text.replace(&format!("'./{name}'"), &format!("'./{name}?v={version}'"))
            .replace(&format!("\"console/{name}\""), &format!("\"console/{name}?v={version}\""))
    })
}

/// Returns the policy of a page that may call the API and these addresses, and makes no HTML of text.
fn policy<'a>(called: impl Iterator<Item = &'a str>) -> HeaderValue {
    let origins: String = called.filter_map(origin).flat_map(|origin| [" ".to_owned(), origin]).collect();
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'{origins}; img-src 'self' data:; \
         form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
         trusted-types 'none'"
    );
    // Origins have plain characters only.
    HeaderValue::try_from(policy).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
}

/// Returns the origin of a URL.
fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().filter(|authority| !authority.is_empty())?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
    (["http", "https"].contains(&scheme) && authority.chars().all(is_plain)).then(|| format!("{scheme}://{authority}"))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    #[test]
    fn all_files_of_the_folder_are_served() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("console");
        let names = fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").file_name());
        let mut names: BTreeSet<String> = names.filter_map(|name| name.into_string().ok()).collect();
        assert!(names.remove("index.html"));
        assert_eq!(FILES.iter().map(|(name, _)| (*name).to_owned()).collect::<BTreeSet<_>>(), names);
    }

    #[test]
    fn every_file_that_is_loaded_has_the_version() {
        let files = Files::new();
        assert_eq!(files.page.matches(&format!("?v={}\"", files.version)).count(), 5, "{}", files.page);
        let (app, _) = files.find("app.js").expect("the module");
        assert_eq!(app.matches(" from './").count(), app.matches(&format!(".js?v={}';", files.version)).count());
    }

    #[test]
    fn policy_names_origins_only() {
        let called = ["https://idp.example.com/pool?x", "https://evil; script-src *", "data:text/html,x", "https:///a"];
        let policy = policy(called.into_iter());
        let policy = policy.to_str().expect("text");
        assert!(policy.contains("connect-src 'self' https://idp.example.com; img-src"), "{policy}");
    }
}
