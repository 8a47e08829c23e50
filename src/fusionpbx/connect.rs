//! How to reach FusionPBX's database: from a URL, or from FusionPBX's own `config.conf` and a login of ours.

use std::path::PathBuf;
use std::str::FromStr;

use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::base::secret::Secret;
use crate::fusionpbx::config_conf::ConfigConf;

/// Why we cannot even try to connect. No variant holds the URL, which may have a password in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// It does not parse.
    #[error("the URL of FusionPBX's database is not of the form postgres://role@host:port/database")]
    BadUrl,
    /// It parses, and names no database.
    #[error("the URL of FusionPBX's database names no database")]
    NoDatabase,
    /// `sslmode` asks for TLS, and this build speaks none to PostgreSQL.
    #[error("sslmode {0} asks for TLS, which Rampart does not speak to PostgreSQL: use the local socket")]
    TlsWanted(String),
}

/// Whose login is used with the place that `config.conf` names.
#[derive(Debug)]
pub enum Login {
    /// Our own role over the local socket, known by our operating system user.
    Peer {
        /// The role, by custom `rampart`.
        role: String,
        /// The directory of the socket, on Debian `/var/run/postgresql`.
        socket: PathBuf,
    },
    /// Our own role with a password.
    Password {
        /// The role.
        role: String,
        /// Its password.
        password: Secret<String>,
    },
    /// FusionPBX's own role: a superuser as a rule, so that we only read.
    FusionPbx,
}

/// Where the database is and who signs in. Cannot print the password.
#[derive(Clone)]
pub struct ConnectOptions(PgConnectOptions);

impl ConnectOptions {
    /// From `postgres://role[:password]@host[:port]/database`; a host that begins with `/` (written `%2F`) is the
    /// directory of a socket.
    ///
    /// # Errors
    /// The URL does not parse, names no database, or asks for TLS.
    pub fn from_url(url: &Secret<String>) -> Result<Self, ConnectError> {
        let scheme = url.expose().starts_with("postgres://") || url.expose().starts_with("postgresql://");
        let options = PgConnectOptions::from_str(url.expose()).ok().filter(|_| scheme);
        Self::checked(options.ok_or(ConnectError::BadUrl)?)
    }

    /// From FusionPBX's own file and a login.
    ///
    /// # Errors
    /// The file asks for TLS.
    pub fn from_config(config: &ConfigConf, login: Login) -> Result<Self, ConnectError> {
        let mut options = PgConnectOptions::new_without_pgpass().port(config.port).database(&config.name);
        if !config.host.is_empty() {
            options =
                if config.host.starts_with('/') { options.socket(&config.host) } else { options.host(&config.host) };
        }
        let mode = config.sslmode.as_deref().unwrap_or("prefer");
        let mode = PgSslMode::from_str(mode).map_err(|_| ConnectError::TlsWanted("of config.conf".to_owned()))?;
        options = match login {
            // A socket never speaks TLS, whatever the file asks of the network.
            Login::Peer { role, socket } => options.username(&role).socket(socket).ssl_mode(PgSslMode::Disable),
            Login::Password { role, password } => options.username(&role).password(password.expose()).ssl_mode(mode),
            Login::FusionPbx => {
                // A role of someone else's never writes for us, superuser or not.
                let options = options
                    .username(&config.username)
                    .ssl_mode(mode)
                    .options([("default_transaction_read_only", "on")]);
                match &config.password {
                    Some(password) => options.password(password.expose()),
                    None => options,
                }
            }
        };
        Self::checked(options)
    }

    /// Where this leads, without a secret: `fusionpbx at /var/run/postgresql as rampart`.
    #[must_use]
    pub fn place(&self) -> String {
        let options = &self.0;
        let database = options.get_database().unwrap_or_default();
        let host = options.get_socket().map_or_else(
            || format!("{}:{}", options.get_host(), options.get_port()),
            |socket| socket.display().to_string(),
        );
        format!("{database} at {host} as {}", options.get_username())
    }

    fn checked(options: PgConnectOptions) -> Result<Self, ConnectError> {
        if options.get_database().is_none() {
            return Err(ConnectError::NoDatabase);
        }
        match options.get_ssl_mode() {
            PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer => Ok(Self(options)),
            mode @ (PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull) => {
                Err(ConnectError::TlsWanted(format!("{mode:?}").to_lowercase()))
            }
        }
    }

    /// With the limits under which every session of ours works: a statement 5 s, a lock 2 s, so that FusionPBX never
    /// waits for us longer than that.
    pub(super) fn session(&self) -> PgConnectOptions {
        self.0
            .clone()
            .application_name("rampart")
            .options([
                ("statement_timeout", "5s"),
                ("lock_timeout", "2s"),
                ("idle_in_transaction_session_timeout", "5s"),
                ("search_path", "public"),
            ])
            .disable_statement_logging()
    }
}

impl std::fmt::Debug for ConnectOptions {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "ConnectOptions({})", self.place())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_url(url: &str) -> Result<ConnectOptions, ConnectError> {
        ConnectOptions::from_url(&Secret::new(url.to_owned()))
    }

    #[test]
    fn a_socket_in_a_url_is_understood_and_a_password_never_shown() {
        let socket = from_url("postgres://rampart@%2Frun%2Fpg/fusionpbx").unwrap();
        let network = from_url("postgres://rampart:hunter2@127.0.0.1:5433/fusionpbx").unwrap();

        assert_eq!(socket.place(), "fusionpbx at /run/pg as rampart");
        assert_eq!(format!("{network:?}"), "ConnectOptions(fusionpbx at 127.0.0.1:5433 as rampart)");
    }

    #[test]
    fn what_cannot_work_is_refused_without_quoting_it() {
        assert_eq!(from_url("mysql://a:hunter2@b/c").unwrap_err(), ConnectError::BadUrl);
        assert_eq!(from_url("hunter2").unwrap_err(), ConnectError::BadUrl);
        assert_eq!(from_url("postgres://a@b").unwrap_err(), ConnectError::NoDatabase);
        let tls = from_url("postgres://a:hunter2@b/c?sslmode=verify-full").unwrap_err();
        assert_eq!(tls, ConnectError::TlsWanted("verifyfull".to_owned()));
    }

    #[test]
    fn config_conf_names_the_place_and_the_login_is_ours() {
        let file = "database.0.host = 127.0.0.1\ndatabase.0.name = fusionpbx\ndatabase.0.username = fusionpbx\n";
        let config = ConfigConf::parse(file).unwrap();
        let peer = Login::Peer { role: "rampart".to_owned(), socket: "/var/run/postgresql".into() };

        let ours = ConnectOptions::from_config(&config, peer).unwrap();
        let theirs = ConnectOptions::from_config(&config, Login::FusionPbx).unwrap();

        assert_eq!(ours.place(), "fusionpbx at /var/run/postgresql as rampart");
        assert_eq!(theirs.place(), "fusionpbx at 127.0.0.1:5432 as fusionpbx");
    }
}
