//! Runs the save tools of every backend. `-L` is never used: it makes tables where there were none.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::agent::config::FirewallConfig;
use crate::agent::firewall::listening;
use crate::agent::rights;
use crate::agent::run::Program;
use crate::base::chain::{Chain, printable};
use crate::wire::answer::Refusal;
use crate::wire::firewall::{BootFacts, FirewallSaves, SavedText, UnreadText};

/// How long one tool may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// The most that all of it may hold together, so that it fits an answer.
const MOST_BYTES: usize = 6 * 1024 * 1024;

/// Files, the programs that print them, and whether a host may do without the program.
const TOOLS: [(&str, &str, &[&str], bool); 7] = [
    ("iptables-save.legacy.txt", "iptables-legacy-save", &["-c"], true),
    ("ip6tables-save.legacy.txt", "ip6tables-legacy-save", &["-c"], true),
    ("iptables-save.nft.txt", "iptables-nft-save", &["-c"], true),
    ("ip6tables-save.nft.txt", "ip6tables-nft-save", &["-c"], true),
    ("nft-ruleset.json", "nft", &["-j", "list", "ruleset"], false),
    ("nft-ruleset.txt", "nft", &["list", "ruleset"], false),
    ("ipset-save.txt", "ipset", &["save"], true),
];

/// Kernel settings that a verdict rests on, below /proc/sys.
const SETTINGS: [&str; 3] = ["net/ipv4/ip_forward", "net/ipv4/conf/all/forwarding", "net/ipv6/conf/all/forwarding"];

/// Reads all of it. What cannot be read is said, and is never as if it were empty.
///
/// # Errors
/// Together it is more than an answer can hold.
pub(in crate::agent) async fn read(config: &FirewallConfig) -> Result<FirewallSaves, Refusal> {
    let mut saves = FirewallSaves::default();
    for (name, program, arguments, may_be_missing) in TOOLS {
        let path = config.programs.join(program);
        let missing = !path.exists();
        if missing && may_be_missing && !(name.contains("legacy") && has_legacy_tables(name)) {
            continue;
        }
        keep(&mut saves, name, run(&path, arguments).await);
    }
    let ip = ip_program(config);
    keep(&mut saves, "ip-addr.json", run(&ip, &["-j", "addr"]).await);
    let routes = joined(run(&ip, &["route"]).await, "# v6\n", run(&ip, &["-6", "route"]).await);
    keep(&mut saves, "ip-route.txt", routes);
    let rules = joined(run(&ip, &["rule"]).await, "", run(&ip, &["-6", "rule"]).await);
    keep(&mut saves, "ip-rule.txt", rules);
    keep(&mut saves, "sysctl.txt", Ok(settings(Path::new("/proc/sys"))));
    match listening::all(Path::new("/proc")) {
        Ok(listening) => saves.listening = listening,
        Err(reason) => saves.unread.push(UnreadText { name: "listening sockets".to_owned(), reason }),
    }
    saves.boot = boot(&config.root);
    if saves.files.iter().map(|file| file.text.len()).sum::<usize>() > MOST_BYTES {
        let reason = "the rules are more than 6 MiB as text, which is more than the agent hands out".to_owned();
        return Err(Refusal::Unable { reason });
    }
    Ok(saves)
}

fn keep(saves: &mut FirewallSaves, name: &str, text: Result<String, String>) {
    let name = name.to_owned();
    match text {
        Ok(text) => saves.files.push(SavedText { name, text }),
        Err(reason) => saves.unread.push(UnreadText { name, reason }),
    }
}

async fn run(program: &Path, arguments: &[&str]) -> Result<String, String> {
    let start = Program::at(program, DEADLINE).with(rights::FIREWALL_READ);
    let ended = arguments.iter().fold(start, Program::arg).run().await.map_err(|error| Chain(&error).to_string())?;
    if ended.success {
        Ok(ended.stdout)
    } else {
        Err(format!("{} failed: {}", program.display(), printable(&ended.words())))
    }
}

fn joined(four: Result<String, String>, between: &str, six: Result<String, String>) -> Result<String, String> {
    Ok(format!("{}{between}{}", four?, six?))
}

fn ip_program(config: &FirewallConfig) -> PathBuf {
    let places = [config.programs.join("ip"), "/usr/sbin/ip".into(), "/usr/bin/ip".into(), "/bin/ip".into()];
    places.iter().find(|place| place.exists()).unwrap_or(&places[0]).clone()
}

/// Whether the kernel holds tables of the old kind. They stay when their program is gone.
fn has_legacy_tables(name: &str) -> bool {
    let list = if name.starts_with("ip6") { "/proc/net/ip6_tables_names" } else { "/proc/net/ip_tables_names" };
    std::fs::read_to_string(list).is_ok_and(|names| !names.trim().is_empty())
}

fn settings(root: &Path) -> String {
    let mut names: Vec<String> = SETTINGS.iter().map(|name| (*name).to_owned()).collect();
    let interfaces = std::fs::read_dir(root.join("net/ipv4/conf")).into_iter().flatten().flatten();
    for interface in interfaces.filter_map(|entry| entry.file_name().into_string().ok()) {
        names.extend(["rp_filter", "route_localnet"].map(|last| format!("net/ipv4/conf/{interface}/{last}")));
    }
    let mut text = String::new();
    for name in names {
        if let Ok(value) = std::fs::read_to_string(root.join(&name)) {
            text.extend([&name.replace('/', "."), "=", value.trim(), "\n"]);
        }
    }
    text
}

/// What is loaded when the host starts: the two units that FusionPBX's installer and Debian know.
fn boot(root: &Path) -> BootFacts {
    let text = |name: &str| std::fs::read_to_string(root.join(name)).ok();
    let wanted = |unit: &str| {
        let targets = ["multi-user.target.wants", "sysinit.target.wants", "network-pre.target.wants"];
        targets
            .iter()
            .any(|target| std::fs::symlink_metadata(root.join("etc/systemd/system").join(target).join(unit)).is_ok())
    };
    BootFacts {
        rules_v4: text("etc/iptables/rules.v4"),
        rules_v6: text("etc/iptables/rules.v6"),
        netfilter_persistent: wanted("netfilter-persistent.service") || wanted("iptables.service"),
        nftables: wanted("nftables.service"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_cannot_be_read_is_said_and_not_left_out() {
        let config = FirewallConfig { root: "/nowhere".into(), programs: "/nowhere".into() };

        let saves = read(&config).await.unwrap();

        assert!(saves.unread.iter().any(|unread| unread.name == "nft-ruleset.json"), "{:?}", saves.unread);
        assert!(
            saves.files.iter().any(|file| file.name == "sysctl.txt" && file.text.contains("net.ipv4.ip_forward="))
        );
        assert_eq!(saves.boot, BootFacts::default());
    }
}
