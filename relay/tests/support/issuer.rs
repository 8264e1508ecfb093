//! An issuer of tokens, over HTTPS.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use axum::body::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Incoming, header::LOCATION, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use postern_tests::pki::Certificate;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::TlsAcceptor;

/// What a client asked with.
pub(crate) type Form = BTreeMap<String, String>;

/// Status and body of an answer, to the request of that number, from 0. A 302 leads to the issuer itself.
pub(crate) type Answer = dyn Fn(usize) -> (u16, String) + Send + Sync;

/// An issuer that runs. Dropping it stops it.
pub(crate) struct Issuer {
    address: SocketAddr,
    forms: Arc<Mutex<Vec<Form>>>,
    accepting: JoinHandle<()>,
}

impl Issuer {
    pub(crate) async fn start(certificate: &Certificate, answer: Arc<Answer>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let forms = Arc::<Mutex<Vec<Form>>>::default();
        let (tls, seen) = (TlsAcceptor::from(certificate.server_config().unwrap()), Arc::clone(&forms));
        let accepting = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (tls, seen, answer) = (tls.clone(), Arc::clone(&seen), Arc::clone(&answer));
                tokio::spawn(async move {
                    let Ok(stream) = tls.accept(tcp).await else { return };
                    let service = service_fn(|request| respond(request, &seen, &*answer));
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { address, forms, accepting }
    }

    /// Where tokens are asked for.
    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}/token", self.address.port())
    }

    /// What was asked so far.
    pub(crate) fn forms(&self) -> Vec<Form> {
        self.forms.lock().unwrap().clone()
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn respond(request: Request<Incoming>, seen: &Mutex<Vec<Form>>, answer: &Answer) -> Result<Response<Full<Bytes>>, Infallible> {
    assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/token"));
    assert_eq!(request.headers()["content-type"], "application/x-www-form-urlencoded");
    let host = request.headers()["host"].to_str().unwrap().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let body = format!("https://form/?{}", String::from_utf8(body.to_vec()).unwrap());
    let form = reqwest::Url::parse(&body).unwrap().query_pairs().into_owned().collect();
    let number = {
        let mut seen = seen.lock().unwrap();
        seen.push(form);
        seen.len() - 1
    };
    let (status, body) = answer(number);
    let response = Response::builder().status(status).header(LOCATION, format!("https://{host}/token"));
    Ok(response.body(Full::from(body)).unwrap())
}
