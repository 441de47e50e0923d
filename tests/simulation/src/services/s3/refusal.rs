//! Errors of S3 and their XML.

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};

use super::xml::Writer;

/// Error response: status, code, message and further members.
///
/// Codes and statuses: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    members: Vec<(&'static str, String)>,
    headers: Vec<(&'static str, String)>,
}

impl Refusal {
    /// Creates the error of a body that does not have its schema.
    pub fn malformed() -> Self {
        let message = "The XML you provided was not well-formed or did not validate against our published schema";
        Self::bad("MalformedXML", message)
    }

    /// Creates an error of this status and code.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), members: Vec::new(), headers: Vec::new() }
    }

    /// Creates an error of status 400.
    pub fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// Creates an error of status 403.
    pub fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    /// Creates an error of status 404.
    pub fn missing(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// Creates the error `InvalidArgument`.
    pub fn argument(message: impl Into<String>) -> Self {
        Self::bad("InvalidArgument", message)
    }

    /// Creates the error of a request that this model does not know. S3 itself may know it.
    pub fn unknown(what: &str) -> Self {
        let message = format!("A header or query you provided implies functionality that is not implemented: {what}");
        Self::new(StatusCode::NOT_IMPLEMENTED, "NotImplemented", message)
    }

    /// Creates the error of a failed precondition.
    pub fn condition(name: &'static str) -> Self {
        let message = "At least one of the pre-conditions you specified did not hold";
        Self::new(StatusCode::PRECONDITION_FAILED, "PreconditionFailed", message).with("Condition", name)
    }

    /// Creates the error of a missing bucket.
    pub fn no_bucket(name: &str) -> Self {
        Self::missing("NoSuchBucket", "The specified bucket does not exist").with("BucketName", name)
    }

    /// Creates the error of a missing object.
    pub fn no_key(key: &str) -> Self {
        Self::missing("NoSuchKey", "The specified key does not exist.").with("Key", key)
    }

    /// Creates the error of a missing version.
    pub fn no_version(key: &str, id: &str) -> Self {
        let refusal = Self::missing("NoSuchVersion", "The specified version does not exist.");
        refusal.with("Key", key).with("VersionId", id)
    }

    /// Creates the error of a read of a delete marker by its id.
    pub fn not_allowed_on_marker(id: &str) -> Self {
        let message = "The specified method is not allowed against this resource.";
        let refusal = Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message);
        refusal.with("ResourceType", "DeleteMarker").header("allow", "DELETE").of_marker(id)
    }

    /// Creates the error of a missing upload.
    pub fn no_upload(id: &str) -> Self {
        let message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been \
            aborted or completed.";
        Self::missing("NoSuchUpload", message).with("UploadId", id)
    }

    /// Adds a member to the XML.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.members.push((name, value.into()));
        self
    }

    /// Adds a header to the response.
    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds the headers that name a delete marker.
    pub fn of_marker(self, id: &str) -> Self {
        self.header("x-amz-delete-marker", "true").header("x-amz-version-id", id)
    }

    /// Returns the message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the code.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Returns the XML.
    pub fn xml(&self) -> Bytes {
        let mut xml = Writer::document("Error");
        xml.text("Code", self.code).text("Message", &self.message);
        for (name, value) in &self.members {
            xml.text(name, value);
        }
        xml.finish()
    }

    /// Returns the response. Responses to HEAD and responses of status 304 have no body.
    pub fn respond(&self, method: &Method) -> Response<Bytes> {
        let bodiless = method == Method::HEAD || self.status == StatusCode::NOT_MODIFIED;
        let mut response = Response::new(if bodiless { Bytes::new() } else { self.xml() });
        *response.status_mut() = self.status;
        for (name, value) in &self.headers {
            if let Ok(value) = HeaderValue::try_from(value) {
                response.headers_mut().insert(*name, value);
            }
        }
        if !bodiless {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        }
        response
    }
}
