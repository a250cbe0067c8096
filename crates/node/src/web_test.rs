//! Tests of [`super`], over sockets.

use std::io::{Read, Write};
use std::time::Instant;

use axum::extract::Extension;
use axum::routing::get;

use super::*;

struct Site {
    address: SocketAddr,
    web: Option<Web>,
    runtime: tokio::runtime::Runtime,
}

impl Site {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let bound = runtime.block_on(Bound::to("127.0.0.1", 0)).unwrap();
        let address = bound.address().unwrap();
        let router = Router::new()
            .route("/", get(|Extension(ends): Extension<Ends>| async move { format!("{ends:?}") }))
            .route("/long", get(|| async { "x".repeat(10 << 20) }));
        let web = start(vec![(bound, router)]).unwrap();
        Self { address, web, runtime }
    }

    fn connect(&self) -> net::TcpStream {
        let stream = net::TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    /// What is answered until the connection ends.
    fn ask(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        read_all(&mut stream)
    }
}

fn read_all(stream: &mut net::TcpStream) -> String {
    let mut reply = Vec::new();
    // A reset behind the reply is no matter.
    let _ = stream.read_to_end(&mut reply);
    String::from_utf8_lossy(&reply).into_owned()
}

#[test]
fn a_page_knows_who_asks() {
    let site = Site::new();
    let reply = site.ask("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert!(reply.starts_with("HTTP/1.1 200 OK"), "{reply}");
    assert!(reply.contains(&format!("local: {}", site.address)), "{reply}");
    assert!(
        site.ask("GET /no HTTP/1.1\r\nconnection: close\r\n\r\n").starts_with("HTTP/1.1 404"),
        "an unknown path"
    );
    assert!(
        site.ask("POST / HTTP/1.1\r\nconnection: close\r\n\r\n").starts_with("HTTP/1.1 405"),
        "another method"
    );
}

#[test]
fn what_is_too_long_is_refused() {
    let site = Site::new();
    let long = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(HEAD_BYTES_MAX));
    assert!(site.ask(&long).starts_with("HTTP/1.1 431"), "a long header");
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(HEADERS_MAX + 1));
    assert!(site.ask(&many).starts_with("HTTP/1.1 431"), "many headers");
    for header in
        ["content-length: 4097", "content-length: 99999999999", "transfer-encoding: chunked"]
    {
        let reply = site.ask(&format!("GET / HTTP/1.1\r\nconnection: close\r\n{header}\r\n\r\n"));
        assert!(reply.starts_with("HTTP/1.1 413"), "{header}: {reply}");
    }
}

#[test]
fn whoever_is_slow_holds_up_nobody_and_is_left() {
    let site = Site::new();
    let began = Instant::now();
    let mut slow: Vec<_> = (0..CONNECTIONS_MAX).map(|_| site.connect()).collect();
    for stream in &mut slow {
        stream.write_all(b"GET / HTTP/1.1\r\nx").unwrap();
    }
    // One more gets its turn when those have been given up.
    let reply = site.ask("GET / HTTP/1.1\r\nconnection: close\r\n\r\n");
    assert!(reply.starts_with("HTTP/1.1 200 OK"), "{reply}");
    assert!(began.elapsed() < HEAD_PATIENCE * 2, "{:?}", began.elapsed());
    read_all(&mut slow[0]);
}

#[test]
fn the_thread_ends_though_somebody_does_not_read() {
    let mut site = Site::new();
    let mut stream = site.connect();
    stream.write_all(b"GET /long HTTP/1.1\r\n\r\n").unwrap();
    // It is being answered.
    stream.read_exact(&mut [0; 100]).unwrap();
    let _idle = site.connect();
    let web = site.web.take().unwrap();
    let began = Instant::now();
    site.runtime.block_on(web.end());
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert!(net::TcpStream::connect(site.address).is_err(), "nobody listens any more");
}

#[test]
fn a_port_in_use_is_named() {
    let site = Site::new();
    let bind = Bound::to("127.0.0.1", site.address.port());
    let error = site.runtime.block_on(bind).unwrap_err().to_string();
    assert!(error.starts_with(&format!("listen on {}: ", site.address)), "{error}");
    assert!(start(Vec::new()).unwrap().is_none());
}
