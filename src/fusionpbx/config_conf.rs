//! Reads `/etc/fusionpbx/config.conf`: `key = value` lines, `#` comments, the database under `database.0`
//! (`resources/classes/config.php`).

use crate::base::secret::Secret;

/// Where FusionPBX says its database is, and how FusionPBX itself signs in.
#[derive(Debug)]
pub struct ConfigConf {
    /// `database.0.host`: a name, an address, or the directory of a socket. Empty means the default socket.
    pub host: String,
    /// `database.0.port`.
    pub port: u16,
    /// `database.0.name`.
    pub name: String,
    /// `database.0.username`: FusionPBX's own role, a superuser on most servers.
    pub username: String,
    /// `database.0.password`.
    pub password: Option<Secret<String>>,
    /// `database.0.sslmode`, if set.
    pub sslmode: Option<String>,
}

/// What is wrong with the file. No variant holds a line's text, which may be a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigConfError {
    /// Neither empty, nor a comment, nor `key = value`.
    #[error("line {line} of config.conf is not of the form key = value")]
    NotAPair {
        /// Counted from 1.
        line: usize,
    },
    /// Not a port.
    #[error("line {line} of config.conf: the database's port is a number from 1 to 65535")]
    Port {
        /// Counted from 1.
        line: usize,
    },
    /// `database.0.type` is another database.
    #[error("line {line} of config.conf: Rampart reads PostgreSQL (pgsql) only")]
    NotPostgres {
        /// Counted from 1.
        line: usize,
    },
    /// A key that must be there is not.
    #[error("config.conf has no {0}")]
    Absent(&'static str),
}

impl ConfigConf {
    /// # Errors
    /// Says which line is wrong, or which key is missing.
    pub fn parse(text: &str) -> Result<Self, ConfigConfError> {
        let mut found = Self {
            host: String::new(),
            port: 5432,
            name: String::new(),
            username: String::new(),
            password: None,
            sslmode: None,
        };
        for (index, raw) in text.lines().enumerate() {
            let line = index + 1;
            let trimmed = raw.trim().trim_start_matches('\u{feff}');
            if trimmed.is_empty() || trimmed.starts_with('#') {
                continue;
            }
            let (key, value) = trimmed.split_once('=').ok_or(ConfigConfError::NotAPair { line })?;
            found.take(key.trim(), value.trim(), line)?;
        }
        if found.name.is_empty() {
            return Err(ConfigConfError::Absent("database.0.name"));
        }
        Ok(found)
    }

    fn take(&mut self, key: &str, value: &str, line: usize) -> Result<(), ConfigConfError> {
        match key {
            "database.0.type" if value != "pgsql" => return Err(ConfigConfError::NotPostgres { line }),
            "database.0.host" => value.clone_into(&mut self.host),
            "database.0.port" if !value.is_empty() => {
                let port = value.parse().ok().filter(|port| *port != 0);
                self.port = port.ok_or(ConfigConfError::Port { line })?;
            }
            "database.0.name" => value.clone_into(&mut self.name),
            "database.0.username" => value.clone_into(&mut self.username),
            "database.0.password" => {
                self.password = (!value.is_empty()).then(|| Secret::new(value.to_owned()));
            }
            "database.0.sslmode" if !value.is_empty() => self.sslmode = Some(value.to_owned()),
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\n#set the database type\ndatabase.0.type = pgsql\ndatabase.0.path =\n\
        database.0.host = 127.0.0.1\ndatabase.0.port = 5433\ndatabase.0.sslmode = prefer\n\
        database.0.name = fusionpbx\ndatabase.0.username = fusionpbx\ndatabase.0.password = a=b#c d\n\
        \n#general settings\ndocument.root = /var/www/fusionpbx\n";

    #[test]
    fn the_real_keys_are_read_and_a_password_keeps_its_signs() {
        let config = ConfigConf::parse(FILE).unwrap();

        assert_eq!((config.host.as_str(), config.port, config.name.as_str()), ("127.0.0.1", 5433, "fusionpbx"));
        assert_eq!(config.username, "fusionpbx");
        assert_eq!(config.password.as_ref().unwrap().expose(), "a=b#c d");
        assert!(!format!("{config:?}").contains("a=b"));
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line_and_never_quoted() {
        let cases = [
            ("database.0.name = x\nhunter2\n", ConfigConfError::NotAPair { line: 2 }),
            ("database.0.port = 70000\n", ConfigConfError::Port { line: 1 }),
            ("\n\ndatabase.0.type = sqlite\n", ConfigConfError::NotPostgres { line: 3 }),
            ("", ConfigConfError::Absent("database.0.name")),
        ];
        for (text, error) in cases {
            let outcome = ConfigConf::parse(text).unwrap_err();
            assert_eq!(outcome, error);
            assert!(!outcome.to_string().contains("hunter2"));
        }
    }
}
