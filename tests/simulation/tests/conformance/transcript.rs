//! Normalized records of responses: without ids, ETags and dates.

use std::fmt::Debug;

use aws_sdk_sqs::error::SdkError;
use bytes::Bytes;
use serde_json::Value;

/// A check to which another service responds differently from AWS.
pub struct Difference {
    /// Name of the check.
    pub check: &'static str,
    /// Response of the model.
    pub model: &'static str,
    /// Documented behaviour of AWS.
    #[expect(dead_code, reason = "for the reader")]
    pub reason: &'static str,
}

/// Names a difference.
pub const fn difference(check: &'static str, model: &'static str, reason: &'static str) -> Difference {
    Difference { check, model, reason }
}

/// Members of an error of S3 that are recorded, besides its code.
const MEMBERS: [&str; 5] = ["Condition", "HeadersNotSigned", "Key", "BucketName", "UploadId"];

/// Names of checks and the responses.
#[derive(Default)]
pub struct Transcript(Vec<(String, String)>);

impl Transcript {
    /// Records a response: `describe` of a success; status, code and members of an error.
    pub fn record<T, E: Debug>(
        &mut self,
        check: &str,
        sent: Result<T, SdkError<E>>,
        describe: impl FnOnce(&T) -> String,
    ) {
        let text = match sent {
            Ok(output) => format!("ok {}", describe(&output)).trim_end().to_owned(),
            Err(error) => match error.raw_response() {
                Some(raw) => {
                    let body = raw.body().bytes().unwrap_or_default();
                    refusal(raw.status().as_u16(), |name| raw.headers().get(name), body)
                }
                None => format!("no response: {error:?}"),
            },
        };
        self.note(check, text);
    }

    /// Records status and error of a response that was requested without the client.
    pub fn response(&mut self, check: &str, response: &http::Response<Bytes>) {
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        self.note(check, refusal(response.status().as_u16(), header, response.body()));
    }

    /// Records a text.
    pub fn note(&mut self, check: &str, text: impl Into<String>) {
        assert!(self.0.iter().all(|(known, _)| known != check), "the check {check:?} exists");
        self.0.push((check.to_owned(), text.into()));
    }

    /// Returns the number of records.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether a check of this name was recorded.
    pub fn has(&self, check: &str) -> bool {
        self.find(check).is_some()
    }

    fn find(&self, check: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == check).map(|(_, text)| text.as_str())
    }

    /// Appends another transcript.
    pub fn append(&mut self, other: Self) {
        for (check, text) in other.0 {
            self.note(&check, text);
        }
    }
}

/// Describes a success of which nothing is recorded.
pub fn nothing<T>(_: &T) -> String {
    String::new()
}

/// Compares the model's transcript with another service's. Only the named differences are accepted, and each must
/// exist.
pub fn compare(model: &Transcript, other: &Transcript, named: &[Difference]) {
    let mut wrong = Vec::new();
    let only_theirs = other.0.iter().filter(|(check, _)| model.find(check).is_none());
    for (check, _) in model.0.iter().chain(only_theirs) {
        // A listing with more pages has more checks.
        let (ours, theirs) = (model.find(check).unwrap_or("absent"), other.find(check).unwrap_or("absent"));
        let accepted = match named.iter().find(|difference| difference.check == check) {
            Some(difference) => ours == difference.model && ours != theirs,
            None => ours == theirs,
        };
        if !accepted {
            wrong.push(format!("{check}\n  model {ours}\n  other {theirs}"));
        }
    }
    assert!(wrong.is_empty(), "{} unexpected responses:\n{}", wrong.len(), wrong.join("\n"));
}

/// Summarizes the status and the code of an error: of S3 in XML, of other services in JSON.
fn refusal<'a>(status: u16, header: impl Fn(&'static str) -> Option<&'a str>, body: &[u8]) -> String {
    if let Ok(error) = serde_json::from_slice::<Value>(body) {
        let mut words = vec![status.to_string()];
        let name = header("x-amzn-errortype").or(error["__type"].as_str());
        words.extend(name.and_then(|name| name.rsplit('#').next()).map(str::to_owned));
        words.extend(header("x-amzn-query-error").map(str::to_owned));
        return words.join(" ");
    }
    let body = String::from_utf8_lossy(body);
    let error = body.split_once("<Error>").and_then(|(_, rest)| rest.split_once("</Error>")).map(|(error, _)| error);
    let found = |name: &str| error.and_then(|error| member(error, name));
    let mut words = vec![status.to_string()];
    words.extend(found("Code").map(str::to_owned));
    for name in MEMBERS {
        // Each service has its own ids.
        let word = |value: &str| if name == "UploadId" { name.to_owned() } else { format!("{name}={value}") };
        words.extend(found(name).map(word));
    }
    words.join(" ")
}

fn member<'a>(error: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = error.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(value, _)| value)
}
