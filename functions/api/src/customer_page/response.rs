//! Responses with a page: headers, and pages in place of the API's problems.

use std::{collections::BTreeSet, sync::LazyLock};

use axum::{
    extract::Request,
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::language::Language;
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{
        ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    },
};
use sha2::{Digest as _, Sha256};

use super::{Page, SCRIPT, State};

/// Origins that a page may load from, beside its own.
#[derive(Debug, Default)]
pub struct Sources {
    /// Origins of pictures and files.
    origins: BTreeSet<String>,
}

impl Sources {
    /// Allows the origin of this URL.
    pub fn allow(&mut self, url: &str) {
        let parsed = url.split_once("://").and_then(|(scheme, rest)| {
            let authority = rest.split(['/', '?', '#']).next().filter(|authority| !authority.is_empty())?;
            let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
            authority.chars().all(is_plain).then(|| format!("{scheme}://{authority}"))
        });
        self.origins.extend(parsed);
    }

    /// Returns the page's Content-Security-Policy.
    fn policy(&self) -> String {
        static SCRIPT_HASH: LazyLock<String> = LazyLock::new(|| STANDARD.encode(Sha256::digest(SCRIPT)));
        let origins: String = self.origins.iter().flat_map(|origin| [" ", origin]).collect();
        format!(
            "default-src 'none'; img-src 'self' data:{origins}; connect-src 'self'{origins}; script-src 'sha256-{}'; \
             style-src 'unsafe-inline'; form-action 'self'{origins}; base-uri 'none'; frame-ancestors 'none'",
            *SCRIPT_HASH
        )
    }
}

/// Returns the page as a response.
pub fn html(status: StatusCode, page: &Page, sources: &Sources) -> Response {
    let mut response = (status, Html(page.render())).into_response();
    let headers = response.headers_mut();
    // The token in the URL must not reach third parties.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(policy) = HeaderValue::try_from(sources.policy()) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Returns the first language of an `Accept-Language` header that the page has; English by default.
///
/// The order of the header counts, not its weights: browsers write the preferred language first.
pub fn language_of(headers: &HeaderMap) -> Language {
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let tags = accepted.split(',').filter_map(|item| item.split(';').next()).map(str::trim);
    let known = |tag: &str| {
        Some(Language::of(tag)).filter(|language| {
            tag.split('-').next().is_some_and(|primary| primary.eq_ignore_ascii_case(language.tag()))
        })
    };
    tags.into_iter().find_map(known).unwrap_or(Language::English)
}

/// Answers requests below a link with a page in place of a problem: people open them.
pub async fn pages_only(request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with("/d/") {
        return next.run(request).await;
    }
    let language = language_of(request.headers());
    let problem = next.run(request).await;
    let is_page = problem.headers().get(CONTENT_TYPE).is_some_and(|it| it.as_bytes().starts_with(b"text/html"));
    if is_page || !(problem.status().is_client_error() || problem.status().is_server_error()) {
        return problem;
    }
    let status = problem.status();
    let state = match status {
        StatusCode::NOT_FOUND => State::Unknown,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => State::Busy,
        _ => State::Error,
    };
    let mut page = html(status, &Page::anonymous(language, state), &Sources::default());
    for (name, value) in problem.headers() {
        if name != CONTENT_TYPE && name != http::header::CONTENT_LENGTH && !page.headers().contains_key(name) {
            page.headers_mut().insert(name, value.clone());
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_names_only_origins() {
        let mut sources = Sources::default();
        for url in [
            "https://b.s3.eu-central-1.amazonaws.com/derivatives/x?X-Amz-Signature=1",
            "https://b.s3.eu-central-1.amazonaws.com/other",
            "http://[::1]:9000/photos",
            "https://evil; script-src *",
            "https:///path",
            "data:text/html,x",
        ] {
            sources.allow(url);
        }
        let known: Vec<_> = sources.origins.iter().map(String::as_str).collect();
        assert_eq!(known, ["http://[::1]:9000", "https://b.s3.eu-central-1.amazonaws.com"]);
        assert!(HeaderValue::try_from(sources.policy()).is_ok());
    }

    #[test]
    fn first_known_language_is_chosen() {
        let language = |accepted: &'static str| {
            let headers = HeaderMap::from_iter([(ACCEPT_LANGUAGE, HeaderValue::from_static(accepted))]);
            language_of(&headers).tag()
        };
        for (accepted, tag) in [
            ("de-AT,de;q=0.9,en;q=0.8", "de"),
            ("ja, fr-CH;q=0.7, de;q=0.3", "fr"),
            ("EN-us", "en"),
            ("*", "en"),
            (",;q=1,,", "en"),
        ] {
            assert_eq!(language(accepted), tag, "{accepted}");
        }
        assert_eq!(language_of(&HeaderMap::new()).tag(), "en");
    }
}
