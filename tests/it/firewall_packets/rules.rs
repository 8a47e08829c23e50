//! Random rule sets, as text for each backend's own loader.

use std::fmt::Write as _;

/// Which loader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Backend {
    Legacy,
    IptablesNft,
    Nft,
}

/// A random number generator that starts where it is told: splitmix64.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(sides).unwrap()).unwrap()
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// A rule set. For iptables it holds IPv4's rules, then `# v6` and IPv6's.
pub(super) fn make(backend: Backend, dice: &mut Dice) -> String {
    match backend {
        Backend::Nft => nft(dice),
        _ => format!("{}# v6\n{}", iptables(dice, false), iptables(dice, true)),
    }
}

const SOURCES: [&str; 5] = ["198.51.100.10", "198.51.100.0/28", "203.0.113.0/24", "203.0.113.20", "192.168.50.0/24"];
const SOURCES6: [&str; 4] = ["2001:db8:1::10", "2001:db8:1::/64", "2001:db8:2::/64", "2001:db8:2::20"];
const PORTS: [&str; 6] = ["22", "80", "443", "20:100", "80:500", "5060"];
const STATES: [&str; 7] =
    ["NEW", "ESTABLISHED", "RELATED,ESTABLISHED", "INVALID", "NEW,UNTRACKED", "UNTRACKED", "NEW,ESTABLISHED"];

fn iptables(dice: &mut Dice, v6: bool) -> String {
    let mut text = String::new();
    if dice.chance(30) {
        text.push_str("*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n");
        for _ in 0..=dice.below(2) {
            let chain = dice.pick(&["PREROUTING", "PREROUTING", "OUTPUT"]);
            let matched = conditions(dice, v6, chain);
            writeln!(text, "-A {chain}{matched} -j {}", dice.pick(&["CT --notrack", "DROP", "ACCEPT"])).unwrap();
        }
        text.push_str("COMMIT\n");
    }
    if dice.chance(35) {
        text.push_str("*mangle\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n");
        for _ in 0..2 {
            let chain = dice.pick(&["PREROUTING", "INPUT"]);
            let matched = conditions(dice, v6, chain);
            writeln!(
                text,
                "-A {chain}{matched} -j MARK --set-xmark {}",
                dice.pick(&["0x1/0x1", "0x2/0xffffffff", "0x0/0x1"])
            )
            .unwrap();
        }
        text.push_str("COMMIT\n");
    }
    if dice.chance(30) {
        let from = dice.pick(&["80", "5060", "443"]);
        let to = dice.pick(&["22", "443", "5060"]);
        let protocol = dice.pick(&["tcp", "udp"]);
        text.push_str("*nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n");
        writeln!(
            text,
            "-A PREROUTING -p {protocol} -m {protocol} --dport {from} -j REDIRECT --to-ports {to}\nCOMMIT"
        )
        .unwrap();
    }
    writeln!(
        text,
        "*filter\n:INPUT {} [0:0]\n:OUTPUT {} [0:0]\n:a - [0:0]\n:b - [0:0]",
        dice.pick(&["DROP", "DROP", "ACCEPT"]),
        dice.pick(&["ACCEPT", "ACCEPT", "ACCEPT", "DROP"])
    )
    .unwrap();
    if dice.chance(70) {
        text.push_str("-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n");
    }
    for _ in 0..3 + dice.below(6) {
        text.push_str(&filter(dice, v6, "INPUT"));
    }
    for _ in 0..dice.below(3) {
        text.push_str(&filter(dice, v6, "OUTPUT"));
    }
    for chain in ["a", "b"] {
        for _ in 0..=dice.below(3) {
            text.push_str(&filter(dice, v6, chain));
        }
    }
    text.push_str("COMMIT\n");
    text
}

fn filter(dice: &mut Dice, v6: bool, chain: &str) -> String {
    let targets: &[&str] = match chain {
        "b" => &["-j ACCEPT", "-j DROP", "-j RETURN"],
        "a" => &["-j ACCEPT", "-j DROP", "-j RETURN", "-j b", "-g b"],
        _ => &["-j ACCEPT", "-j ACCEPT", "-j ACCEPT", "-j DROP", "-j REJECT", "-j RETURN", "-j a", "-g a", "-j b"],
    };
    format!("-A {chain}{} {}\n", conditions(dice, v6, chain), dice.pick(targets))
}

/// Conditions that may stand in `chain`.
fn conditions(dice: &mut Dice, v6: bool, chain: &str) -> String {
    let mut text = String::new();
    let sources: &[&str] = if v6 { &SOURCES6 } else { &SOURCES };
    let not = |dice: &mut Dice| if dice.chance(20) { " !" } else { "" };
    if dice.chance(35) {
        write!(text, "{} {} {}", not(dice), if chain == "OUTPUT" { "-d" } else { "-s" }, dice.pick(sources)).unwrap();
    }
    if dice.chance(15) && matches!(chain, "INPUT" | "PREROUTING") {
        write!(text, "{} -i {}", not(dice), dice.pick(&["srv0", "lo", "sr+"])).unwrap();
    }
    if dice.chance(70) {
        let protocol = dice.pick(&["tcp", "udp"]);
        let (mine, theirs) = if chain == "OUTPUT" { ("--sport", "--dport") } else { ("--dport", "--sport") };
        match dice.below(5) {
            0 => write!(text, " -p {protocol} -m multiport --{}s 22,80:100,5060", &mine[2..]).unwrap(),
            1 => write!(text, " -p {protocol} -m {protocol} {theirs} 1024:65535").unwrap(),
            // iptables-save prints a range of all ports as no condition at all, and its opposite too: that is not tried.
            2 => write!(text, " -p {protocol} -m {protocol} {mine} 0:65535").unwrap(),
            _ => write!(text, " -p {protocol} -m {protocol}{} {mine} {}", not(dice), dice.pick(&PORTS)).unwrap(),
        }
        if protocol == "tcp" && dice.chance(10) {
            text.push_str(" --tcp-flags SYN,RST,ACK SYN");
            text = text.replace("-m multiport", "-m tcp --tcp-flags SYN,RST,ACK SYN -m multiport");
            if text.contains("multiport") {
                text = text.trim_end_matches(" --tcp-flags SYN,RST,ACK SYN").to_owned();
            }
        }
    }
    if dice.chance(25) && chain != "PREROUTING" {
        write!(text, " -m conntrack{} --ctstate {}", not(dice), dice.pick(&STATES)).unwrap();
    }
    if dice.chance(15) && chain != "PREROUTING" {
        write!(text, " -m mark{} --mark {}", not(dice), dice.pick(&["0x1/0x1", "0x2", "0x0"])).unwrap();
    }
    if dice.chance(10) && !v6 && matches!(chain, "INPUT") {
        text.push_str(" -m iprange --src-range 198.51.100.5-203.0.113.10");
    }
    text
}

fn nft(dice: &mut Dice) -> String {
    let mut text = "table inet t {\n\tset s4 { type ipv4_addr; flags interval; elements = { 198.51.100.0/28, 203.0.113.20 } }\n\
        \tset s6 { type ipv6_addr; flags interval; elements = { 2001:db8:2::/64 } }\n\
        \tset p { type inet_service; flags interval; elements = { 22, 80-100 } }\n\
        \tmap v { type inet_service : verdict; flags interval; elements = { 22 : accept, 80-90 : jump b, 443 : drop } }\n\
        \tchain b {\n"
        .to_owned();
    for _ in 0..=dice.below(3) {
        text.push_str(&statement(dice, "b"));
    }
    text.push_str("\t}\n\tchain a {\n");
    for _ in 0..=dice.below(3) {
        text.push_str(&statement(dice, "a"));
    }
    text.push_str("\t}\n");
    if dice.chance(35) {
        text.push_str("\tchain early {\n\t\ttype filter hook prerouting priority raw; policy accept;\n");
        for _ in 0..2 {
            let matched = asked(dice, "early");
            writeln!(
                text,
                "\t\t{matched} {}",
                dice.pick(&["notrack", "meta mark set 1", "meta mark set mark | 2", "drop"])
            )
            .unwrap();
        }
        text.push_str("\t}\n");
    }
    if dice.chance(30) {
        let (from, to) = (dice.pick(&["80", "443", "5060"]), dice.pick(&["22", "443", "5060"]));
        text.push_str("\tchain moved {\n\t\ttype nat hook prerouting priority dstnat; policy accept;\n");
        writeln!(text, "\t\t{} dport {from} redirect to :{to}\n\t}}", dice.pick(&["tcp", "udp"])).unwrap();
    }
    for (name, priority) in [("one", "filter"), ("two", "filter + 10")].iter().take(1 + dice.below(2)) {
        let policy = dice.pick(&["drop", "drop", "accept"]);
        writeln!(text, "\tchain {name} {{\n\t\ttype filter hook input priority {priority}; policy {policy};")
            .unwrap();
        if dice.chance(70) {
            text.push_str("\t\tct state established,related accept\n");
        }
        for _ in 0..2 + dice.below(5) {
            text.push_str(&statement(dice, "input"));
        }
        text.push_str("\t}\n");
    }
    if dice.chance(30) {
        text.push_str("\tchain out {\n\t\ttype filter hook output priority filter; policy accept;\n");
        writeln!(text, "\t\t{} {}\n\t}}", asked(dice, "out"), dice.pick(&["drop", "accept", "reject"])).unwrap();
    }
    text.push_str("}\n");
    text
}

fn statement(dice: &mut Dice, chain: &str) -> String {
    if chain == "input" && dice.chance(12) {
        let maps = [
            "tcp dport vmap @v",
            "udp dport vmap { 22 : drop, 5060-5091 : accept }",
            "ip saddr . tcp dport vmap { 198.51.100.10 . 22 : drop, 203.0.113.20 . 80 : accept }",
            "ct state vmap { invalid : drop, established : accept, new : jump a }",
            "meta l4proto vmap { tcp : jump a, udp : goto b }",
        ];
        return format!("\t\t{}\n", dice.pick(&maps));
    }
    let verdicts: &[&str] = match chain {
        "b" => &["accept", "drop", "return"],
        "a" => &["accept", "drop", "return", "jump b", "goto b"],
        _ => &["accept", "accept", "accept", "drop", "reject", "jump a", "goto a", "jump b", "return"],
    };
    format!("\t\t{} {}\n", asked(dice, chain), dice.pick(verdicts))
}

fn asked(dice: &mut Dice, chain: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    let not = |dice: &mut Dice| if dice.chance(20) { "!= " } else { "" };
    let side = if chain == "out" { "daddr" } else { "saddr" };
    if dice.chance(40) {
        parts.push(match dice.below(4) {
            0 => format!("ip {side} {}@s4", not(dice)),
            1 => format!("ip6 {side} {}@s6", not(dice)),
            2 => format!("ip {side} {}{}", not(dice), dice.pick(&SOURCES)),
            _ => format!("ip6 {side} {}{}", not(dice), dice.pick(&SOURCES6)),
        });
    }
    if dice.chance(70) {
        let port = if chain == "out" { "sport" } else { "dport" };
        let protocol = dice.pick(&["tcp", "udp"]);
        parts.push(match dice.below(6) {
            0 => format!("{protocol} {port} @p"),
            1 => format!("{protocol} {port} {{ 22, 443, 5000-5100 }}"),
            2 => format!("meta l4proto {{ tcp, udp }} th {port} {}", dice.pick(&["22", "80", "5060"])),
            3 => format!("{protocol} {port} {} 100", dice.pick(&["<", ">="])),
            _ => format!("{protocol} {port} {}{}", not(dice), dice.pick(&["22", "80", "443", "5060", "20-100"])),
        });
    }
    if dice.chance(25) && chain != "early" {
        parts.push(format!(
            "ct state {}",
            dice.pick(&["new", "established", "new,established", "invalid", "untracked", "{ new, untracked }"])
        ));
    }
    if dice.chance(15) {
        parts.push(format!("meta mark {}", dice.pick(&["1", "!= 1", "& 2 == 2", "0"])));
    }
    if dice.chance(10) && chain == "input" {
        parts.push(format!("iifname {}{}", not(dice), dice.pick(&["\"srv0\"", "\"lo\"", "\"sr*\""])));
    }
    let of_tcp = !parts.iter().any(|part| part.contains("udp") || part.contains("l4proto"));
    if dice.chance(10) && chain == "input" && of_tcp {
        parts.push(dice.pick(&["tcp flags & (syn|ack) == syn", "tcp flags syn", "fib daddr type local"]).to_owned());
    }
    parts.join(" ")
}
