//! What an operator may set, with defaults and units. Read only by `app` and the programs.
//!
//! Order: environment, then `/etc/rampart/rampart.toml`, then (for FusionPBX's database) `/etc/fusionpbx/config.conf`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::base::names::Fqdn;

/// The file that is read when `RAMPART_CONFIG` names no other.
pub const DEFAULT_FILE: &str = "/etc/rampart/rampart.toml";

/// Where the state lies when `RAMPART_STATE_DIR` names no other place.
pub const DEFAULT_STATE_DIRECTORY: &str = "/var/lib/rampart";

/// All settings.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The console's own listener.
    pub console: Console,
    /// FusionPBX's database.
    pub fusionpbx: FusionPbx,
    /// The agent.
    pub agent: Agent,
    /// The certificate authority.
    pub acme: Acme,
    /// The name server that takes the challenge records; without it no wildcard can be ordered.
    pub dns: Option<Dns>,
    /// How often the walls are looked at.
    pub watch: Watch,
    /// How long the trail is kept.
    pub trail: Trail,
}

/// `[console]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Console {
    /// Address and port to listen on.
    pub listen: std::net::SocketAddr,
    /// Host names under which the console is reached. A request for any other name is refused.
    pub names: Vec<String>,
    /// The port that browsers use, where it is not the port of `listen` (behind nginx: 443).
    pub public_port: Option<u16>,
    /// A file (0600) whose only line is the secret by which nginx proves that a request went through it. Where it is
    /// set, the visitor's address is what nginx says, and nothing else.
    pub proxy_secret_file: Option<PathBuf>,
    /// Whether browsers may be told to use TLS only for a year, once a name is seen to be the console's alone and to be
    /// served under a publicly trusted certificate.
    pub hsts: bool,
    /// The same for every name below the console's.
    pub hsts_include_subdomains: bool,
}

impl Default for Console {
    fn default() -> Self {
        Self {
            listen: std::net::SocketAddr::from(([127, 0, 0, 1], 8443)),
            names: vec!["localhost".to_owned()],
            public_port: None,
            proxy_secret_file: None,
            hsts: false,
            hsts_include_subdomains: false,
        }
    }
}

/// `[fusionpbx]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FusionPbx {
    /// `postgres://rampart@%2Frun%2Fpostgresql/fusionpbx`: best without a password, by peer login.
    pub url: Option<String>,
    /// A file (0600) whose only line is the password for `url`.
    pub password_file: Option<PathBuf>,
    /// FusionPBX's own settings file.
    pub config: Option<PathBuf>,
}

/// `[agent]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Agent {
    /// The agent's socket.
    pub socket: PathBuf,
}

impl Default for Agent {
    fn default() -> Self {
        Self { socket: PathBuf::from("/run/rampart/agent.sock") }
    }
}

/// `[acme]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Acme {
    /// The CA's directory (RFC 8555 section 7.1.1).
    pub directory_url: String,
    /// A file with the root certificate of a private CA, PEM. Without it the public roots count.
    pub root_certificate: Option<PathBuf>,
}

impl Default for Acme {
    fn default() -> Self {
        Self { directory_url: "https://acme-v02.api.letsencrypt.org/directory".to_owned(), root_certificate: None }
    }
}

/// `[dns]`: dynamic updates (RFC 2136) signed with TSIG (RFC 8945).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dns {
    /// Address and port of the primary server.
    pub server: std::net::SocketAddr,
    /// The TSIG key's name.
    pub key_name: String,
    /// A file (0600) whose only line is the TSIG key in base64.
    pub key_file: PathBuf,
    /// `hmac-sha256`, `hmac-sha384` or `hmac-sha512`.
    #[serde(default = "hmac_sha256")]
    pub algorithm: String,
    /// The zones that Rampart may order names in. Anything else is refused, unless an operator approves it on the page.
    pub zones: Vec<Fqdn>,
    /// Resolvers to ask which name servers speak for a name, instead of those in `/etc/resolv.conf`.
    #[serde(default)]
    pub resolvers: Vec<std::net::SocketAddr>,
    /// The port at which authoritative name servers are asked; anything but 53 is for a town of one's own.
    #[serde(default = "dns_port")]
    pub port: u16,
}

const fn dns_port() -> u16 {
    53
}

fn hmac_sha256() -> String {
    "hmac-sha256".to_owned()
}

/// `[watch]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Watch {
    /// Seconds between two looks at the host, the database and the served certificates.
    pub interval_seconds: u64,
    /// Hours between two audits of FusionPBX's credentials; 0: only when somebody asks.
    pub credentials_hours: u64,
}

impl Default for Watch {
    fn default() -> Self {
        Self { interval_seconds: 300, credentials_hours: 6 }
    }
}

/// `[trail]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Trail {
    /// Days that entries are kept; 0: for ever.
    pub keep_days: u32,
}

impl Default for Trail {
    fn default() -> Self {
        Self { keep_days: 400 }
    }
}

impl Trail {
    /// How long entries are kept; `None`: for ever.
    #[must_use]
    pub fn keep(&self) -> Option<std::time::Duration> {
        (self.keep_days > 0).then(|| std::time::Duration::from_hours(24 * u64::from(self.keep_days)))
    }
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is there but cannot be read.
    #[error("{path} cannot be read", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// The file is not what it should be; the cause names line and column.
    #[error("{path} has a mistake", path = .path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and what.
        #[source]
        source: toml::de::Error,
    },
    /// A file with a secret may be read by others.
    #[error("{path} holds a secret and may be read by others; make it mode 0600", path = .path.display())]
    Open {
        /// The file.
        path: PathBuf,
    },
}

impl Config {
    /// Reads `path`. Without a `path`, the default file, which may be missing.
    ///
    /// # Errors
    /// The file cannot be read, or has a mistake.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let file = path.unwrap_or_else(|| Path::new(DEFAULT_FILE));
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && path.is_none() => {
                return Ok(Self::default());
            }
            Err(source) => return Err(ConfigError::Read { path: file.to_owned(), source }),
        };
        toml::from_str(&text).map_err(|source| ConfigError::Parse { path: file.to_owned(), source })
    }
}

/// Reads a file whose only line is a secret.
///
/// # Errors
/// The file cannot be read, or others may read it.
pub fn secret_file(path: &Path) -> Result<crate::base::secret::Secret<String>, ConfigError> {
    use std::os::unix::fs::MetadataExt as _;
    let failed = |source| ConfigError::Read { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(failed)?.mode() & 0o077 != 0 {
        return Err(ConfigError::Open { path: path.to_owned() });
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    Ok(crate::base::secret::Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_need_be_set() {
        let config: Config = toml::from_str("").unwrap();

        assert_eq!(config.console.listen.port(), 8443);
        assert!(config.dns.is_none());
    }

    #[test]
    fn a_misspelt_setting_is_refused_with_its_line() {
        let error = toml::from_str::<Config>("[console]\nlisten = \"127.0.0.1:1\"\nlistne = 2\n").unwrap_err();

        assert!(error.to_string().contains("line 3"), "{error}");
    }
}
