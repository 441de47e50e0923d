//! Single requests to S3 that a client has signed: `signRequest` of Uppy 6. Each is for the photo's key only.

use std::collections::BTreeMap;

use api_types::SignedRequest;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{Studio, photo::Photo};
use runtime::objects::UploadCall;
use uuid::Uuid;

use super::{
    super::photos::find, UPLOAD_URL_LIVES, already_uploaded, awaiting, expect_original, has_original, headers,
    multipart::open, multipart_view, no_multipart, put, urls_expire_at,
};
use crate::{
    problem::{ApiResult, Problem},
    state::State,
};

/// A request to S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Upload the original by one PUT.
    Put,
    /// Create a multipart upload.
    Create,
    /// Upload a part.
    Part {
        /// Id of the upload.
        upload_id: String,
        /// Number, 1 to 10,000.
        number: u16,
    },
    /// List the parts of an upload.
    List {
        /// Id of the upload.
        upload_id: String,
    },
    /// Complete an upload.
    Complete {
        /// Id of the upload.
        upload_id: String,
    },
    /// Abort an upload.
    Abort {
        /// Id of the upload.
        upload_id: String,
    },
}

/// Returns a signed request for a photo whose original has not arrived.
pub async fn sign(state: &State, studio: &Studio, id: Uuid, call: Call) -> ApiResult<SignedRequest> {
    let photo = awaiting(find(state, studio, id).await?)?;
    let key = photo.original();
    let request = match call {
        Call::Put => {
            let put = put(state, &expect_original(state, &photo, UPLOAD_URL_LIVES).await?).await?;
            return Ok(SignedRequest {
                url: put.url,
                key: key.to_string(),
                headers: put.headers,
                expires_at: put.expires_at,
            });
        }
        Call::Create => {
            if has_original(state, &photo).await? {
                return Err(already_uploaded().into());
            }
            return created(state, &open(state, photo).await?);
        }
        Call::Part { upload_id, number } => {
            let upload_id = on_record(&photo, &upload_id)?;
            state.originals.presign_part(&key, upload_id, number, UPLOAD_URL_LIVES).await?
        }
        Call::List { upload_id } => {
            let upload_id = on_record(&photo, &upload_id)?;
            state.originals.presign_upload_call(&key, upload_id, UploadCall::ListParts, UPLOAD_URL_LIVES).await?
        }
        Call::Complete { upload_id } => {
            let upload_id = on_record(&photo, &upload_id)?;
            expect_original(state, &photo, UPLOAD_URL_LIVES).await?;
            let complete = UploadCall::Complete { size: photo.size };
            state.originals.presign_upload_call(&key, upload_id, complete, UPLOAD_URL_LIVES).await?
        }
        Call::Abort { upload_id } => {
            let upload_id = on_record(&photo, &upload_id)?;
            state.originals.presign_upload_call(&key, upload_id, UploadCall::Abort, UPLOAD_URL_LIVES).await?
        }
    };
    Ok(SignedRequest {
        url: request.uri().to_owned(),
        key: key.to_string(),
        headers: headers(&request),
        expires_at: urls_expire_at(state),
    })
}

/// Refuses another upload than that on record: S3 would not find it, or nobody would abort it.
fn on_record<'a>(photo: &'a Photo, upload_id: &str) -> Result<&'a str, Problem> {
    let on_record = photo.upload_id.as_deref().ok_or_else(no_multipart)?;
    if on_record == upload_id {
        return Ok(on_record);
    }
    Err(Problem::invalid("upload_id", format!("It is not the photo's upload, which is {on_record}.")))
}

/// Returns the answer to the creation of an upload.
///
/// A client that was given S3's own URL would create an upload that no record names, and another one with each repetition.
/// The upload on record has been created instead, and the URL contains what S3 would answer.
fn created(state: &State, photo: &Photo) -> ApiResult<SignedRequest> {
    let upload = multipart_view(photo)?;
    let answer = initiated(&upload.key, &upload.upload_id);
    let expires_at = upload.expires_at.min(urls_expire_at(state));
    let url = format!("data:application/xml;base64,{}", STANDARD.encode(answer));
    Ok(SignedRequest { url, key: upload.key, headers: BTreeMap::new(), expires_at })
}

/// Returns S3's answer to CreateMultipartUpload. Keys and ids have nothing to escape.
fn initiated(key: &str, upload_id: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<InitiateMultipartUploadResult \
         xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Key>{key}</Key><UploadId>{upload_id}</UploadId></\
         InitiateMultipartUploadResult>"
    )
}
