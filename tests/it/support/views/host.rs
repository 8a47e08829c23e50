//! The data of SSH, Upgrades and the walls that are not built yet.

use rampart::web::pages::ssh::{SshContextView, SshFactsView, SshPage};
use rampart::web::pages::unbuilt::{ByHand, UnbuiltPage};
use rampart::web::pages::upgrades::{FactRow, PackageGroup, PackageRow, UpgradesPage, UpgradesView};
use rampart::web::parts::Mark;

use super::Town;

pub(super) fn ssh(town: Town) -> SshPage {
    let settings = [
        "permitrootlogin",
        "passwordauthentication",
        "permitemptypasswords",
        "maxauthtries",
        "x11forwarding",
        "loglevel",
        "ciphers",
        "macs",
        "kexalgorithms",
    ];
    SshPage {
        frame: town.frame("SSH", "ssh"),
        head: town.head(
            "SSH",
            "The way in for administrators, and for whoever guesses their password.",
            Mark::Pass,
            "12 pass",
        ),
        findings: town.list(vec![
            town.finding("SSH-01", Mark::Pass, "high", "Root cannot sign in over SSH with a password"),
            town.finding("SSH-03", Mark::Pass, "critical", "Empty passwords are refused"),
        ]),
        facts: town.known(SshFactsView {
            version: town.name("OpenSSH_9.2p1 Debian-2+deb12u6"),
            source: "sshd -T, read 2026-11-22 18:40 UTC".into(),
            contexts: ["everyone", "root from 203.0.113.5"]
                .iter()
                .map(|visitor| SshContextView {
                    visitor: town.name(visitor),
                    words: "as for everyone, but for 2 settings".into(),
                    open: *visitor == "everyone",
                    settings: settings
                        .iter()
                        .map(|key| {
                            ((*key).to_owned(), town.name("chacha20-poly1305@openssh.com,aes256-gcm@openssh.com"))
                        })
                        .collect(),
                })
                .collect(),
        }),
    }
}

pub(super) fn upgrades(town: Town) -> UpgradesPage {
    let package = |name: &&str| PackageRow {
        name: town.name(name),
        installed: if *name == "vim" { String::new() } else { town.text("3.0.15-1~deb12u1") },
        candidate: town.name("3.0.17-1~deb12u2"),
    };
    let group = |title: &str, mark, open, names: &[&str]| PackageGroup {
        title: title.into(),
        mark,
        open,
        rows: names.iter().map(package).collect(),
    };
    let fact = |name: &str, value: &str, mark| FactRow { name: name.into(), value: town.name(value), mark };
    UpgradesPage {
        frame: town.frame("Upgrades", "upgrades"),
        head: town.head(
            "Upgrades",
            "Holes that others have found already, and closed.",
            Mark::Fail,
            "1 fails, 4 pass",
        ),
        findings: town.list(vec![town.finding("UP-02", Mark::Fail, "medium", "3 security updates are pending")]),
        facts: town.known(UpgradesView {
            facts: vec![
                fact("Release", "Debian GNU/Linux 12 (bookworm)", Mark::Pass),
                fact("Package lists", "fetched 3 hours ago", Mark::Pass),
                fact("Restart", "wanted by linux-image-6.1.0-32-amd64", Mark::Fail),
                fact("Automatic upgrades", "unattended-upgrades is not installed", Mark::Fail),
            ],
            words: "3 from the security archive, 14 in all.".into(),
            pending: vec![
                group("3 security updates", Mark::Fail, true, &["libssl3", "nginx", "openssl"]),
                group("5 ordinary updates", Mark::Plain, false, &["base-files", "bash", "curl", "tzdata", "vim"]),
            ],
            held_back: vec![town.name("linux-image-amd64")],
            commands: "apt-get update && apt-get upgrade".into(),
        }),
    }
}

pub(super) fn unbuilt(town: Town) -> UnbuiltPage {
    UnbuiltPage {
        frame: town.frame("Intrusion", "intrusion"),
        head: town.head(
            "Intrusion",
            "Notices who tries, and shuts the door.",
            Mark::NotTested,
            "not tested: not built yet",
        ),
        will_judge: town.list(vec![
            "What can be reached from the internet, over IPv4 and IPv6, computed from the real rules.".into(),
            "Whether the rules are loaded again after a restart.".into(),
        ]),
        by_hand: town.list(vec![
            ByHand {
                words: "The IPv4 rules. The policy of INPUT should be DROP.".into(),
                commands: "iptables -S INPUT | head".into(),
            },
            ByHand {
                words: town.name("The same for IPv6, which is often forgotten."),
                commands: "ip6tables -S INPUT | head".into(),
            },
        ]),
        reference: "FusionPBX documentation, Security, Firewall".into(),
    }
}
