//! Forwarding of requests, each according to its fate.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Request, Response,
    header::{CONTENT_LENGTH, TRANSFER_ENCODING},
};
use http_body_util::{BodyExt as _, Collected, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::client::legacy::{Client, connect::HttpConnector};

use super::{
    Direction, Fate, Line, Seen, Target,
    body::{AnyBody, Broken, Error, Paced, full, half},
};

#[derive(Clone)]
pub(super) struct Forward {
    pub(super) client: Client<HttpConnector, AnyBody>,
    pub(super) target: Target,
    pub(super) line: Arc<dyn Line>,
}

impl Forward {
    /// Returns the response to a request; an error closes the connection.
    pub(super) async fn answer(&self, request: Request<Incoming>, seen: Seen) -> Result<Response<AnyBody>, Error> {
        let (head, body) = request.into_parts();
        let mut body = Paced::of(body, Direction::Out, self.line.clone()).boxed();
        if self.line.takes_whole_requests() {
            body = full(whole(body).await?);
        }
        let request = Request::from_parts(head, body);
        let fate = self.line.arrives(seen.clone()).await;
        match fate {
            Fate::Lost => std::future::pending().await,
            Fate::Broken => Err(Broken.into()),
            Fate::Refused(refusal) => Ok(refusal.response()),
            Fate::HeadFirst { body_after, spaces } => Ok(Response::new(self.body_later(request, body_after, spaces))),
            Fate::AnswerLost => {
                let _lost = self.send(request).await;
                std::future::pending().await
            }
            Fate::AnswerBroken => {
                whole(self.send(request).await?.into_body()).await?;
                Err(Broken.into())
            }
            Fate::AnswerReplaced(refusal) => {
                whole(self.send(request).await?.into_body()).await?;
                Ok(refusal.response())
            }
            Fate::Pass => self.answered(&seen, request).await,
            Fate::AnswerLate(delay) => {
                let response = self.answered(&seen, request).await;
                tokio::time::sleep(delay).await;
                response
            }
            Fate::AnswerCut => cut(self.answered(&seen, request).await?).await,
            Fate::Unproven => {
                let mut response = self.answered(&seen, request).await?;
                response.headers_mut().remove("x-amz-checksum-crc32");
                Ok(response)
            }
        }
    }

    /// Returns the service's response, and reports its status to the line.
    async fn answered(&self, seen: &Seen, request: Request<AnyBody>) -> Result<Response<AnyBody>, Error> {
        let response = self.send(request).await?;
        self.line.answered(seen, response.status());
        Ok(response)
    }

    /// Returns the response's body, sent after its delay.
    fn body_later(&self, request: Request<AnyBody>, body_after: Duration, spaces: Option<Duration>) -> AnyBody {
        const DECLARATION: &[u8] = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
        let (pieces, body) = futures::channel::mpsc::unbounded();
        let forward = self.clone();
        tokio::spawn(async move {
            let send = |piece: Bytes| pieces.unbounded_send(Ok(Frame::data(piece)));
            let forwarding = async {
                let (answer, ()) = tokio::join!(forward.send(request), tokio::time::sleep(body_after));
                whole(answer?.into_body()).await
            };
            tokio::pin!(forwarding);
            if spaces.is_some() {
                let _ = send(Bytes::from_static(DECLARATION));
            }
            let answered = loop {
                tokio::select! {
                    answered = &mut forwarding => break answered,
                    () = tokio::time::sleep(spaces.unwrap_or(Duration::MAX)) => drop(send(Bytes::from_static(b" "))),
                }
            };
            let _ = match answered {
                Ok(body) if spaces.is_some() => send(body.slice(without_declaration(&body)..)),
                Ok(body) => send(body),
                Err(error) => pieces.unbounded_send(Err(error)),
            };
        });
        StreamBody::new(body).boxed()
    }

    async fn send(&self, request: Request<AnyBody>) -> Result<Response<AnyBody>, Error> {
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let target = (self.target)(&parts.headers).ok_or(Broken)?;
        parts.uri = format!("{target}{path}").parse()?;
        let response = self.client.request(Request::from_parts(parts, body)).await?;
        Ok(response.map(|body| Paced::of(body, Direction::In, self.line.clone()).boxed()))
    }
}

/// Returns all bytes of a body.
async fn whole(body: AnyBody) -> Result<Bytes, Error> {
    body.collect().await.map(Collected::to_bytes)
}

/// Returns the response with the first half of its body, after which the connection breaks. A response without a body
/// is not sent.
async fn cut(response: Response<AnyBody>) -> Result<Response<AnyBody>, Error> {
    let (mut head, body) = response.into_parts();
    let bytes = whole(body).await?;
    if bytes.is_empty() {
        return Err(Broken.into());
    }
    head.headers.remove(TRANSFER_ENCODING);
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    Ok(Response::from_parts(head, half(&bytes)))
}

/// Returns the position after a document's XML declaration.
fn without_declaration(document: &[u8]) -> usize {
    let end = document.windows(2).position(|two| two == b"?>").map_or(0, |at| at + 2);
    if document.starts_with(b"<?xml") { end } else { 0 }
}
