//! What the agent reads of the firewall: what the save tools print, word for word, and what listens.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// The firewall and what lies around it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FirewallSaves {
    /// What each tool printed, under the name of its file in `rampart firewall save`.
    pub files: Vec<SavedText>,
    /// What could not be read, and why. Nothing is certain while this holds something.
    pub unread: Vec<UnreadText>,
    /// Every socket that takes packets from elsewhere.
    pub listening: Vec<Listening>,
    /// What is loaded when the host starts.
    pub boot: BootFacts,
}

/// What one tool printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedText {
    /// The file's name.
    pub name: String,
    /// The text.
    pub text: String,
}

/// What could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnreadText {
    /// The file's name.
    pub name: String,
    /// Why not.
    pub reason: String,
}

/// A socket that listens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listening {
    /// Whether it is UDP; else it is TCP.
    pub udp: bool,
    /// Where.
    pub at: SocketAddr,
    /// The user that opened it.
    pub user: String,
    /// The programs that hold it, where the kernel tells: root's agent may not look into everybody's processes.
    pub programs: Vec<String>,
    /// The systemd unit of the first of them.
    pub unit: Option<String>,
}

/// What is loaded when the host starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootFacts {
    /// Rules for IPv4 that netfilter-persistent loads (`/etc/iptables/rules.v4`).
    pub rules_v4: Option<String>,
    /// Rules for IPv6 (`/etc/iptables/rules.v6`).
    pub rules_v6: Option<String>,
    /// Whether netfilter-persistent is enabled.
    pub netfilter_persistent: bool,
    /// Whether nftables is enabled.
    pub nftables: bool,
}
