//! CORS: what pages of other origins may do with a bucket.

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use s3s::dto;
use serde::{Deserialize, Serialize};

/// One rule of a bucket's CORS configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct CorsRule {
    pub origins: Vec<String>,
    pub methods: Vec<String>,
    pub headers: Vec<String>,
    pub expose: Vec<String>,
    pub max_age_seconds: Option<i32>,
}

impl CorsRule {
    pub fn of(rule: dto::CORSRule) -> Self {
        Self {
            origins: rule.allowed_origins,
            methods: rule.allowed_methods,
            headers: rule.allowed_headers.unwrap_or_default(),
            expose: rule.expose_headers.unwrap_or_default(),
            max_age_seconds: rule.max_age_seconds,
        }
    }

    pub fn to_rule(&self) -> dto::CORSRule {
        dto::CORSRule {
            allowed_headers: Some(self.headers.clone()),
            allowed_methods: self.methods.clone(),
            allowed_origins: self.origins.clone(),
            expose_headers: Some(self.expose.clone()),
            id: None,
            max_age_seconds: self.max_age_seconds,
        }
    }

    fn allows(&self, origin: &str, method: &str, asked: &str) -> bool {
        let mut asked = asked.split(',').map(str::trim).filter(|name| !name.is_empty());
        self.origins.iter().any(|pattern| matches(pattern, origin))
            && self.methods.iter().any(|allowed| allowed == method)
            && asked.all(|name| {
                let name = name.to_ascii_lowercase();
                self.headers.iter().any(|pattern| matches(&pattern.to_ascii_lowercase(), &name))
            })
    }
}

/// Returns whether a text matches a pattern. S3: at most one `*` in a pattern.
fn matches(pattern: &str, text: &str) -> bool {
    pattern.split_once('*').map_or(pattern == text, |(start, end)| {
        text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end)
    })
}

/// Returns whether a request is a CORS preflight.
pub(super) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Returns the response to a preflight, by the bucket's rules.
pub(super) fn preflight(rules: &[CorsRule], headers: &HeaderMap) -> s3s::HttpResponse {
    let asked = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut response = s3s::HttpResponse::new(s3s::Body::empty());
    let (origin, method) = (asked(header::ORIGIN), asked(header::ACCESS_CONTROL_REQUEST_METHOD));
    let requested = asked(header::ACCESS_CONTROL_REQUEST_HEADERS);
    let Some(rule) = rules.iter().find(|rule| rule.allows(origin, method, requested)) else {
        *response.status_mut() = StatusCode::FORBIDDEN;
        return response;
    };
    allow(rule, origin, response.headers_mut());
    put(response.headers_mut(), header::ACCESS_CONTROL_ALLOW_HEADERS, requested);
    if let Some(seconds) = rule.max_age_seconds {
        put(response.headers_mut(), header::ACCESS_CONTROL_MAX_AGE, &seconds.to_string());
    }
    response
}

/// Adds the response headers that let a page of `origin` read the response.
pub(super) fn decorate(rules: &[CorsRule], origin: &HeaderValue, method: &Method, headers: &mut HeaderMap) {
    let origin = origin.to_str().unwrap_or_default();
    if let Some(rule) = rules.iter().find(|rule| rule.allows(origin, method.as_str(), "")) {
        allow(rule, origin, headers);
    }
}

fn allow(rule: &CorsRule, origin: &str, headers: &mut HeaderMap) {
    let any = rule.origins.iter().any(|pattern| pattern == "*");
    put(headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, if any { "*" } else { origin });
    put(headers, header::ACCESS_CONTROL_ALLOW_METHODS, &rule.methods.join(", "));
    if !rule.expose.is_empty() {
        put(headers, header::ACCESS_CONTROL_EXPOSE_HEADERS, &rule.expose.join(", "));
    }
    put(headers, header::VARY, "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
}

fn put(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pattern_has_one_star() {
        assert!(matches("*", "http://a"));
        assert!(matches("http://*.example.com", "http://www.example.com"));
        assert!(!matches("http://example.com", "http://example.org"));
    }
}
