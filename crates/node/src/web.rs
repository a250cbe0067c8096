//! Pages: what is read by HTTP, such as figures, is served by one thread for all of them.
//!
//! A thread with a runtime of its own, so that no page takes time from executors or from the thread
//! that accepts clients. It only reads small requests (`GET`), and whoever is slow to ask or to
//! take the answer holds nothing but one of a few connections, for a while: every wait ends.

use std::convert::Infallible;
use std::io;
use std::net::{self, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use axum::http::{HeaderMap, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::time::{sleep, timeout};

use crate::admin;
use crate::config::Config;
use crate::error::NodeError;
use crate::listener::bind_socket;
use crate::metrics;
use crate::node::Node;

/// Connections to one address that are served at the same time; more wait until one ends.
const CONNECTIONS_MAX: usize = 64;

/// Bytes of the head of a request.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// Lines of the head of a request.
const HEADERS_MAX: usize = 64;

/// Bytes of a request behind its head. No page wants any; what is longer is not read.
const BODY_BYTES_MAX: u64 = 4 << 10;

/// How long the head of a request may take to come, counted from the answer before it.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);

/// How long an answer may take to be made.
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);

/// How long a connection may last, whatever it does. (Browsers connect again by themselves.)
const LIFE: Duration = Duration::from_secs(60);

/// How long a connection that is to end may take to send what it has begun.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How long the thread is waited for when the node ends.
const END_PATIENCE: Duration = Duration::from_millis(200);

/// A socket that listens, and is not served yet.
#[derive(Debug)]
pub(crate) struct Bound(net::TcpListener);

impl Bound {
    /// Listens on `host:port`; nobody is answered before [`start`].
    ///
    /// # Errors
    /// [`NodeError::Listen`], naming the address.
    pub(crate) async fn to(host: &str, port: u16) -> Result<Self, NodeError> {
        bind_socket(host, port).await.map(Self)
    }

    /// The address that it is bound to.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// Who asks, and where: lies in the extensions of each request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) remote: SocketAddr,
    pub(crate) local: SocketAddr,
}

/// What answers the requests for a page.
pub(crate) type MakeRouter = fn(&Arc<Node>) -> Router;

/// Binds the addresses of all pages that the configuration asks for.
///
/// # Errors
/// [`NodeError::Listen`], naming the address.
pub(crate) async fn bind(config: &Config) -> Result<Vec<(Bound, MakeRouter)>, NodeError> {
    let mut pages = Vec::new();
    for (hosts, port, make) in wanted(config) {
        for host in hosts {
            let bound = Bound::to(host, port).await?;
            if let Ok(address) = bound.address() {
                tracing::info!(%address, "listening for pages");
            }
            pages.push((bound, make));
        }
    }
    Ok(pages)
}

/// Each page with its addresses and its port, which is 0 for none.
fn wanted(config: &Config) -> Vec<(&[String], u16, MakeRouter)> {
    let all: [(&[String], u16, MakeRouter); 2] = [
        (&config.admin_bind, config.admin_port, admin::router),
        (&config.metrics_bind, config.metrics_port, metrics::router),
    ];
    all.into_iter().filter(|(_, port, _)| *port != 0).collect()
}

/// The thread that serves pages.
#[derive(Debug)]
pub(crate) struct Web {
    stop: watch::Sender<bool>,
    ended: oneshot::Receiver<Infallible>,
}

/// Serves each of `pages` until [`Web::end`]. Without any there is no thread.
///
/// # Errors
/// The thread cannot start.
pub(crate) fn start(pages: Vec<(Bound, Router)>) -> Result<Option<Web>, NodeError> {
    if pages.is_empty() {
        return Ok(None);
    }
    let failed = |source| NodeError::Start { what: "pages", source };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let (stop, stopped) = watch::channel(false);
    let (running, ended) = oneshot::channel();
    let serve = move || {
        runtime.block_on(serve_all(pages, stopped));
        drop(running);
    };
    std::thread::Builder::new().name("pages".into()).spawn(serve).map_err(failed)?;
    Ok(Some(Web { stop, ended }))
}

impl Web {
    /// Ends all connections, and the thread.
    pub(crate) async fn end(self) {
        self.stop.send_replace(true);
        // What still has not been sent is lost with the process.
        let _ = timeout(END_PATIENCE, self.ended).await;
    }
}

async fn serve_all(pages: Vec<(Bound, Router)>, stopped: watch::Receiver<bool>) {
    let mut tasks = tokio::task::JoinSet::new();
    for (bound, router) in pages {
        tasks.spawn(accept_all(bound, router, stopped.clone()));
    }
    while tasks.join_next().await.is_some() {}
}

async fn accept_all(bound: Bound, router: Router, mut stopped: watch::Receiver<bool>) {
    let listener = match TcpListener::from_std(bound.0) {
        Ok(listener) => listener,
        Err(error) => return tracing::warn!(%error, "a page cannot be served"),
    };
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = tokio::task::JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accept = async {
            let place = room.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let accepted = tokio::select! {
            (place, accepted) = accept => accepted.map(|(stream, _)| (place, stream)),
            _ = stopped.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((place, stream)) => {
                let (router, stopped) = (router.clone(), stopped.clone());
                connections.spawn(async move {
                    let _place = place;
                    serve_one(stream, router, stopped).await;
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: others have to close some first.
                tracing::warn!(%error, "accept failed");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
    // Whoever comes now is told at once, though others are still being answered.
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn serve_one(stream: TcpStream, router: Router, mut stopped: watch::Receiver<bool>) {
    let (Ok(remote), Ok(local)) = (stream.peer_addr(), stream.local_addr()) else { return };
    let _ = stream.set_nodelay(true);
    let ends = Ends { remote, local };
    let service = service_fn(move |request| answer(router.clone(), ends, request));
    let mut protocol = http1::Builder::new();
    protocol
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX);
    let mut connection = pin!(protocol.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        _ = &mut connection => return,
        () = sleep(LIFE) => {}
        _ = stopped.wait_for(|stop| *stop) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(LAST_WORDS, connection).await;
}

async fn answer(
    router: Router,
    ends: Ends,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    if has_long_body(request.headers()) {
        return Ok(bare(StatusCode::PAYLOAD_TOO_LARGE));
    }
    let path = request.uri().path();
    tracing::trace!(remote = %ends.remote, local = %ends.local, path, "page");
    request.extensions_mut().insert(ends);
    let answered = timeout(ANSWER_PATIENCE, TowerToHyperService::new(router).call(request)).await;
    answered.unwrap_or_else(|_| Ok(bare(StatusCode::SERVICE_UNAVAILABLE)))
}

fn has_long_body(headers: &HeaderMap) -> bool {
    let length = headers.get(CONTENT_LENGTH).map(|value| value.to_str().ok()?.parse().ok());
    headers.contains_key(TRANSFER_ENCODING)
        || length.is_some_and(|length| length.is_none_or(|length: u64| length > BODY_BYTES_MAX))
}

fn bare(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
#[path = "web_test.rs"]
mod tests;
