//! The fates of requests and their responses.

use std::time::Duration;

use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};

use super::body::{AnyBody, full};

/// The fate of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The request and its response are forwarded.
    Pass,
    /// The request never arrives, and gets no response.
    Lost,
    /// The request never arrives; its connection breaks.
    Broken,
    /// The request does not arrive; the proxy sends this response.
    Refused(Refusal),
    /// The request takes effect; its response is lost.
    AnswerLost,
    /// The request takes effect; its connection breaks before the response.
    AnswerBroken,
    /// The request takes effect; its connection breaks in the middle of the response's body.
    AnswerCut,
    /// The request takes effect; the proxy sends this response instead of the service's.
    AnswerReplaced(Refusal),
    /// The request is forwarded; its response comes later by this time.
    AnswerLate(Duration),
    /// The request is forwarded; the response's headers with checksums are removed.
    Unproven,
    /// The request is forwarded, and the response is slow like some of S3's: the head comes immediately with status
    /// 200, and the body after a delay. Spaces may be sent in between.
    HeadFirst {
        /// The delay of the body.
        body_after: Duration,
        /// The time between two spaces, the first of which follows the XML declaration; `None` sends no spaces.
        spaces: Option<Duration>,
    },
}

/// An error response of the proxy, in the format of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    status: StatusCode,
    code: &'static str,
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Xml,
    Json,
}

impl Refusal {
    /// Creates an error of S3.
    pub fn s3(status: StatusCode, code: &'static str) -> Self {
        Self { status, code, format: Format::Xml }
    }

    /// Creates an error of a service whose errors are JSON.
    pub fn json(status: StatusCode, code: &'static str) -> Self {
        Self { status, code, format: Format::Json }
    }

    pub(super) fn response(self) -> Response<AnyBody> {
        let code = self.code;
        let (content_type, body) = match self.format {
            Format::Xml => {
                ("application/xml", format!("<Error><Code>{code}</Code><Message>told to fail</Message></Error>"))
            }
            Format::Json => {
                ("application/x-amz-json-1.0", format!(r#"{{"__type":"{code}","message":"told to fail"}}"#))
            }
        };
        let mut response = Response::new(full(body));
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(code));
        response
    }
}
