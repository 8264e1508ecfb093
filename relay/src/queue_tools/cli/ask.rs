//! Asks the relay: a connection for each request.

use std::{
    future::poll_fn,
    path::{Path, PathBuf},
    pin::Pin,
    time::Duration,
};

use axum::{
    body::{self, Body},
    http::{Request, Response, StatusCode, header},
};
use hyper::{
    body::{Body as _, Bytes, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use postern_spool::MessageId;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{net::UnixStream, time::timeout};

use super::Trouble;
use crate::queue_tools::wire::{CHANGE, Change, Changed, LIST, ListPage, ListRequest, MESSAGES, Message, Problem, STATISTICS, Statistics};

/// How long the relay has to begin an answer, and for each piece of one.
const PATIENCE: Duration = Duration::from_mins(2);
/// The most that an answer takes, in bytes, but for content: a page of messages with very many recipients.
const MAX_ANSWER: usize = 256 << 20;

/// A relay that runs.
pub(super) struct Relay {
    socket: PathBuf,
}

/// The content of a message, as it comes.
pub(super) struct Content(Incoming);

impl Relay {
    pub(super) fn new(socket: &Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    pub(super) async fn list(&self, request: &ListRequest) -> Result<ListPage, Trouble> {
        self.post(LIST, request).await
    }

    pub(super) async fn change(&self, change: &Change) -> Result<Changed, Trouble> {
        self.post(CHANGE, change).await
    }

    pub(super) async fn statistics(&self) -> Result<Statistics, Trouble> {
        read(self.get(STATISTICS).await?).await
    }

    pub(super) async fn message(&self, id: MessageId) -> Result<Message, Trouble> {
        read(self.get(&format!("{MESSAGES}/{id}")).await?).await
    }

    /// How the message begins, up to its first empty line.
    pub(super) async fn header(&self, id: MessageId) -> Result<Bytes, Trouble> {
        whole(self.get(&format!("{MESSAGES}/{id}/header")).await?).await
    }

    pub(super) async fn content(&self, id: MessageId) -> Result<Content, Trouble> {
        Ok(Content(self.get(&format!("{MESSAGES}/{id}/content")).await?.into_body()))
    }

    async fn get(&self, path: &str) -> Result<Response<Incoming>, Trouble> {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = uri(path)?;
        self.ask(request).await
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, content: &impl Serialize) -> Result<T, Trouble> {
        let content = serde_json::to_vec(content).map_err(|error| Trouble::Version(error.to_string()))?;
        let request = Request::post(uri(path)?).header(header::CONTENT_TYPE, "application/json").body(Body::from(content));
        let request = request.map_err(|error| Trouble::Version(error.to_string()))?;
        read(self.ask(request).await?).await
    }

    async fn ask(&self, request: Request<Body>) -> Result<Response<Incoming>, Trouble> {
        let stream = UnixStream::connect(&self.socket).await.map_err(|error| Trouble::connecting(&self.socket, error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Ends with the answer, and tells its errors through it.
        tokio::spawn(connection);
        let response = timeout(PATIENCE, sender.send_request(request)).await.map_err(|_| Trouble::TooSlow(PATIENCE))??;
        match response.status() {
            StatusCode::OK => Ok(response),
            StatusCode::FORBIDDEN => Err(Trouble::NotAllowed(self.socket.clone())),
            status => {
                let Problem { error } = read(response).await?;
                let is_of_message = matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE);
                Err(if is_of_message { Trouble::NoSuchMessage(error) } else { Trouble::Refused(error) })
            }
        }
    }
}

impl Content {
    /// The next piece; `None` at the end. What breaks off before its end is an error.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Trouble> {
        loop {
            let frame = poll_fn(|context| Pin::new(&mut self.0).poll_frame(context));
            let Some(frame) = timeout(PATIENCE, frame).await.map_err(|_| Trouble::TooSlow(PATIENCE))? else { return Ok(None) };
            // The other kind of frame, trailers, is never sent.
            if let Ok(piece) = frame?.into_data() {
                return Ok(Some(piece));
            }
        }
    }
}

fn uri(path: &str) -> Result<axum::http::Uri, Trouble> {
    path.parse().map_err(|error: axum::http::uri::InvalidUri| Trouble::Version(error.to_string()))
}

async fn whole(response: Response<Incoming>) -> Result<Bytes, Trouble> {
    let read = body::to_bytes(Body::new(response.into_body()), MAX_ANSWER);
    let read = timeout(PATIENCE, read).await.map_err(|_| Trouble::TooSlow(PATIENCE))?;
    read.map_err(|error| Trouble::Version(error.to_string()))
}

async fn read<T: DeserializeOwned>(response: Response<Incoming>) -> Result<T, Trouble> {
    let bytes = whole(response).await?;
    serde_json::from_slice(&bytes).map_err(|error| Trouble::Version(error.to_string()))
}
