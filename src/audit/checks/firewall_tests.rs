use super::*;
use crate::audit::facts::Source;
use crate::audit::finding::Outcome;
use crate::audit::firewall::judge;
use crate::base::clock::Timestamp;
use crate::wire::firewall::{FirewallSaves, Listening, SavedText, UnreadText};

const NOW: Timestamp = Timestamp::from_unix(1_795_371_696);
const ADDRESSES: &str = r#"[{"ifname":"lo","flags":["LOOPBACK"],"link_type":"loopback","addr_info":[{"local":"127.0.0.1","prefixlen":8},{"local":"::1","prefixlen":128}]},
    {"ifname":"eth0","link_type":"ether","addr_info":[{"local":"192.0.2.1","prefixlen":24},{"local":"2001:db8::1","prefixlen":64}]}]"#;
const ROUTES: &str = "default via 192.0.2.254 dev eth0\n192.0.2.0/24 dev eth0\n# v6\ndefault via fe80::1 dev eth0\n2001:db8::/64 dev eth0\n";
const CLOSED: &str = "*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\n-A INPUT -m state --state ESTABLISHED -j ACCEPT\n\
    -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\nCOMMIT\n";
const CLOSED6: &str = "*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\n-A INPUT -p ipv6-icmp -j ACCEPT\n\
    -A INPUT -m state --state ESTABLISHED -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\nCOMMIT\n";

fn saves(files: &[(&str, &str)], listening: &[&str]) -> FirewallSaves {
    let fixed = [("ip-addr.json", ADDRESSES), ("ip-route.txt", ROUTES)];
    let text = |(name, text): &(&str, &str)| SavedText { name: (*name).to_owned(), text: (*text).to_owned() };
    let socket = |at: &&str| Listening {
        udp: false,
        at: at.parse().unwrap(),
        user: "postgres".to_owned(),
        programs: Vec::new(),
        unit: None,
    };
    FirewallSaves {
        files: fixed.iter().chain(files).map(text).collect(),
        listening: listening.iter().map(socket).collect(),
        ..FirewallSaves::default()
    }
}

fn with(saves: FirewallSaves) -> Facts {
    Facts { firewall: Source::Known { at: NOW, value: judge(saves) }, ..Facts::none(NOW) }
}

fn asked(id: &str, facts: &Facts) -> Finding {
    let check = CHECKS.iter().find(|check| check.id == id).unwrap();
    let mut findings = check.judge(facts);
    assert_eq!(findings.len(), 1);
    findings.remove(0)
}

#[test]
fn ipv4_closed_and_ipv6_forgotten_are_told_apart() {
    let facts = with(saves(&[("iptables-save.legacy.txt", CLOSED)], &[]));

    assert_eq!(asked("FW-01", &facts).outcome, Outcome::Pass);
    let v6 = asked("FW-02", &facts);
    assert_eq!((v6.outcome, v6.severity), (Outcome::Fail, Severity::Critical));
    assert!(v6.title.starts_with("Over IPv6 every port is open"), "{}", v6.title);
}

#[test]
fn ipv6_that_cannot_find_its_neighbours_is_dead() {
    let dead = CLOSED6.replace("-A INPUT -p ipv6-icmp -j ACCEPT\n", "");
    let alive = with(saves(&[("ip6tables-save.legacy.txt", CLOSED6)], &[]));

    assert_eq!(asked("FW-02", &alive).outcome, Outcome::Pass);
    let finding = asked("FW-02", &with(saves(&[("ip6tables-save.legacy.txt", &dead)], &[])));
    assert_eq!((finding.outcome, finding.severity), (Outcome::Fail, Severity::Medium));
}

#[test]
fn a_database_that_the_internet_reaches_is_critical_and_one_behind_the_firewall_is_not() {
    let open = with(saves(&[], &["0.0.0.0:5432"]));
    let closed = with(saves(&[("iptables-save.legacy.txt", CLOSED)], &["0.0.0.0:5432"]));
    let near = with(saves(&[], &["127.0.0.1:5432", "[::1]:5432"]));

    assert_eq!(asked("DB-01", &open).severity, Severity::Critical);
    assert_eq!(asked("DB-01", &open).outcome, Outcome::Fail);
    assert_eq!(asked("FW-04", &open).outcome, Outcome::Fail);
    assert_eq!(asked("DB-01", &closed).outcome, Outcome::Pass);
    assert_eq!(asked("FW-04", &closed).outcome, Outcome::Pass);
    assert_eq!(asked("DB-01", &near).outcome, Outcome::Pass);
}

#[test]
fn both_backends_with_rules_fail_and_one_passes() {
    let nft = r#"{"nftables":[{"chain":{"family":"inet","table":"t","name":"c","type":"filter","hook":"input","prio":0,"policy":"accept"}},
        {"rule":{"family":"inet","table":"t","chain":"c","expr":[{"drop":null}]}}]}"#;
    let both = with(saves(&[("iptables-save.legacy.txt", CLOSED), ("nft-ruleset.json", nft)], &[]));

    assert_eq!(asked("FW-03", &both).outcome, Outcome::Fail);
    assert_eq!(asked("FW-03", &with(saves(&[("nft-ruleset.json", nft)], &[]))).outcome, Outcome::Pass);
}

#[test]
fn what_was_not_read_is_not_tested() {
    let mut unread = saves(&[("iptables-save.legacy.txt", CLOSED)], &[]);
    unread.unread.push(UnreadText { name: "nft-ruleset.json".to_owned(), reason: "nft failed".to_owned() });
    let facts = with(unread);

    for check in &CHECKS {
        assert_eq!(asked(check.id, &facts).outcome, Outcome::NotTested, "{}", check.id);
        assert_eq!(asked(check.id, &Facts::none(NOW)).outcome, Outcome::NotTested, "{}", check.id);
    }
}
