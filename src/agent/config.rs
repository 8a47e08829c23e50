//! `agent.toml`: what the agent may do on this host. Root writes it; nobody else may.

use std::fs::File;
use std::io::Read as _;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use nix::unistd::{Gid, Group, Uid, User};
use serde::Deserialize;

use crate::base::names::Fqdn;

/// The largest settings file: 64 KiB.
const MAX_BYTES: u64 = 64 * 1024;

/// Why the agent does not start.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there, or may not be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Somebody else could have written it.
    #[error("{path} must belong to uid {uid} and be writable by nobody else")]
    Unsafe {
        /// The file or its directory.
        path: PathBuf,
        /// The agent's own user.
        uid: u32,
    },
    /// Not TOML, a key that does not exist, or a value of the wrong kind.
    #[error("the agent's settings cannot be understood")]
    Malformed(#[from] toml::de::Error),
    /// A value that makes no sense.
    #[error("`{key}` in the agent's settings: {reason}")]
    Value {
        /// The key, with its section.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// A user or group: its number, or its name on this host.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Account {
    /// A number.
    Number(u32),
    /// A name, looked up when the agent starts.
    Name(String),
}

/// The agent's settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentConfig {
    /// The socket to listen at. Its directory must be there.
    pub socket: PathBuf,
    /// The group that may open the socket besides its owner; the agent's own group if absent.
    #[serde(default)]
    pub socket_group: Option<Account>,
    /// The agent's own directory: keys, generations, nginx includes, journal. Made with mode 0700 if it is not there.
    pub place: PathBuf,
    /// The console's user, the one that may ask.
    pub peer: Account,
    /// Whether root may ask too (`rampart` run by root as a command).
    #[serde(default = "yes")]
    pub root_may_ask: bool,
    /// The nginx in front of FusionPBX. Absent: nothing is deployed.
    #[serde(default)]
    pub nginx: Option<NginxConfig>,
    /// Where sshd lies.
    #[serde(default)]
    pub ssh: SshConfig,
    /// Where Debian's package tools lie.
    #[serde(default)]
    pub packages: PackagesConfig,
    /// Where FreeSWITCH's and FusionPBX's files lie.
    #[serde(default)]
    pub freeswitch: FreeSwitchConfig,
    /// Where fail2ban listens.
    #[serde(default)]
    pub fail2ban: Fail2banConfig,
    /// Where the firewall's tools lie.
    #[serde(default)]
    pub firewall: FirewallConfig,
    /// What keys may be made for.
    #[serde(default)]
    pub certificates: CertificatesConfig,
    /// Where certificates are looked for.
    #[serde(default)]
    pub inventory: InventoryConfig,
    /// Where nginx looks for challenges.
    #[serde(default)]
    pub http01: Http01Config,
}

/// `[nginx]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NginxConfig {
    /// The program.
    #[serde(default = "nginx_program")]
    pub program: PathBuf,
    /// Its main configuration file.
    #[serde(default = "nginx_config")]
    pub config: PathBuf,
    /// FusionPBX's site file, whose TLS server block is the model of every certificate's own block.
    pub site: PathBuf,
    /// Where it listens with TLS: a certificate is in force only when each of these serves it.
    pub listeners: Vec<SocketAddr>,
    /// The directory of the agent's own server blocks, which nginx.conf includes as `<include>/*.conf`. A directory
    /// directly inside `place`; `<place>/nginx` if absent.
    #[serde(default)]
    pub include: Option<PathBuf>,
}

/// `[ssh]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SshConfig {
    /// The program.
    pub program: PathBuf,
    /// Its configuration file.
    pub config: PathBuf,
    /// Ask sshd inside a mount namespace of its own in which /run/sshd is there. `sshd -T` needs that directory, which
    /// is missing while no sshd runs; reading must not change the host, so it is not made.
    pub private_run: bool,
}

/// `[packages]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PackagesConfig {
    /// Stands before every file that is read: `/`, but for tests.
    pub root: PathBuf,
    /// The directory of apt-get, apt-config and dpkg-query.
    pub programs: PathBuf,
}

/// `[firewall]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FirewallConfig {
    /// Stands before every file that is read: `/`, but for tests.
    pub root: PathBuf,
    /// The directory of iptables-legacy-save and its kin, nft, ipset and ip.
    pub programs: PathBuf,
}

/// `[freeswitch]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FreeSwitchConfig {
    /// FreeSWITCH's directory, in which `vars.xml` and `autoload_configs` lie.
    pub conf: PathBuf,
    /// The directory of FusionPBX's `config.conf`.
    pub fusionpbx: PathBuf,
    /// FusionPBX's cache of files.
    pub cache: PathBuf,
}

/// `[fail2ban]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fail2banConfig {
    /// Its socket.
    pub socket: PathBuf,
}

/// `[http01]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http01Config {
    /// The directory that nginx serves as `/.well-known/acme-challenge/`. The agent makes it in one that is there.
    pub directory: PathBuf,
}

impl Default for Http01Config {
    fn default() -> Self {
        Self { directory: "/run/rampart/http-01".into() }
    }
}

/// `[certificates]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificatesConfig {
    /// Keys are made only for names at or below one of these. None: no key is made.
    #[serde(default)]
    pub zones: Vec<Fqdn>,
    /// The console's own names. No certificate for FreeSWITCH covers one of them: PHP's owner can read that key.
    #[serde(default)]
    pub console_names: Vec<Fqdn>,
}

/// `[inventory]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InventoryConfig {
    /// Stands before every place that is looked at: `/`, but for tests.
    pub root: PathBuf,
}

impl Default for InventoryConfig {
    fn default() -> Self {
        Self { root: "/".into() }
    }
}

impl Default for SshConfig {
    fn default() -> Self {
        Self { program: "/usr/sbin/sshd".into(), config: "/etc/ssh/sshd_config".into(), private_run: false }
    }
}

impl Default for FreeSwitchConfig {
    fn default() -> Self {
        Self {
            conf: "/etc/freeswitch".into(),
            fusionpbx: "/etc/fusionpbx".into(),
            cache: "/var/cache/fusionpbx".into(),
        }
    }
}

impl Default for Fail2banConfig {
    fn default() -> Self {
        Self { socket: "/run/fail2ban/fail2ban.sock".into() }
    }
}

impl Default for FirewallConfig {
    fn default() -> Self {
        Self { root: "/".into(), programs: "/usr/sbin".into() }
    }
}

impl Default for PackagesConfig {
    fn default() -> Self {
        Self { root: "/".into(), programs: "/usr/bin".into() }
    }
}

impl AgentConfig {
    /// Reads `path`, which must belong to the agent's own user and be writable by nobody else, as must its directory.
    ///
    /// # Errors
    /// It cannot be read, others could have written it, or it makes no sense.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
        let file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        own(path, &metadata)?;
        // Cut off at the limit, half of it might still make sense.
        if !metadata.is_file() || metadata.len() > MAX_BYTES {
            return Err(unreadable(std::io::Error::other("not a plain file of at most 64 KiB")));
        }
        let directory = path.canonicalize().map_err(unreadable)?;
        if let Some(directory) = directory.parent() {
            own(directory, &directory.metadata().map_err(unreadable)?)?;
        }
        let mut text = String::new();
        file.take(MAX_BYTES).read_to_string(&mut text).map_err(unreadable)?;
        Self::parse(&text)
    }

    /// Understands `text`, the content of an `agent.toml`.
    ///
    /// # Errors
    /// It is no TOML, has an unknown key, or a value that makes no sense.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text)?;
        config.check()?;
        Ok(config)
    }

    /// The user id that may ask.
    ///
    /// # Errors
    /// No such user.
    pub fn peer_uid(&self) -> Result<u32, ConfigError> {
        let no_such = |name: &str| ConfigError::Value { key: "peer", reason: format!("no user is called {name}") };
        match &self.peer {
            Account::Number(uid) => Ok(*uid),
            Account::Name(name) => match User::from_name(name) {
                Ok(Some(user)) => Ok(user.uid.as_raw()),
                _ => Err(no_such(name)),
            },
        }
    }

    /// The group of the socket, if one is set.
    ///
    /// # Errors
    /// No such group.
    pub fn socket_gid(&self) -> Result<Option<u32>, ConfigError> {
        let no_such =
            |name: &str| ConfigError::Value { key: "socket_group", reason: format!("no group is called {name}") };
        match &self.socket_group {
            None => Ok(None),
            Some(Account::Number(gid)) => Ok(Some(*gid)),
            Some(Account::Name(name)) => match Group::from_name(name) {
                Ok(Some(Group { gid, .. })) => Ok(Some(Gid::as_raw(gid))),
                _ => Err(no_such(name)),
            },
        }
    }

    /// The name, inside `place`, of the directory of nginx includes.
    #[must_use]
    pub fn include_name(&self) -> String {
        let include = self.nginx.as_ref().and_then(|nginx| nginx.include.as_ref());
        let name = include.and_then(|include| include.file_name()).and_then(|name| name.to_str());
        name.unwrap_or("nginx").to_owned()
    }

    fn check(&self) -> Result<(), ConfigError> {
        absolute("socket", &self.socket)?;
        absolute("place", &self.place)?;
        absolute("ssh.program", &self.ssh.program)?;
        absolute("ssh.config", &self.ssh.config)?;
        absolute("packages.root", &self.packages.root)?;
        absolute("packages.programs", &self.packages.programs)?;
        absolute("inventory.root", &self.inventory.root)?;
        absolute("freeswitch.conf", &self.freeswitch.conf)?;
        absolute("freeswitch.fusionpbx", &self.freeswitch.fusionpbx)?;
        absolute("freeswitch.cache", &self.freeswitch.cache)?;
        absolute("fail2ban.socket", &self.fail2ban.socket)?;
        absolute("http01.directory", &self.http01.directory)?;
        let Some(nginx) = &self.nginx else {
            return Ok(());
        };
        absolute("nginx.program", &nginx.program)?;
        absolute("nginx.config", &nginx.config)?;
        absolute("nginx.site", &nginx.site)?;
        if nginx.listeners.is_empty() {
            let reason = "at least one listener is needed, or nothing could be proved".to_owned();
            return Err(ConfigError::Value { key: "nginx.listeners", reason });
        }
        if let Some(include) = &nginx.include {
            absolute("nginx.include", include)?;
            let inside = include.parent() == Some(self.place.as_path());
            let plain = include.file_name().and_then(|name| name.to_str()).is_some_and(super::place::is_plain);
            if !inside || !plain || include.file_name().is_some_and(|name| name == "certificates") {
                let reason = "must be a directory of its own directly inside `place`".to_owned();
                return Err(ConfigError::Value { key: "nginx.include", reason });
            }
        }
        Ok(())
    }
}

const fn yes() -> bool {
    true
}

fn nginx_program() -> PathBuf {
    "/usr/sbin/nginx".into()
}

fn nginx_config() -> PathBuf {
    "/etc/nginx/nginx.conf".into()
}

fn absolute(key: &'static str, path: &Path) -> Result<(), ConfigError> {
    let plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    let printable = path.to_str().is_some_and(|text| !text.chars().any(char::is_control));
    if path.is_absolute() && plain && printable {
        return Ok(());
    }
    Err(ConfigError::Value { key, reason: "an absolute path without `..` is needed".to_owned() })
}

/// Others than the agent's own user, and root, must not be able to write there.
fn own(path: &Path, metadata: &std::fs::Metadata) -> Result<(), ConfigError> {
    let uid = Uid::effective().as_raw();
    let owned = metadata.uid() == uid || (metadata.is_dir() && metadata.uid() == 0);
    if owned && metadata.mode() & 0o022 == 0 {
        return Ok(());
    }
    Err(ConfigError::Unsafe { path: path.to_owned(), uid })
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::agent::place::tests::Scratch;

    const SMALL: &str = "socket = '/run/rampart/agent.sock'\nplace = '/var/lib/rampart-agent'\npeer = 'root'\n";

    #[test]
    fn the_example_that_is_shipped_is_understood() {
        let config = AgentConfig::parse(include_str!("../../packaging/agent.toml")).unwrap();

        assert_eq!(config.include_name(), "nginx");
        assert!(config.root_may_ask);
        assert!(!config.ssh.private_run);
    }

    #[test]
    fn a_small_file_gets_debians_paths() {
        let config = AgentConfig::parse(SMALL).unwrap();

        assert_eq!(config.ssh.program, Path::new("/usr/sbin/sshd"));
        assert_eq!(config.peer_uid().unwrap(), 0);
        assert!(config.certificates.zones.is_empty());
    }

    /// ASVS 2.2.1.
    #[test]
    fn what_makes_no_sense_is_refused() {
        let nginx = "[nginx]\nsite = '/etc/nginx/site'\n";
        let cases = [
            format!("{SMALL}shell = '/bin/sh'\n"),
            SMALL.replace("'/run/", "'run/"),
            SMALL.replace("/var/lib/", "/var/../lib/"),
            format!("{SMALL}{nginx}listeners = []\n"),
            format!("{SMALL}{nginx}listeners = ['localhost']\n"),
            format!("{SMALL}{nginx}listeners = ['127.0.0.1:443']\ninclude = '/etc/nginx/conf.d'\n"),
            format!("{SMALL}{nginx}listeners = ['127.0.0.1:443']\ninclude = '/var/lib/rampart-agent/certificates'\n"),
            format!("{SMALL}[certificates]\nzones = ['not a zone']\n"),
        ];
        for text in cases {
            assert!(AgentConfig::parse(&text).is_err(), "{text}");
        }
        let nobody = AgentConfig::parse(&SMALL.replace("'root'", "'no-such-user'")).unwrap();
        assert!(nobody.peer_uid().is_err());
    }

    #[test]
    fn a_file_that_others_could_write_is_refused() {
        let scratch = Scratch::new("config");
        let path = scratch.path().join("agent.toml");
        std::fs::write(&path, SMALL).unwrap();

        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let kept = AgentConfig::read(&path);
        std::fs::set_permissions(&path, Permissions::from_mode(0o620)).unwrap();
        let shared = AgentConfig::read(&path);

        assert!(kept.is_ok(), "{kept:?}");
        assert!(matches!(shared, Err(ConfigError::Unsafe { .. })), "{shared:?}");
    }
}
