//! Finds FusionPBX's database: the environment first, then rampart.toml, then FusionPBX's own config.conf.

use std::path::{Path, PathBuf};

use tracing::warn;

use crate::base::chain::Chain;
use crate::base::secret::Secret;
use crate::config::{self, Config};
use crate::fusionpbx::config_conf::ConfigConf;
use crate::fusionpbx::{ConnectOptions, FusionPbx, Login};

/// Where FusionPBX keeps its settings, newest place first.
const CONFIG_FILES: [&str; 2] = ["/etc/fusionpbx/config.conf", "/usr/local/etc/fusionpbx/config.conf"];

/// Debian's directory of PostgreSQL's socket.
const SOCKET_DIRECTORY: &str = "/var/run/postgresql";

/// The database, or why it was not found, in words for a page. Does not connect.
///
/// # Errors
/// In words for a page.
pub fn find(config: &Config, url_in_environment: Option<String>) -> Result<FusionPbx, String> {
    let options = options(config, url_in_environment)?;
    Ok(FusionPbx::open(&options))
}

fn options(config: &Config, url_in_environment: Option<String>) -> Result<ConnectOptions, String> {
    let words = |error: &(dyn std::error::Error + 'static)| Chain(error).to_string();
    if let Some(url) = url_in_environment {
        if has_password(&url) {
            warn!("RAMPART_FUSIONPBX_URL has a password in it; a peer login or a password file is better");
        }
        return ConnectOptions::from_url(&Secret::new(url)).map_err(|error| words(&error));
    }
    if let Some(url) = &config.fusionpbx.url {
        let url = match &config.fusionpbx.password_file {
            Some(file) => with_password(url, &config::secret_file(file).map_err(|error| words(&error))?)?,
            None => Secret::new(url.clone()),
        };
        return ConnectOptions::from_url(&url).map_err(|error| words(&error));
    }
    let file = config.fusionpbx.config.clone().or_else(|| first_of(&CONFIG_FILES)).ok_or(
        "FusionPBX was not found: neither RAMPART_FUSIONPBX_URL nor [fusionpbx] url is set, and there is no \
         /etc/fusionpbx/config.conf",
    )?;
    let text =
        std::fs::read_to_string(&file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    let conf = ConfigConf::parse(&text).map_err(|error| words(&error))?;
    let login = if conf.host.is_empty() || is_this_host(&conf.host) {
        Login::Peer { role: "rampart".to_owned(), socket: PathBuf::from(SOCKET_DIRECTORY) }
    } else {
        // Another host knows no peer login: only FusionPBX's own role is at hand, and it only reads.
        Login::FusionPbx
    };
    ConnectOptions::from_config(&conf, login).map_err(|error| words(&error))
}

fn is_this_host(host: &str) -> bool {
    host == "localhost" || host.starts_with('/') || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn first_of(files: &[&str]) -> Option<PathBuf> {
    files.iter().map(Path::new).find(|file| file.exists()).map(Path::to_owned)
}

fn has_password(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let user = authority.split(['/', '?']).next().and_then(|authority| authority.rsplit_once('@'));
    user.is_some_and(|(user, _)| user.contains(':'))
}

/// `postgres://role@host/…` with the password put in.
fn with_password(url: &str, password: &Secret<String>) -> Result<Secret<String>, String> {
    let mistake = || "[fusionpbx] url must be postgres://role@host/database when password_file is set".to_owned();
    let (scheme, rest) = url.split_once("://").ok_or_else(mistake)?;
    let (role, rest) = rest.split_once('@').filter(|(role, _)| !role.contains([':', '/'])).ok_or_else(mistake)?;
    let mut coded = String::new();
    for byte in password.expose().bytes() {
        if byte.is_ascii_alphanumeric() {
            coded.push(char::from(byte));
        } else {
            coded.push('%');
            coded.push_str(&crate::base::encoding::hex(&[byte]));
        }
    }
    Ok(Secret::new(format!("{scheme}://{role}:{coded}@{rest}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_url_is_noticed() {
        assert!(has_password("postgres://rampart:x@localhost/fusionpbx"));
        assert!(!has_password("postgres://rampart@localhost:5432/fusionpbx"));
        assert!(!has_password("postgres://rampart@/fusionpbx?host=/run/postgresql"));
    }

    #[test]
    fn a_password_file_fills_the_url_with_every_character_coded() {
        let url = with_password("postgres://rampart@localhost/fusionpbx", &Secret::new("a@b/:%".to_owned())).unwrap();

        assert_eq!(url.expose(), "postgres://rampart:a%40b%2f%3a%25@localhost/fusionpbx");
        assert!(with_password("postgres://a:b@localhost/x", &Secret::new("c".to_owned())).is_err());
    }

    #[test]
    fn a_missing_installation_says_where_it_was_looked_for() {
        let mut config = Config::default();
        config.fusionpbx.config = Some(PathBuf::from("/there/is/no/config.conf"));

        assert!(options(&config, None).unwrap_err().contains("/there/is/no/config.conf"));
    }
}
