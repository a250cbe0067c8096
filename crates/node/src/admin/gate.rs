//! Who may ask: the first thing that becomes of a request, and the last of its answer.
//!
//! A browser can be made to ask a node that only it can reach, by a page of somebody else's whose
//! name suddenly means the node's address (DNS rebinding). The name that is asked for is then not
//! one of the node's, so that is refused before anything else. And no page but our own may read an
//! answer or show the page in a frame.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Response, StatusCode};
use axum::middleware::Next;

use super::access::Verdict;
use super::{Site, is_private_host, said};
use crate::config::Config;
use crate::web::Ends;

/// What the page may load, and do: its own files, nothing inline, nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// Headers of every answer.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Lets a request pass to its endpoint, or answers it.
pub(super) async fn pass(
    State(site): State<Arc<Site>>,
    Extension(ends): Extension<Ends>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let mut response = if is_for_us(&site.node.config, ends.local.ip(), request.headers()) {
        match site.access.look(&site.node, ends, request.headers()).await {
            Verdict::Pass => next.run(request).await,
            Verdict::Refused(response) => *response,
        }
    } else {
        let text = "This is not a name of this node. Names that are to be, besides its addresses: \
                    admin-hosts.";
        said(StatusCode::MISDIRECTED_REQUEST, text)
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Whether the name that is asked for is one of the node's.
fn is_for_us(config: &Config, local: IpAddr, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Some(host) = host.to_str().ok().and_then(without_port) else { return false };
    let is = |name: &String| name.trim_matches(['[', ']']).eq_ignore_ascii_case(host);
    is_private_host(host)
        || host.parse().is_ok_and(|address: IpAddr| address.to_canonical() == local.to_canonical())
        || config.admin_hosts.iter().chain(&config.admin_bind).any(is)
}

/// The name or address of `host:port`, without the brackets of IPv6.
fn without_port(host: &str) -> Option<&str> {
    if let Some(rest) = host.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        return is_port(port.strip_prefix(':').unwrap_or(port)).then_some(address);
    }
    let (name, port) = host.split_once(':').unwrap_or((host, ""));
    (!name.is_empty() && is_port(port)).then_some(name)
}

fn is_port(text: &str) -> bool {
    text.is_empty() || text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_for(host: &str) -> bool {
        let config = Config {
            admin_bind: vec!["node1".into(), "0.0.0.0".into()],
            admin_hosts: vec!["admin.example".into(), "[2001:db8::1]".into()],
            ..Config::default()
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
        is_for_us(&config, "10.0.0.5".parse().unwrap(), &headers)
    }

    #[test]
    fn only_the_names_of_the_node_are_asked_for() {
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:1",
            "[::1]",
            "[::1]:9",
            "10.0.0.5",
            "10.0.0.5:8080",
            "node1:1",
            "admin.example",
            "Admin.Example:443",
            "[2001:db8::1]:443",
        ] {
            assert!(is_for(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:8080",
            "10.0.0.6",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "localhost:x",
            "[::1",
            "[::1]x",
            "localhost@evil.example",
        ] {
            assert!(!is_for(host), "{host}");
        }
    }

    #[test]
    fn a_request_without_one_name_is_for_nobody() {
        let local = "127.0.0.1".parse().unwrap();
        let mut headers = HeaderMap::new();
        assert!(!is_for_us(&Config::default(), local, &headers));
        headers.append(header::HOST, HeaderValue::from_static("localhost"));
        assert!(is_for_us(&Config::default(), local, &headers));
        headers.append(header::HOST, HeaderValue::from_static("localhost"));
        assert!(!is_for_us(&Config::default(), local, &headers));
    }
}
