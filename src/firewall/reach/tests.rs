//! Rule sets of our own, asked as a person would. Random ones against a second, simpler reading: `simple`.

mod simple;

use crate::firewall::address::{Family, number};
use crate::firewall::probes::{Answer, Probe, answer};
use crate::firewall::reach::{Carried, Neighbours, Verdict, neighbours};
use crate::firewall::snapshot::Snapshot;

const ADDRESSES: &str = r#"[{"ifname":"lo","flags":["LOOPBACK"],"link_type":"loopback","addr_info":[{"local":"127.0.0.1","prefixlen":8},{"local":"::1","prefixlen":128}]},
    {"ifname":"eth0","link_type":"ether","addr_info":[{"local":"192.0.2.1","prefixlen":24},{"local":"2001:db8:1::1","prefixlen":64}]},
    {"ifname":"wg0","link_type":"none","addr_info":[{"local":"10.9.0.1","prefixlen":24}]},
    {"ifname":"docker0","link_type":"ether","addr_info":[{"local":"172.18.0.1","prefixlen":16}]}]"#;
const ROUTES: &str = "default via 192.0.2.254 dev eth0\n10.9.0.0/24 dev wg0\n172.18.0.0/16 dev docker0\n192.0.2.0/24 dev eth0\n\
    # v6\ndefault via fe80::1 dev eth0\n2001:db8:1::/64 dev eth0\n";

fn state(files: &[(&str, &str)]) -> Snapshot {
    let mut snapshot = Snapshot::default();
    snapshot.put("ip-addr.json", ADDRESSES.to_owned());
    snapshot.put("ip-route.txt", ROUTES.to_owned());
    snapshot.put("sysctl.txt", "net.ipv4.ip_forward=1\n".to_owned());
    for (name, text) in files {
        snapshot.put(name, (*text).to_owned());
    }
    snapshot
}

fn legacy(rules: &str) -> Snapshot {
    state(&[("iptables-save.legacy.txt", rules)])
}

fn ask(snapshot: &Snapshot, carried: Carried, port: u16, from: &str, to: &str, interface: &str) -> Answer {
    let ip = |text: &str| text.parse::<std::net::IpAddr>().expect("an address");
    let probe = Probe {
        carried,
        family: Family::of(ip(from)),
        port: port.into(),
        source: number(ip(from)),
        destination: number(ip(to)),
        interface: interface.to_owned(),
    };
    answer(&snapshot.firewall(), &snapshot.host(), &[probe]).remove(0)
}

fn tcp(snapshot: &Snapshot, port: u16) -> Verdict {
    ask(snapshot, Carried::Tcp, port, "203.0.113.9", "192.0.2.1", "eth0").verdict
}

const HEAD: &str = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -m state --state ESTABLISHED -j ACCEPT\n";

#[test]
fn without_rules_everything_is_reachable() {
    assert_eq!(tcp(&state(&[]), 8021), Verdict::Reachable);
}

#[test]
fn an_accept_lets_through_what_it_names_and_the_policy_drops_the_rest() {
    let rules = legacy(&format!("{HEAD}-A INPUT -s 203.0.113.0/24 -p tcp -m tcp --dport 22 -j ACCEPT\nCOMMIT\n"));

    assert_eq!(tcp(&rules, 22), Verdict::Reachable);
    let closed = ask(&rules, Carried::Tcp, 23, "203.0.113.9", "192.0.2.1", "eth0");
    assert_eq!(
        (closed.verdict, closed.reason.as_str()),
        (Verdict::Unreachable, "iptables-legacy ip filter INPUT: policy drop")
    );
    assert_eq!(ask(&rules, Carried::Tcp, 22, "198.51.100.1", "192.0.2.1", "eth0").verdict, Verdict::Unreachable);
}

#[test]
fn both_backends_must_let_a_packet_through() {
    let accept = format!("{HEAD}-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\nCOMMIT\n");
    let drop = r#"{"nftables":[{"chain":{"family":"inet","table":"t","name":"c","type":"filter","hook":"input","prio":10,"policy":"accept"}},
        {"rule":{"family":"inet","table":"t","chain":"c","expr":[{"match":{"op":"==","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":22}},{"drop":null}]}}]}"#;

    let both = state(&[("iptables-save.legacy.txt", &accept), ("nft-ruleset.json", drop)]);

    assert_eq!(tcp(&both, 22), Verdict::Unreachable);
}

#[test]
fn a_redirect_shows_the_port_that_is_really_exposed() {
    let rules = legacy(&format!(
        "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 9999 -j REDIRECT --to-ports 8787\nCOMMIT\n\
         {HEAD}-A INPUT -p tcp -m conntrack --ctorigdstport 9999 -m tcp --dport 8787 -j ACCEPT\nCOMMIT\n"
    ));

    let answer = ask(&rules, Carried::Tcp, 9999, "203.0.113.9", "192.0.2.1", "eth0");

    assert_eq!(answer.verdict, Verdict::Reachable);
    assert!(answer.reason.ends_with("arrives at 192.0.2.1 port 8787"), "{}", answer.reason);
    assert_eq!(tcp(&rules, 8787), Verdict::Unreachable);
}

#[test]
fn a_published_container_bypasses_the_input_chain_and_a_forward_drop_stops_it() {
    let nat = "*nat\n:PREROUTING ACCEPT [0:0]\n:DOCKER - [0:0]\n-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n\
        -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.18.0.2:80\nCOMMIT\n";
    let established = "-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A FORWARD -i docker0 -j ACCEPT\n";
    let open = format!(
        "{nat}{HEAD}{established}-A FORWARD -d 172.18.0.2/32 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT\nCOMMIT\n"
    );

    assert_eq!(tcp(&legacy(&open), 8080), Verdict::Reachable);
    assert_eq!(tcp(&legacy(&open), 80), Verdict::Unreachable);
    assert_eq!(tcp(&legacy(&format!("{nat}{HEAD}{established}COMMIT\n")), 8080), Verdict::Unreachable);
    let mut off = legacy(&open);
    off.put("sysctl.txt", "net.ipv4.ip_forward=0\n".to_owned());
    assert_eq!(tcp(&off, 8080), Verdict::Unreachable);
}

#[test]
fn what_cannot_come_back_is_not_reachable() {
    let out =
        "*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT DROP [0:0]\n-A OUTPUT -p tcp -m tcp --sport 22 -j ACCEPT\nCOMMIT\n";

    assert_eq!(tcp(&legacy(out), 22), Verdict::Reachable);
    let closed = ask(&legacy(out), Carried::Tcp, 80, "203.0.113.9", "192.0.2.1", "eth0");
    assert_eq!(closed.verdict, Verdict::Unreachable);
    assert!(closed.reason.starts_with("on the way back: "), "{}", closed.reason);
}

#[test]
fn a_connection_that_opens_and_carries_nothing_depends() {
    let half = legacy(
        "*filter\n:INPUT DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -p tcp -m tcp --dport 22 --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT\nCOMMIT\n",
    );

    let answer = ask(&half, Carried::Tcp, 22, "203.0.113.9", "192.0.2.1", "eth0");

    assert_eq!(answer.verdict, Verdict::Depends);
    assert!(answer.reason.starts_with("the connection opens, but no data can flow"), "{}", answer.reason);
}

#[test]
fn an_untracked_packet_is_not_new() {
    let raw = "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p udp -m udp --dport 5060 -j CT --notrack\nCOMMIT\n";
    let rules = legacy(&format!("{raw}{HEAD}-A INPUT -p udp -m state --state NEW -j ACCEPT\nCOMMIT\n"));

    assert_eq!(ask(&rules, Carried::Udp, 5060, "203.0.113.9", "192.0.2.1", "eth0").verdict, Verdict::Unreachable);
    assert_eq!(ask(&rules, Carried::Udp, 5080, "203.0.113.9", "192.0.2.1", "eth0").verdict, Verdict::Reachable);
}

#[test]
fn the_source_check_stops_a_vpn_address_on_the_wrong_interface() {
    let mut rules = legacy(&format!("{HEAD}-A INPUT -s 10.9.0.0/24 -j ACCEPT\nCOMMIT\n"));
    let spoofed = |rules: &Snapshot| ask(rules, Carried::Tcp, 8787, "10.9.0.7", "192.0.2.1", "eth0").verdict;

    assert_eq!(spoofed(&rules), Verdict::Reachable);
    rules.put("sysctl.txt", "net.ipv4.conf.all.rp_filter=1\n".to_owned());
    assert_eq!(spoofed(&rules), Verdict::Unreachable);
    assert_eq!(ask(&rules, Carried::Tcp, 8787, "10.9.0.7", "10.9.0.1", "wg0").verdict, Verdict::Reachable);
}

#[test]
fn what_a_packet_carries_is_asked_of_udp_and_not_of_the_packets_that_open_tcp() {
    let words = "-m string --string \"friendly-scanner\" --algo bm -j DROP";
    let rules = legacy(&format!(
        "{HEAD}-A INPUT -p udp -m udp --dport 5060 {words}\n-A INPUT -p tcp -m tcp --dport 5060 {words}\n\
         -A INPUT -p udp -m udp --dport 5060 -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 5060 -j ACCEPT\nCOMMIT\n"
    ));

    let udp = ask(&rules, Carried::Udp, 5060, "203.0.113.9", "192.0.2.1", "eth0");

    assert_eq!(udp.verdict, Verdict::Depends);
    assert!(udp.reason.contains("friendly-scanner"), "{}", udp.reason);
    assert_eq!(tcp(&rules, 5060), Verdict::Reachable);
}

#[test]
fn ipv6_without_neighbour_discovery_is_said_to_be_dead() {
    let v6 = |more: &str| {
        let rules = format!(
            "*filter\n:INPUT DROP [0:0]\n{more}-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n-A INPUT -m state --state ESTABLISHED -j ACCEPT\nCOMMIT\n"
        );
        state(&[("ip6tables-save.legacy.txt", &rules)])
    };
    let (dead, alive) = (v6(""), v6("-A INPUT -p ipv6-icmp -j ACCEPT\n"));

    let answer = ask(&dead, Carried::Tcp, 22, "2001:db8:9::9", "2001:db8:1::1", "eth0");

    assert_eq!(answer.verdict, Verdict::Reachable);
    assert!(answer.reason.contains("neighbour discovery"), "{}", answer.reason);
    assert_eq!(neighbours(&dead.firewall(), &dead.host(), "eth0"), Neighbours::Dropped);
    assert_eq!(neighbours(&dead.firewall(), &dead.host(), "wg0"), Neighbours::Found);
    assert_eq!(neighbours(&alive.firewall(), &alive.host(), "eth0"), Neighbours::Found);
}

#[test]
fn a_rule_that_could_not_be_read_leaves_no_certain_yes() {
    let rules = legacy("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j ACCEPT\nwhat is this\nCOMMIT\n");

    assert_eq!(tcp(&rules, 22), Verdict::Depends);
}

#[test]
fn a_sender_may_choose_its_port_and_that_is_said() {
    let rules = legacy(&format!("{HEAD}-A INPUT -p udp -m udp --sport 53 -j ACCEPT\nCOMMIT\n"));

    let answer = ask(&rules, Carried::Udp, 8021, "203.0.113.9", "192.0.2.1", "eth0");

    assert_eq!(answer.verdict, Verdict::Unreachable);
    assert!(answer.reason.ends_with("a sender that chooses its own port gets further"), "{}", answer.reason);
}

#[test]
fn jumps_that_go_round_end_in_doubt_and_not_in_a_hang() {
    let rules =
        legacy("*filter\n:INPUT DROP [0:0]\n:a - [0:0]\n:b - [0:0]\n-A INPUT -j a\n-A a -j b\n-A b -j a\nCOMMIT\n");

    assert_eq!(tcp(&rules, 22), Verdict::Depends);
}
