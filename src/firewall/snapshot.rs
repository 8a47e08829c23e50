//! What the save tools of a host print, and the rule set that it makes together.

use crate::firewall::address::Family;
use crate::firewall::host::Host;
use crate::firewall::model::{Backend, Cause, CauseKind, Firewall};
use crate::firewall::nft;
use crate::firewall::saved;
use crate::firewall::sets::Sets;

/// Everything a verdict rests on, as the tools print it. A text that is empty means that its tool has nothing.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    texts: Vec<(String, String)>,
}

/// The files of a snapshot, with the command that prints each.
pub const FILES: [(&str, &str); 11] = [
    ("iptables-save.legacy.txt", "iptables-legacy-save -c"),
    ("ip6tables-save.legacy.txt", "ip6tables-legacy-save -c"),
    ("iptables-save.nft.txt", "iptables-nft-save -c"),
    ("ip6tables-save.nft.txt", "ip6tables-nft-save -c"),
    ("nft-ruleset.json", "nft -j list ruleset"),
    ("nft-ruleset.txt", "nft list ruleset"),
    ("ipset-save.txt", "ipset save"),
    ("ip-addr.json", "ip -j addr"),
    ("ip-route.txt", "ip route, then \"# v6\" and ip -6 route"),
    ("ip-rule.txt", "ip rule, then ip -6 rule"),
    ("sysctl.txt", "sysctl of forwarding and source checks"),
];

impl Snapshot {
    /// Keeps what a file of [`FILES`] holds; another name is kept too, and asked for by nobody.
    pub fn put(&mut self, name: &str, text: String) {
        self.texts.retain(|(kept, _)| kept != name);
        self.texts.push((name.to_owned(), text));
    }

    /// What a file holds, or nothing.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.texts.iter().find(|(kept, _)| kept == name).map_or("", |(_, text)| text.as_str())
    }

    /// Addresses, routes and kernel settings.
    #[must_use]
    pub fn host(&self) -> Host {
        let text = |name| self.text(name);
        Host::read(text("ip-addr.json"), text("ip-route.txt"), text("sysctl.txt"), text("ip-rule.txt"))
    }

    /// All rules of all backends.
    #[must_use]
    pub fn firewall(&self) -> Firewall {
        let mut firewall = Firewall::default();
        let mut sets = Sets::read(self.text("ipset-save.txt"));
        let doubt =
            |text: &String| Cause { kind: CauseKind::Unknown, text: format!("a set that could not be read: {text}") };
        firewall.doubts.extend(sets.unread.iter().map(doubt));
        let saves = [
            ("iptables-save.legacy.txt", Backend::Legacy, Family::V4),
            ("ip6tables-save.legacy.txt", Backend::Legacy, Family::V6),
            ("iptables-save.nft.txt", Backend::IptablesNft, Family::V4),
            ("ip6tables-save.nft.txt", Backend::IptablesNft, Family::V6),
        ];
        for (name, ..) in saves {
            for line in self.text(name).lines() {
                let words: Vec<&str> = line.split_whitespace().collect();
                for pair in words.windows(2) {
                    if let ["--add-set" | "--del-set", set] = pair {
                        sets.changes(set);
                    }
                }
            }
        }
        for (name, backend, family) in saves {
            saved::read(&mut firewall, backend, family, self.text(name), &sets);
        }
        nft::read(&mut firewall, self.text("nft-ruleset.json"), self.text("nft-ruleset.txt"));
        firewall
    }
}
