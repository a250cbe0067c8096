//! The parameters of TLS, by Redis's names.

use serde::{Deserialize, Serialize};

use super::ciphers;

/// What can be said about TLS in the configuration and by CONFIG SET. Empty texts are nothing said.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct TlsSettings {
    /// The node's certificate with its chain, and its key: PEM files.
    pub(crate) tls_cert_file: String,
    pub(crate) tls_key_file: String,
    /// The same for connections to other nodes, when that is another.
    pub(crate) tls_client_cert_file: String,
    pub(crate) tls_client_key_file: String,
    /// Whose certificates are believed: a file, and all files of a folder.
    pub(crate) tls_ca_cert_file: String,
    pub(crate) tls_ca_cert_dir: String,
    pub(crate) tls_auth_clients: AuthClients,
    pub(crate) tls_auth_clients_user: ClientUser,
    /// Other nodes are talked to by TLS.
    pub(crate) tls_cluster: bool,
    pub(crate) tls_protocols: String,
    /// Suites of TLS 1.2, and of TLS 1.3.
    pub(crate) tls_ciphers: String,
    pub(crate) tls_ciphersuites: String,
    pub(crate) tls_prefer_server_ciphers: bool,
    /// Clients may take up a session instead of a whole handshake; so many are remembered.
    pub(crate) tls_session_caching: bool,
    pub(crate) tls_session_cache_size: u64,
}

/// Whether clients show a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AuthClients {
    Yes,
    No,
    /// One that is shown has to be right.
    Optional,
}

/// Whether a client is logged in by its certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) enum ClientUser {
    /// As the user that the common name names, if there is one.
    #[serde(alias = "cn")]
    CN,
    #[serde(rename = "off", alias = "OFF")]
    Off,
}

impl Default for TlsSettings {
    fn default() -> Self {
        Self {
            tls_cert_file: String::new(),
            tls_key_file: String::new(),
            tls_client_cert_file: String::new(),
            tls_client_key_file: String::new(),
            tls_ca_cert_file: String::new(),
            tls_ca_cert_dir: String::new(),
            tls_auth_clients: AuthClients::Yes,
            tls_auth_clients_user: ClientUser::Off,
            tls_cluster: false,
            tls_protocols: String::new(),
            tls_ciphers: String::new(),
            tls_ciphersuites: String::new(),
            tls_prefer_server_ciphers: false,
            tls_session_caching: true,
            tls_session_cache_size: 20_480,
        }
    }
}

impl TlsSettings {
    /// All of them by their names, as CONFIG GET shows them.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&'static str, Vec<u8>)> {
        PARAMETERS.iter().map(|parameter| (parameter.name, (parameter.value)(self).into_bytes()))
    }

    /// Whether CONFIG SET would take each of them.
    ///
    /// # Errors
    /// The name of one that it would not take, and why.
    pub(crate) fn check(&self) -> Result<(), (&'static str, String)> {
        let mut settings = self.clone();
        PARAMETERS.iter().try_for_each(|parameter| {
            let value = (parameter.value)(self);
            parameter.set(&mut settings, &value).map_err(|why| (parameter.name, why))
        })
    }
}

/// One parameter.
pub(crate) struct Parameter {
    /// The name, as Redis writes it.
    pub(crate) name: &'static str,
    /// As CONFIG GET shows it.
    value: fn(&TlsSettings) -> String,
    set: fn(&mut TlsSettings, &str) -> Result<(), String>,
}

impl Parameter {
    /// Changes it.
    ///
    /// # Errors
    /// Redis's reason, without its preamble.
    pub(crate) fn set(&self, settings: &mut TlsSettings, text: &str) -> Result<(), String> {
        (self.set)(settings, text)
    }
}

/// A parameter that is any text.
macro_rules! text {
    ($name:literal, $field:ident) => {
        Parameter {
            name: $name,
            value: |settings| settings.$field.clone(),
            set: |settings, text| {
                text.clone_into(&mut settings.$field);
                Ok(())
            },
        }
    };
}

/// A text that has to be understood.
macro_rules! checked {
    ($name:literal, $field:ident, $check:expr) => {
        Parameter {
            name: $name,
            value: |settings| settings.$field.clone(),
            set: |settings, text| {
                $check(text)?;
                text.clone_into(&mut settings.$field);
                Ok(())
            },
        }
    };
}

/// A parameter that is on or off.
macro_rules! flag {
    ($name:literal, $field:ident) => {
        Parameter {
            name: $name,
            value: |settings| if settings.$field { "yes" } else { "no" }.to_owned(),
            set: |settings, text| {
                settings.$field = match &text.to_ascii_lowercase()[..] {
                    "yes" => true,
                    "no" => false,
                    _ => return Err("argument must be 'yes' or 'no'".into()),
                };
                Ok(())
            },
        }
    };
}

/// All of them, sorted by name.
pub(crate) const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "tls-auth-clients",
        value: |settings| settings.tls_auth_clients.name().to_owned(),
        set: |settings, text| {
            settings.tls_auth_clients = AuthClients::of(text)?;
            Ok(())
        },
    },
    Parameter {
        name: "tls-auth-clients-user",
        value: |settings| settings.tls_auth_clients_user.name().to_owned(),
        set: |settings, text| {
            settings.tls_auth_clients_user = ClientUser::of(text)?;
            Ok(())
        },
    },
    text!("tls-ca-cert-dir", tls_ca_cert_dir),
    text!("tls-ca-cert-file", tls_ca_cert_file),
    text!("tls-cert-file", tls_cert_file),
    checked!("tls-ciphers", tls_ciphers, |text| ciphers::suites(text, "").map(drop)),
    checked!("tls-ciphersuites", tls_ciphersuites, |text| ciphers::suites("", text).map(drop)),
    text!("tls-client-cert-file", tls_client_cert_file),
    text!("tls-client-key-file", tls_client_key_file),
    flag!("tls-cluster", tls_cluster),
    text!("tls-key-file", tls_key_file),
    flag!("tls-prefer-server-ciphers", tls_prefer_server_ciphers),
    checked!("tls-protocols", tls_protocols, |text| ciphers::versions(text).map(drop)),
    Parameter {
        name: "tls-session-cache-size",
        value: |settings| settings.tls_session_cache_size.to_string(),
        set: |settings, text| {
            let size = text.parse().map_err(|_| "argument couldn't be parsed into an integer")?;
            settings.tls_session_cache_size = size;
            Ok(())
        },
    },
    flag!("tls-session-caching", tls_session_caching),
];

impl AuthClients {
    fn name(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Optional => "optional",
        }
    }

    fn of(text: &str) -> Result<Self, String> {
        let all = [Self::No, Self::Yes, Self::Optional];
        all.into_iter()
            .find(|known| known.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| "argument(s) must be one of the following: no, yes, optional".into())
    }
}

impl ClientUser {
    fn name(self) -> &'static str {
        match self {
            Self::CN => "CN",
            Self::Off => "off",
        }
    }

    fn of(text: &str) -> Result<Self, String> {
        [Self::Off, Self::CN]
            .into_iter()
            .find(|known| known.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| "argument(s) must be one of the following: off, CN".into())
    }
}

/// The parameter of this name.
pub(crate) fn parameter(name: &[u8]) -> Option<&'static Parameter> {
    PARAMETERS.iter().find(|known| known.name.as_bytes().eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_shown() {
        let mut settings = TlsSettings::default();
        assert!(PARAMETERS.is_sorted_by_key(|known| known.name));
        for parameter in PARAMETERS {
            // Every default is a value that can be set.
            let value = (parameter.value)(&settings);
            assert_eq!(parameter.set(&mut settings, &value), Ok(()), "{}", parameter.name);
        }
        assert_eq!(settings, TlsSettings::default());
        let mut set = |name: &str, text: &str| {
            let parameter = PARAMETERS.iter().find(|known| known.name == name).unwrap();
            parameter.set(&mut settings, text)?;
            Ok::<_, String>((parameter.value)(&settings))
        };
        assert_eq!(set("tls-auth-clients", "OPTIONAL"), Ok("optional".into()));
        assert_eq!(set("tls-cluster", "YES"), Ok("yes".into()));
        assert_eq!(set("tls-auth-clients-user", "cn"), Ok("CN".into()));
        assert_eq!(set("tls-protocols", "TLSv1.3"), Ok("TLSv1.3".into()));
        for (name, text) in [
            ("tls-auth-clients", "maybe"),
            ("tls-cluster", "maybe"),
            ("tls-auth-clients-user", "URI"),
            ("tls-protocols", "TLSv1.1"),
            ("tls-ciphers", "DEFAULT:!MEDIUM"),
            ("tls-ciphersuites", "TLS_NULL"),
            ("tls-session-cache-size", "-1"),
        ] {
            assert!(set(name, text).is_err(), "{name} {text}");
        }
    }
}
