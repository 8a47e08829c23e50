//! What is said about FreeSWITCH: judgements instead of secrets, and typed values instead of commands.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::wire::carried::Carried;
use crate::wire::switch_tls::{ProfileName, TlsFacts};

/// The most accounts that one request may name.
pub const MOST_USERS: usize = 200;

/// What is wrong with a secret. The secret itself is never said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flaw {
    /// No parameter holds one.
    Missing,
    /// It is there and empty.
    Empty,
    /// It is the one that FreeSWITCH or FusionPBX ships.
    Shipped,
    /// Fewer than 12 letters.
    Short,
    /// Digits only, or letters of one case only.
    OneClass,
    /// The file names a variable instead: what holds stands somewhere else, and is not judged.
    DependsOnVariable,
    /// It is FusionPBX's database password too.
    EqualsDatabase,
    /// XML RPC and the event socket have the same one.
    EqualsOther,
    /// FusionPBX holds another one than FreeSWITCH.
    SidesDiffer,
}

impl Flaw {
    /// Words for a page, to follow "the password ".
    #[must_use]
    pub const fn spoken(self) -> &'static str {
        match self {
            Self::Missing => "is missing",
            Self::Empty => "is empty",
            Self::Shipped => "is the one that is shipped",
            Self::Short => "has fewer than 12 letters",
            Self::OneClass => "has digits only, or letters of one case only",
            Self::DependsOnVariable => "depends on a variable",
            Self::EqualsDatabase => "is the database's password too",
            Self::EqualsOther => "is used for XML RPC and for the event socket",
            Self::SidesDiffer => "is not the one that FusionPBX holds",
        }
    }

    /// Whether it makes the secret bad; the others only say that there is something to know.
    #[must_use]
    pub const fn is_weak(self) -> bool {
        !matches!(self, Self::DependsOnVariable | Self::SidesDiffer)
    }
}

/// A secret as it may be spoken of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretFacts {
    /// What is wrong with it; empty if nothing is.
    pub flaws: Vec<Flaw>,
    /// A digest under a key that the agent makes at each start and never tells: equal marks mean equal secrets.
    pub mark: Option<String>,
}

/// A file in a directory that belongs to somebody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileFacts {
    /// Where it lies.
    pub path: String,
    /// The user id that owns it.
    pub owner: u32,
    /// Its permission bits.
    pub mode: u32,
}

/// `event_socket.conf.xml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventSocketFacts {
    /// The file.
    pub file: FileFacts,
    /// `listen-ip`, if it is set.
    pub address: Option<String>,
    /// `listen-port`.
    pub port: Option<u16>,
    /// `apply-inbound-acl`, if it is set. Without it FreeSWITCH serves the host itself only (`loopback.auto`).
    pub acl: Option<String>,
    /// `password`.
    pub password: SecretFacts,
    /// Whether the file has `X-PRE-PROCESS` lines, which can change what it says.
    pub preprocessed: bool,
    /// Where the kernel says that its port is listened at.
    pub listening: Vec<String>,
}

/// `xml_rpc.conf.xml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct XmlRpcFacts {
    /// The file.
    pub file: FileFacts,
    /// `http-port`, 8080 if absent; `None` if it is no number.
    pub port: Option<u16>,
    /// `auth-realm`. Without it everything is open to whoever can connect.
    pub realm: Option<String>,
    /// `auth-user`.
    pub user: Option<String>,
    /// `auth-pass`.
    pub password: SecretFacts,
    /// Whether `enable-websocket` is true: `/socket` then asks for no password.
    pub websocket: bool,
    /// Whether the file has `X-PRE-PROCESS` lines, which can change what it says.
    pub preprocessed: bool,
    /// Where the kernel says that its port is listened at.
    pub listening: Vec<String>,
    /// Who answers at its port.
    pub answers: Answers,
}

/// Who answers at a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answers {
    /// Nobody.
    Nobody,
    /// `mod_xml_rpc`, and it asks for a password.
    XmlRpc,
    /// `mod_xml_rpc`, and it asks for none.
    OpenXmlRpc,
    /// Another program.
    SomebodyElse,
}

/// What FusionPBX's `config.conf` says of FreeSWITCH.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigConfFacts {
    /// The file.
    pub file: FileFacts,
    /// `switch.event_socket.host`, if it is set.
    pub host: Option<String>,
    /// `switch.event_socket.port`, if it is set.
    pub port: Option<u16>,
    /// `switch.event_socket.password`. Where it is missing, FusionPBX 5.2 and later use the shipped one.
    pub password: SecretFacts,
}

/// What the running FreeSWITCH says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunningFacts {
    /// `1.10.12-release`.
    pub version: String,
    /// Which of the modules that are asked for are loaded.
    pub loaded: Vec<String>,
}

/// Everything about FreeSWITCH. A part that could not be read says why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwitchFacts {
    /// `xml_rpc.conf.xml`.
    pub xml_rpc: Result<XmlRpcFacts, String>,
    /// `event_socket.conf.xml`.
    pub event_socket: Result<EventSocketFacts, String>,
    /// The modules that `modules.conf.xml` loads at the start.
    pub at_start: Result<Vec<String>, String>,
    /// `config.conf`.
    pub config_conf: Result<ConfigConfFacts, String>,
    /// Passwords of `vars.xml` that are the shipped ones, by name.
    pub shipped_variables: Result<Vec<String>, String>,
    /// The running FreeSWITCH.
    pub running: Result<RunningFacts, String>,
    /// Whether what the request brought along was compared. The agent compares once in ten seconds, so that nobody can
    /// try passwords here.
    pub compared: bool,
    /// The certificate that it serves; `None` where it has no directory for one, or an older agent did not say.
    #[serde(default)]
    pub tls: Option<TlsFacts>,
}

/// An account as FreeSWITCH's directory knows it: `1001@pbx.example.com`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DirectoryUser {
    user: String,
    domain: String,
}

/// What is no account of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not of the form user@domain, in letters, digits, dots, hyphens, underscores and plus signs")]
pub struct NotAUser;

impl DirectoryUser {
    /// Takes `text` apart.
    ///
    /// # Errors
    /// It could be more than a name: a part of a command, a path, or a key.
    pub fn parse(text: &str) -> Result<Self, NotAUser> {
        let (user, domain) = text.split_once('@').ok_or(NotAUser)?;
        let plain = |part: &str, most: usize, more: &[u8]| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || more.contains(&byte);
            !part.is_empty() && part.len() <= most && !part.starts_with(['.', '-']) && part.bytes().all(allowed)
        };
        if plain(user, 64, b"._-+") && plain(domain, 253, b".-") {
            Ok(Self { user: user.to_owned(), domain: domain.to_owned() })
        } else {
            Err(NotAUser)
        }
    }

    /// `1001`.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// `pbx.example.com`.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }
}

impl fmt::Display for DirectoryUser {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}@{}", self.user, self.domain)
    }
}

impl TryFrom<String> for DirectoryUser {
    type Error = NotAUser;
    fn try_from(text: String) -> Result<Self, NotAUser> {
        Self::parse(&text)
    }
}

impl From<DirectoryUser> for String {
    fn from(user: DirectoryUser) -> Self {
        user.to_string()
    }
}

/// The devices that are registered now with some accounts, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registrations {
    /// All of the switch.
    pub total: u64,
    /// Those of the accounts that were asked for.
    pub asked: u64,
    /// The addresses that those come from, the one that most devices share first; at most 1000.
    pub sources: Vec<Source>,
    /// Whether there are more addresses.
    pub cut: bool,
}

/// An address that devices are registered from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The address; `None` stands for all devices whose address the switch does not tell.
    pub address: Option<IpAddr>,
    /// All devices of the switch that are registered from there.
    pub all: u64,
    /// Those of the accounts that were asked for.
    pub asked: u64,
}

/// What became of a `FlushDirectory`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flushed {
    /// Files of FusionPBX's cache that were removed.
    pub files: u64,
    /// Whether FreeSWITCH's memcache keys were dropped; false where `mod_memcache` is not loaded.
    pub memcache: bool,
    /// Accounts whose entry FreeSWITCH itself was told to forget.
    pub told: u64,
    /// What could not be done; empty if everything was.
    pub failed: Vec<String>,
}

/// What became of a `Resync`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resynced {
    /// Accounts whose phones were told to fetch their settings again.
    pub told: Vec<DirectoryUser>,
    /// Accounts that were told less than five minutes ago, and were left alone.
    pub too_soon: Vec<DirectoryUser>,
    /// What could not be done.
    pub failed: Vec<String>,
}

/// What FusionPBX's database holds (`v_settings`, through 5.1), to be compared by the agent with FreeSWITCH's files: the
/// answer says only whether they differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSide {
    /// `xml_rpc_auth_pass`.
    pub xml_rpc: Option<Carried>,
    /// `event_socket_password`.
    pub event_socket: Option<Carried>,
}

/// A new secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NewSecret {
    /// The agent makes it, and says it once.
    Made,
    /// Somebody typed it.
    Typed(Carried),
}

/// A realm or a user's name: 1 to 64 letters, digits, spaces and `. _ @ -`, none of them a space at either end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PlainWord(String);

/// What is no such word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("1 to 64 letters, digits, spaces and . _ @ - are wanted")]
pub struct NotPlain;

impl PlainWord {
    /// Takes `text`.
    ///
    /// # Errors
    /// It has other letters, or none.
    pub fn parse(text: &str) -> Result<Self, NotPlain> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'.' | b'_' | b'@' | b'-');
        let is_plain = (1..=64).contains(&text.len()) && text.trim() == text && text.bytes().all(allowed);
        if is_plain { Ok(Self(text.to_owned())) } else { Err(NotPlain) }
    }
}

impl fmt::Display for PlainWord {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl TryFrom<String> for PlainWord {
    type Error = NotPlain;
    fn try_from(text: String) -> Result<Self, NotPlain> {
        Self::parse(&text)
    }
}

impl From<PlainWord> for String {
    fn from(word: PlainWord) -> Self {
        word.0
    }
}

/// Other values for XML RPC; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct XmlRpcChange {
    /// `http-port`, 1024 or above.
    pub port: Option<u16>,
    /// `auth-realm`.
    pub realm: Option<PlainWord>,
    /// `auth-user`.
    pub user: Option<PlainWord>,
    /// `auth-pass`.
    pub password: Option<NewSecret>,
}

/// Where FusionPBX keeps its copy of the event socket's password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FusionPbxSide {
    /// In `config.conf`: 5.2 and later.
    ConfigConf,
    /// In the table `v_settings`: through 5.1. Whoever asks writes it there, with the secret of the answer.
    Database,
}

/// A change of FreeSWITCH.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum SwitchChange {
    /// XML RPC's port, realm, user or password.
    XmlRpc(XmlRpcChange),
    /// The event socket's password, on both sides.
    EventSocket {
        /// The new one.
        password: NewSecret,
        /// Where FusionPBX's side is.
        fusionpbx: FusionPbxSide,
    },
    /// Load `mod_xml_rpc` now.
    Load,
    /// Unload it now.
    Unload,
    /// Load it when FreeSWITCH starts, or not.
    AtStart {
        /// Whether.
        is_loaded: bool,
    },
    /// Restart SIP profiles, so that they take their certificate from the disk. Every call on them ends.
    RestartProfiles {
        /// Which.
        profiles: Vec<ProfileName>,
        /// Even while calls are up; else those stop it.
        even_with_calls: bool,
    },
}

impl fmt::Display for SwitchChange {
    /// Words for the journal and the trail, without a secret.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::XmlRpc(XmlRpcChange { port, realm, user, password }) => {
                let parts = [
                    port.map(|port| format!("port {port}")),
                    realm.as_ref().map(|realm| format!("realm {realm}")),
                    user.as_ref().map(|user| format!("user {user}")),
                    password.as_ref().map(|_| "a new password".to_owned()),
                ];
                let parts: Vec<String> = parts.into_iter().flatten().collect();
                write!(out, "XML RPC: {}", if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") })
            }
            Self::EventSocket { .. } => out.write_str("the event socket: a new password"),
            Self::Load => out.write_str("load mod_xml_rpc"),
            Self::Unload => out.write_str("unload mod_xml_rpc"),
            Self::AtStart { is_loaded: true } => out.write_str("load mod_xml_rpc at the start"),
            Self::AtStart { is_loaded: false } => out.write_str("do not load mod_xml_rpc at the start"),
            Self::RestartProfiles { profiles, even_with_calls } => {
                let names: Vec<&str> = profiles.iter().map(ProfileName::as_str).collect();
                let calls = if *even_with_calls { "even with calls up" } else { "only while no call is up" };
                write!(out, "restart the SIP profiles {}, {calls}", names.join(", "))
            }
        }
    }
}

/// A change that is done and proved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwitchChanged {
    /// The secret that was made, said once.
    pub secret: Option<Carried>,
    /// What else to know, a sentence each.
    pub notes: Vec<String>,
    /// FusionPBX's services that must be restarted to sign in with the new password.
    pub restart: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_a_name_and_never_a_piece_of_a_command_or_a_path() {
        let good = DirectoryUser::parse("1001@pbx.example.com").unwrap();

        assert_eq!((good.user(), good.domain()), ("1001", "pbx.example.com"));
        let bad = [
            "1001", "@a", "a@", "a@b@c", "a b@c", "a@b c", "../x@c", "a/b@c", "a@b\n", "a@b;c", "$a@b", "a:b@c",
            "-a@b", "*@b",
        ];
        for text in bad {
            assert_eq!(DirectoryUser::parse(text), Err(NotAUser), "{text}");
        }
        assert!(serde_json::from_str::<DirectoryUser>("\"a@b\\nexit\"").is_err());
    }
}
