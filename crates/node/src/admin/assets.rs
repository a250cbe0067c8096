//! The page itself: files that are in the binary. No other place is asked for anything.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;

use super::{Site, typed};

/// Path, kind and text.
const FILES: &[(&str, &str, &str)] = &[
    ("/", "text/html; charset=utf-8", include_str!("page/index.html")),
    ("/style.css", "text/css; charset=utf-8", include_str!("page/style.css")),
    ("/main.js", JAVASCRIPT, include_str!("page/main.js")),
    ("/format.js", JAVASCRIPT, include_str!("page/format.js")),
    ("/table.js", JAVASCRIPT, include_str!("page/table.js")),
    ("/overview.js", JAVASCRIPT, include_str!("page/overview.js")),
    ("/slots.js", JAVASCRIPT, include_str!("page/slots.js")),
    ("/views.js", JAVASCRIPT, include_str!("page/views.js")),
    ("/icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
];

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

pub(super) fn router() -> Router<Arc<Site>> {
    FILES.iter().fold(Router::new(), |router, (path, kind, text)| {
        let answer =
            move || async move { typed(kind, Body::from(Bytes::from_static(text.as_bytes()))) };
        router.route(path, get(answer))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The policy for contents would stop it, but only in the browser.
    #[test]
    fn files_ask_for_nothing_from_elsewhere_and_make_no_html_of_texts() {
        for (path, _, text) in FILES {
            for wrong in
                ["innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "onclick="]
            {
                assert!(!text.contains(wrong), "{path} has {wrong}");
            }
            let elsewhere = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!elsewhere.contains("://"), "{path} names another place");
            assert!(!text.contains(" style=\""), "{path} has a style of its own");
        }
    }

    #[test]
    fn files_that_are_named_are_there() {
        let known = |path: &str| FILES.iter().any(|(known, _, _)| *known == path);
        for (path, _, text) in FILES {
            let named = text
                .split(['"', '\''])
                .filter(|part| [".js", ".css", ".svg"].iter().any(|end| part.ends_with(end)));
            for name in named {
                assert!(
                    known(&format!("/{}", name.trim_start_matches(['.', '/']))),
                    "{path}: {name}"
                );
            }
        }
    }
}
