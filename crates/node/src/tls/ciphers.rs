//! Names of cipher suites and versions, as OpenSSL and so Redis's configuration write them.

use rustls::crypto::ring;
use rustls::{CipherSuite, SupportedCipherSuite, SupportedProtocolVersion, version};

/// Suites of TLS 1.2 by OpenSSL's names; those of TLS 1.3 have the same everywhere.
const NAMES: &[(&str, CipherSuite)] = &[
    ("ECDHE-ECDSA-AES256-GCM-SHA384", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
    ("ECDHE-ECDSA-AES128-GCM-SHA256", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    ("ECDHE-ECDSA-CHACHA20-POLY1305", CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
    ("ECDHE-RSA-AES256-GCM-SHA384", CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    ("ECDHE-RSA-AES128-GCM-SHA256", CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    ("ECDHE-RSA-CHACHA20-POLY1305", CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
    ("TLS_AES_256_GCM_SHA384", CipherSuite::TLS13_AES_256_GCM_SHA384),
    ("TLS_AES_128_GCM_SHA256", CipherSuite::TLS13_AES_128_GCM_SHA256),
    ("TLS_CHACHA20_POLY1305_SHA256", CipherSuite::TLS13_CHACHA20_POLY1305_SHA256),
];

/// The suites of both lists, names with colons between them; an empty list is all there are of its
/// version.
///
/// # Errors
/// A name is none of them: which there are.
pub(super) fn suites(tls12: &str, tls13: &str) -> Result<Vec<SupportedCipherSuite>, String> {
    let mut all = chosen(tls13, |suite| matches!(suite, SupportedCipherSuite::Tls13(_)))?;
    all.extend(chosen(tls12, |suite| matches!(suite, SupportedCipherSuite::Tls12(_)))?);
    Ok(all)
}

fn chosen(
    names: &str,
    is_meant: fn(&SupportedCipherSuite) -> bool,
) -> Result<Vec<SupportedCipherSuite>, String> {
    let meant = || ring::ALL_CIPHER_SUITES.iter().filter(|suite| is_meant(suite)).copied();
    if names.is_empty() {
        return Ok(meant().collect());
    }
    let named = names.split(':').map(|name| {
        let known = NAMES.iter().find(|(known, _)| *known == name);
        known.and_then(|(_, wanted)| meant().find(|suite| suite.suite() == *wanted)).ok_or_else(
            || {
                let names =
                    NAMES.iter().filter(|(_, id)| meant().any(|suite| suite.suite() == *id));
                let names: Vec<&str> = names.map(|(name, _)| *name).collect();
                format!("{name:?} is no cipher suite; there are {}", names.join(":"))
            },
        )
    });
    named.collect()
}

/// The versions of a list of names with blanks between them; an empty list is all there are.
///
/// # Errors
/// A name is none of them.
pub(super) fn versions(names: &str) -> Result<Vec<&'static SupportedProtocolVersion>, String> {
    if names.trim().is_empty() {
        return Ok(vec![&version::TLS13, &version::TLS12]);
    }
    let named = names.split_whitespace().map(|name| match &name.to_ascii_lowercase()[..] {
        "tlsv1.2" => Ok(&version::TLS12),
        "tlsv1.3" => Ok(&version::TLS13),
        _ => Err("Invalid tls-protocols specified. Use a combination of 'TLSv1.2' and 'TLSv1.3'."
            .to_owned()),
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_have_the_names_of_openssl() {
        assert_eq!(suites("", "").unwrap().len(), NAMES.len());
        let some = suites("ECDHE-RSA-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256").unwrap();
        assert_eq!(some.len(), 2);
        // Each name in its own list.
        assert!(suites("TLS_AES_128_GCM_SHA256", "").is_err());
        assert!(suites("", "ECDHE-RSA-AES128-GCM-SHA256").is_err());
        for (name, suite) in NAMES {
            let found = suites(name, "").or_else(|_| suites("", name)).unwrap();
            assert!(found.iter().any(|found| found.suite() == *suite), "{name}");
        }
        let why = suites("DEFAULT", "").unwrap_err();
        assert!(why.contains("\"DEFAULT\" is no cipher suite; there are ECDHE-"), "{why}");
    }

    #[test]
    fn versions_have_the_names_of_redis() {
        assert_eq!(versions("").unwrap().len(), 2);
        assert_eq!(versions("TLSv1.2 tlsv1.3").unwrap().len(), 2);
        assert_eq!(versions("TLSv1.3").unwrap(), [&version::TLS13]);
        assert!(versions("TLSv1.1 TLSv1.2").is_err());
    }
}
