//! One port for all services but DynamoDB. The SigV4 credential scope names the service of a request.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::Body;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{debug, warn};

use super::identity::ACCESS_KEY;
use super::lambda::Lambda;
use super::mailbox::Mailbox;
use super::s3::ObjectService;
use super::sqs::Queues;
use super::ssm::Parameters;
use super::{
    cloudwatch::{self, Samples},
    ses, sqs, ssm,
};

/// Work that runs between a request and its response.
pub type Work = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;
/// The work to run after requests, set where jobs run synchronously.
pub type Synchronous = Arc<OnceLock<Work>>;

/// The largest request body. SES: 40 MB, more in base64; no service except S3 takes larger bodies.
const MAX_BODY_BYTES: usize = 64 << 20;
/// The time that open connections get to finish at shutdown. Long polls may take longer and are cut off.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(500);
/// The time after which shutdown no longer waits for a server.
pub const SHUTDOWN_LIMIT: Duration = Duration::from_secs(2);

/// The services behind the port.
pub struct Router {
    /// The work to run after requests, if any.
    pub synchronous: Synchronous,
    /// The address of this port for clients; queue URLs begin with it.
    pub endpoint: String,
    /// S3.
    pub objects: ObjectService,
    /// SQS.
    pub queues: Arc<Queues>,
    /// Values of metrics.
    pub samples: Arc<Samples>,
    /// SES.
    pub mailbox: Arc<Mailbox>,
    /// SSM.
    pub parameters: Arc<Parameters>,
    /// Lambda.
    pub lambda: Arc<Lambda>,
}

/// Accepts connections until `stop` is set.
pub async fn serve(listener: TcpListener, router: Router, mut stop: watch::Receiver<bool>) {
    let router = Arc::new(router);
    let mut connections = JoinSet::new();
    loop {
        let stopped = stop.clone();
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, router.clone(), stopped));
                }
                Err(error) => {
                    // The process is most likely out of file descriptors: to accept again immediately would only spin.
                    warn!(%error, "A connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            () = async { drop(stop.wait_for(|stop| *stop).await) } => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
    drop(listener);
    let finish = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(SHUTDOWN_GRACE, finish).await;
}

async fn connection(stream: TcpStream, router: Arc<Router>, mut stop: watch::Receiver<bool>) {
    // Without this, a small response waits for the acknowledgement of the previous one.
    let _ = stream.set_nodelay(true);
    let service = hyper::service::service_fn(move |request| {
        let router = router.clone();
        async move { Ok::<_, Infallible>(router.route(request).await) }
    });
    let builder = Builder::new(TokioExecutor::new());
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let served = tokio::select! {
        served = connection.as_mut() => served,
        // The guard that `wait_for` returns must not be held over an await.
        () = async { drop(stop.wait_for(|stop| *stop).await) } => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        debug!(%error, "A connection ended early");
    }
}

impl Router {
    async fn work(&self, may_have_sent: bool) {
        if let Some(work) = self.synchronous.get().filter(|_| may_have_sent) {
            work().await;
        }
    }

    async fn route(&self, request: Request<Incoming>) -> Response<Body> {
        let scope = Scope::of(&request);
        match scope.service.as_str() {
            "s3" => {
                let writes = !matches!(*request.method(), Method::GET | Method::HEAD);
                let response = self.objects.answer(request.map(Body::from)).await;
                self.work(writes).await;
                response
            }
            _ if scope.access_key != ACCESS_KEY => refuse(
                StatusCode::FORBIDDEN,
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            ),
            service @ ("sqs" | "ses" | "ssm" | "lambda" | "monitoring") => {
                let (parts, body) = request.into_parts();
                let Ok(body) = Limited::new(body, MAX_BODY_BYTES).collect().await else {
                    return refuse(
                        StatusCode::PAYLOAD_TOO_LARGE,
                        "RequestEntityTooLarge",
                        "The body is too large or was cut off.",
                    );
                };
                let body = body.to_bytes();
                let target =
                    parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
                match service {
                    "sqs" => {
                        let response = sqs::answer(&self.queues, &self.endpoint, &parts.headers, &body).await;
                        self.work(target.contains("SendMessage")).await;
                        response
                    }
                    "ses" => ses::answer(&self.mailbox, &parts.method, parts.uri.path(), &body).map(Body::from),
                    "lambda" => self.lambda.answer(&parts, &body).await.map(Body::from),
                    "monitoring" => cloudwatch::answer(&self.queues, &self.samples, target, &body).map(Body::from),
                    _ => ssm::answer(&self.parameters, target, &body).map(Body::from),
                }
            }
            other => refuse(
                StatusCode::BAD_REQUEST,
                "UnknownService",
                &format!("The service {other} is not served on this port."),
            ),
        }
    }
}

fn refuse(status: StatusCode, error_type: &str, message: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(json!({ "__type": error_type, "message": message }).to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    response
}

/// The credential scope of a signature: who calls which service.
struct Scope {
    access_key: String,
    service: String,
}

impl Scope {
    /// Reads the scope of a request. A request without a signature, or with a presigned URL's, is for S3, which checks
    /// it.
    fn of<B>(request: &Request<B>) -> Self {
        let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let credential = header.and_then(|header| header.split_once("Credential=")).map(|(_, rest)| rest);
        let mut fields = credential.unwrap_or_default().split([',', ' ']).next().unwrap_or_default().split('/');
        let access_key = fields.next().unwrap_or_default().to_owned();
        let service = fields.nth(2).unwrap_or("s3").to_owned();
        Self { access_key, service }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credential_scope_names_the_service() {
        let authorization =
            "AWS4-HMAC-SHA256 Credential=test/20260101/eu-central-1/sqs/aws4_request, SignedHeaders=host";
        let signed = Request::builder().header("authorization", authorization).body(()).unwrap();
        let scope = Scope::of(&signed);
        assert_eq!((scope.access_key.as_str(), scope.service.as_str()), ("test", "sqs"));
        assert_eq!(Scope::of(&Request::new(())).service, "s3");
    }
}
