//! `/api/config`: what CONFIG GET shows, with what differs from the defaults. Secrets are hidden.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use serde_json::{Value, json};

use super::{AskedFor, Endpoint, text};
use crate::accepted;
use crate::commands::config;
use crate::config::Config;
use crate::settings::Settings;

/// Parameters whose values nobody is shown.
const SECRETS: [&str; 2] = ["masterauth", "requirepass"];

pub(super) async fn show(State(site): AskedFor) -> Response<Body> {
    let make = async || {
        let values = config::values(&site.node);
        json!({
            "file": site.node.config.file,
            "parameters": rows(&values, &defaults()),
        })
    };
    site.answer(Endpoint::Config, make).await
}

fn defaults() -> BTreeMap<&'static str, Vec<u8>> {
    let config = Config::default();
    let mut all = config::values_of(&config, &Settings::new(&config), config.durability());
    all.insert("acl-pubsub-default", b"resetchannels".to_vec());
    all
}

fn rows(
    values: &BTreeMap<&'static str, Vec<u8>>,
    defaults: &BTreeMap<&'static str, Vec<u8>>,
) -> Vec<Value> {
    let none = Vec::new();
    let row = |(name, value): (&&'static str, &Vec<u8>)| {
        // What there is no default of is a text about users, and empty.
        let default = defaults.get(name).unwrap_or(&none);
        let is_secret = SECRETS.contains(name);
        let shown = |value: &[u8]| match (is_secret, value.is_empty()) {
            (true, false) => "(hidden)".to_owned(),
            _ => text(value),
        };
        json!({
            "name": name,
            "value": shown(value),
            "default": shown(default),
            "is_default": value == default,
            "has_no_effect": accepted::is_known(name),
        })
    };
    values.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_marked_and_secrets_are_hidden() {
        let defaults = defaults();
        let mut values = defaults.clone();
        values.insert("requirepass", b"geheim".to_vec());
        values.insert("maxclients", b"7".to_vec());
        let rows = rows(&values, &defaults);
        assert!(!Value::from(rows.clone()).to_string().contains("geheim"));
        let differing = rows.iter().filter(|row| row["is_default"] == false);
        let names: Vec<&str> = differing.filter_map(|row| row["name"].as_str()).collect();
        assert_eq!(names, ["maxclients", "requirepass"]);
        let row = |name: &str| rows.iter().find(|row| row["name"] == name).cloned().unwrap();
        assert_eq!(row("requirepass")["value"], "(hidden)");
        assert_eq!(row("maxclients")["default"], "10000");
        assert_eq!(row("hz")["has_no_effect"], true);
        assert_eq!(row("maxclients")["has_no_effect"], false);
    }
}
