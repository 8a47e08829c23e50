//! `rampart firewall`: answers from files, with no console, agent or database anywhere.

use std::path::Path;
use std::process::{Command, Output};

use crate::agent_house::Scratch;

const ADDRESSES: &str = r#"[{"ifname":"lo","flags":["LOOPBACK"],"link_type":"loopback","addr_info":[{"local":"127.0.0.1","prefixlen":8}]},
{"ifname":"eth0","link_type":"ether","addr_info":[{"local":"192.0.2.1","prefixlen":24}]}]"#;
const RULES: &str = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n\
[4:240] -A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT\n\
[1:60] -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n\
[0:0] -A INPUT -p tcp -m tcp --dport 80 -m limit --limit 3/min -j ACCEPT\nCOMMIT\n";
const PROBES: &str = "proto\tfamily\tdport\tsrc\tdst\tiif\tnote\n\
tcp\t4\t22\t203.0.113.9\t192.0.2.1\teth0\ta\n\
tcp\t4\t23\t203.0.113.9\t192.0.2.1\teth0\tb\n\
tcp\t4\t80\t203.0.113.9\t192.0.2.1\teth0\tc\n";

fn firewall(arguments: &[&str]) -> Output {
    #[expect(clippy::disallowed_methods, reason = "the program as a person runs it")]
    let mut command = Command::new(env!("CARGO_BIN_EXE_rampart"));
    command.env_clear().arg("firewall").args(arguments).output().unwrap()
}

fn state() -> Scratch {
    let scratch = Scratch::new();
    for (name, text) in [
        ("ip-addr.json", ADDRESSES),
        ("ip-route.txt", "default via 192.0.2.254 dev eth0\n192.0.2.0/24 dev eth0\n"),
        ("iptables-save.legacy.txt", RULES),
        ("probes.tsv", PROBES),
    ] {
        std::fs::write(scratch.path().join(name), text).unwrap();
    }
    scratch
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_table_comes_back_with_a_verdict_and_a_reason_behind_each_row() {
    let scratch = state();
    let probes = scratch.path().join("probes.tsv");

    let output = firewall(&["reach", "--state", text(scratch.path()), "--probes", text(&probes)]);

    let out = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<Vec<&str>> = out.lines().map(|line| line.split('\t').collect()).collect();
    assert!(output.status.success());
    assert_eq!(rows[0][6..], ["note", "verdict", "reason"]);
    assert_eq!(rows[1][6..8], ["a", "reachable"]);
    assert!(rows[1][8].starts_with("iptables-legacy ip filter INPUT rule 2: "), "{}", rows[1][8]);
    assert_eq!(rows[2][7..], ["unreachable", "iptables-legacy ip filter INPUT: policy drop"]);
    assert_eq!(rows[3][7], "depends");
    assert!(rows[3][8].contains("-m limit --limit 3/min"), "{}", rows[3][8]);
}

#[test]
fn one_question_is_explained_rule_by_rule_and_the_exit_code_says_the_verdict() {
    let scratch = state();
    let ask = |port: &str| {
        let output = firewall(&["explain", "--state", text(scratch.path()), "--from", "203.0.113.9", "--port", port]);
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };

    let (open, path) = ask("22");

    assert_eq!(open, 0);
    assert!(path.starts_with("203.0.113.9 to 192.0.2.1 port 22 by eth0: reachable\n"), "{path}");
    assert!(path.contains("passes  iptables-legacy ip filter INPUT rule 2"), "{path}");
    assert_eq!(ask("23").0, 1);
    assert_eq!(ask("80").0, 2);
}

#[test]
fn the_matrix_says_which_ports_are_open_from_where() {
    let scratch = state();

    let output = firewall(&["matrix", "--state", text(scratch.path())]);

    let out = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert!(out.contains("Internet\tIPv4\teth0\ttcp\t22 80\n"), "{out}");
    assert!(out.contains("Internet\tIPv4\teth0\tudp\tnone\n"), "{out}");
}

#[test]
fn what_cannot_be_asked_is_refused_with_the_line_or_the_folder() {
    let scratch = state();
    let bad = scratch.path().join("bad.tsv");
    std::fs::write(&bad, "proto\tfamily\tdport\tsrc\tdst\tiif\ntcp\t4\t22\t::1\t192.0.2.1\teth0\n").unwrap();
    let said = |arguments: &[&str]| {
        let output = firewall(arguments);
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };

    let family = said(&["reach", "--state", text(scratch.path()), "--probes", text(&bad)]);
    assert!(family.contains("line 2: ::1 is no IPv4 address"), "{family}");
    let empty = Scratch::new();
    let nothing = said(&["reach", "--state", text(empty.path()), "--probes", text(&bad)]);
    assert!(nothing.contains("holds none of the files"), "{nothing}");
    let column = scratch.path().join("column.tsv");
    std::fs::write(&column, "proto\tfamily\n").unwrap();
    assert!(
        said(&["reach", "--state", text(scratch.path()), "--probes", text(&column)]).contains("dport is missing")
    );
}
