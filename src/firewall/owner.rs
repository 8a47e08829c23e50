//! Whose rule it is, by what it says and where it stands.

use crate::firewall::model::{Chain, Rule};

/// Who put a rule there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// FusionPBX's installer.
    FusionPbx,
    /// fail2ban.
    Fail2ban,
    /// FusionPBX's event guard.
    EventGuard,
    /// Docker.
    Docker,
    /// ufw.
    Ufw,
    /// Rampart.
    Rampart,
    /// Somebody at this host.
    Operator,
}

impl Owner {
    /// What people call it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::FusionPbx => "FusionPBX's installer",
            Self::Fail2ban => "fail2ban",
            Self::EventGuard => "event guard",
            Self::Docker => "Docker",
            Self::Ufw => "ufw",
            Self::Rampart => "Rampart",
            Self::Operator => "this host",
        }
    }
}

/// What the scanners that the installer drops by name call themselves.
const SCANNERS: [&str; 7] =
    ["friendly-scanner", "sipcli/", "VaxSIPUserAgent/", "pplsip", "\"system \"", "exec.", "multipart/mixed;boundary"];

/// The installer's accepts, as it writes them and as nft prints them.
const ACCEPTS: [&str; 14] = [
    "--dport 22 -j ACCEPT",
    "--dport 80 -j ACCEPT",
    "--dport 443 -j ACCEPT",
    "--dport 7443 -j ACCEPT",
    "--dport 5060:5091 -j ACCEPT",
    "--dport 16384:32768 -j ACCEPT",
    "--dport 1194 -j ACCEPT",
    "tcp dport 22 ",
    "tcp dport { 80, 443 } ",
    "tcp dport 7443 ",
    "dport 5060-5091 ",
    "udp dport 16384-32768 ",
    "udp dport 1194 ",
    "icmp type echo-request ",
];

/// Whose rule it is. A rule that nobody is known for is this host's own.
#[must_use]
pub fn owner(chain: &Chain, rule: &Rule) -> Owner {
    let jumps =
        |start: &str| rule.text.contains(&format!("-j {start}")) || rule.text.contains(&format!("jump {start}"));
    let of = |start: &str| chain.name.starts_with(start) || jumps(start);
    if chain.table == "rampart" || of("rampart") {
        Owner::Rampart
    } else if of("f2b-") || chain.table.starts_with("f2b") {
        Owner::Fail2ban
    } else if chain.name.starts_with("sip-auth-") || jumps("sip-auth-") {
        Owner::EventGuard
    } else if of("DOCKER") || chain.name.starts_with("docker") || rule.text.contains("docker0") {
        Owner::Docker
    } else if of("ufw") {
        Owner::Ufw
    } else if SCANNERS.iter().chain(&ACCEPTS).any(|known| rule.text.contains(known)) {
        Owner::FusionPbx
    } else {
        Owner::Operator
    }
}

#[cfg(test)]
mod tests {
    use super::{Owner, owner};
    use crate::firewall::model::{Backend, Chain, Rule, Scope};

    #[test]
    fn a_rule_says_whose_it_is() {
        let of = |name: &str, text: &str| {
            let chain = Chain {
                backend: Backend::Legacy,
                scope: Scope::V4,
                table: "filter".to_owned(),
                name: name.to_owned(),
                base: None,
                rules: Vec::new(),
            };
            owner(&chain, &Rule { text: text.to_owned(), ..Rule::default() })
        };

        assert_eq!(of("f2b-sshd", "-A f2b-sshd -s 203.0.113.9/32 -j DROP"), Owner::Fail2ban);
        assert_eq!(of("INPUT", "-A INPUT -j f2b-sshd"), Owner::Fail2ban);
        assert_eq!(of("sip-auth-fail", "ip saddr 203.0.113.9 drop"), Owner::EventGuard);
        assert_eq!(of("INPUT", "-A INPUT -p tcp -m tcp --dport 7443 -j ACCEPT"), Owner::FusionPbx);
        assert_eq!(of("FORWARD", "-A FORWARD -o docker0 -j DOCKER"), Owner::Docker);
        assert_eq!(of("INPUT", "-A INPUT -p tcp -m tcp --dport 8787 -j ACCEPT"), Owner::Operator);
    }
}
