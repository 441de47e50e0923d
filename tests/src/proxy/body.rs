//! Bodies on their way through a proxy.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::{future::BoxFuture, stream};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Body, Frame, Incoming};

use super::{Direction, Line};

pub(super) type Error = Box<dyn std::error::Error + Send + Sync>;
pub(super) type AnyBody = BoxBody<Bytes, Error>;

/// The error that closes a connection.
#[derive(Debug, thiserror::Error)]
#[error("the connection breaks")]
pub(super) struct Broken;

/// Returns a body of these bytes.
pub(super) fn full(bytes: impl Into<Bytes>) -> AnyBody {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed()
}

/// Returns a body with the first half of the bytes, after which the connection breaks.
pub(super) fn half(bytes: &Bytes) -> AnyBody {
    let first = bytes.slice(..bytes.len() / 2);
    StreamBody::new(stream::iter([Ok(Frame::data(first)), Err(Broken.into())])).boxed()
}

/// A body whose bytes are delayed by the line.
pub(super) struct Paced {
    body: Incoming,
    direction: Direction,
    line: Arc<dyn Line>,
    waiting: Option<(BoxFuture<'static, ()>, Bytes)>,
}

impl Paced {
    pub(super) fn of(body: Incoming, direction: Direction, line: Arc<dyn Line>) -> PacedSync {
        PacedSync(std::sync::Mutex::new(Self { body, direction, line, waiting: None }))
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        loop {
            if let Some((wait, _)) = &mut self.waiting {
                std::task::ready!(wait.as_mut().poll(cx));
                let bytes = self.waiting.take().map(|(_, bytes)| bytes).unwrap_or_default();
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            match std::task::ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => self.waiting = Some((self.line.passes(self.direction, bytes.len()), bytes)),
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
            }
        }
    }
}

/// A [`Paced`] body that is `Sync`, as some callers require; only one task polls it.
pub(super) struct PacedSync(std::sync::Mutex<Paced>);

impl Body for PacedSync {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.0.get_mut() {
            Ok(body) => body.poll(cx),
            Err(_poisoned) => Poll::Ready(Some(Err("a body's reader panicked".into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().is_ok_and(|paced| paced.waiting.is_none() && paced.body.is_end_stream())
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.0.lock().map(|paced| paced.body.size_hint()).unwrap_or_default()
    }
}
