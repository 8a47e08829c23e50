//! Finds FusionPBX's database: the environment first, then rampart.toml, then FusionPBX's own config.conf.

use std::path::{Path, PathBuf};

use tracing::warn;

use crate::base::chain::Chain;
use crate::base::secret::Secret;
use crate::config::{self, Config};
use crate::fusionpbx::config_conf::ConfigConf;
use crate::fusionpbx::{ConnectOptions, FusionPbx, FusionPbxError, Login};

/// Where FusionPBX keeps its settings, newest place first.
const CONFIG_FILES: [&str; 2] = ["/etc/fusionpbx/config.conf", "/usr/local/etc/fusionpbx/config.conf"];

/// Debian's directory of PostgreSQL's socket.
const SOCKET_DIRECTORY: &str = "/var/run/postgresql";

/// The database, or why it was not found, in words for a page.
///
/// Connects only where config.conf alone names the place: our own role by peer login is tried, and where the database
/// does not know it, FusionPBX's role is used, which then only reads (a finding says so).
///
/// # Errors
/// In words for a page.
pub async fn find(config: &Config, url_in_environment: Option<String>) -> Result<FusionPbx, String> {
    if let Some(options) = named(config, url_in_environment)? {
        return Ok(FusionPbx::open(&options));
    }
    let conf = config_conf(config)?;
    let open = |login| ConnectOptions::from_config(&conf, login).map(|options| FusionPbx::open(&options));
    let theirs = || open(Login::FusionPbx).map_err(|error| Chain(&error).to_string());
    if !conf.host.is_empty() && !is_this_host(&conf.host) {
        // Another host knows no peer login.
        return theirs();
    }
    let socket = if conf.host.starts_with('/') { &conf.host } else { SOCKET_DIRECTORY };
    let peer = Login::Peer { role: "rampart".to_owned(), socket: PathBuf::from(socket) };
    let ours = open(peer).map_err(|error| Chain(&error).to_string())?;
    match ours.ping().await {
        Err(FusionPbxError::Denied { reason }) if conf.password.is_some() => {
            warn!("No peer login as rampart ({reason}): FusionPBX's own role is used, to read only");
            theirs()
        }
        _ => Ok(ours),
    }
}

/// What the environment or rampart.toml names.
fn named(config: &Config, url_in_environment: Option<String>) -> Result<Option<ConnectOptions>, String> {
    let url = match (url_in_environment, &config.fusionpbx.url, &config.fusionpbx.password_file) {
        (Some(url), _, _) => {
            if has_password(&url) {
                warn!("RAMPART_FUSIONPBX_URL has a password in it; a peer login or a password file is better");
            }
            Secret::new(url)
        }
        (None, Some(url), Some(file)) => {
            with_password(url, &config::secret_file(file).map_err(|error| Chain(&error).to_string())?)?
        }
        (None, Some(url), None) => Secret::new(url.clone()),
        (None, None, _) => return Ok(None),
    };
    ConnectOptions::from_url(&url).map(Some).map_err(|error| Chain(&error).to_string())
}

fn config_conf(config: &Config) -> Result<ConfigConf, String> {
    let file = config.fusionpbx.config.clone().or_else(|| first_of(&CONFIG_FILES)).ok_or(
        "FusionPBX was not found: neither RAMPART_FUSIONPBX_URL nor [fusionpbx] url is set, and there is no \
         /etc/fusionpbx/config.conf",
    )?;
    let text =
        std::fs::read_to_string(&file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    ConfigConf::parse(&text).map_err(|error| format!("{}: {}", file.display(), Chain(&error)))
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
        assert!(!has_password("postgres://rampart@%2Frun%2Fpostgresql/fusionpbx"));
    }

    #[test]
    fn a_password_file_fills_the_url_with_every_character_coded() {
        let url = with_password("postgres://rampart@localhost/fusionpbx", &Secret::new("a@b/:%".to_owned())).unwrap();

        assert_eq!(url.expose(), "postgres://rampart:a%40b%2f%3a%25@localhost/fusionpbx");
        assert!(with_password("postgres://a:b@localhost/x", &Secret::new("c".to_owned())).is_err());
    }

    #[tokio::test]
    async fn a_missing_or_malformed_config_conf_is_named_with_its_place() {
        let mut config = Config::default();
        config.fusionpbx.config = Some(PathBuf::from("/there/is/no/config.conf"));
        assert!(find(&config, None).await.unwrap_err().contains("/there/is/no/config.conf"));

        let file = std::env::temp_dir().join(format!("rampart-config-{}.conf", std::process::id()));
        std::fs::write(&file, "database.0.host = 127.0.0.1\nthis is no pair\n").unwrap();
        config.fusionpbx.config = Some(file.clone());
        assert!(find(&config, None).await.unwrap_err().contains("line 2"));
        std::fs::remove_file(file).unwrap();
    }
}
