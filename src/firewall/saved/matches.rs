//! What an iptables rule asks. Sources: `iptables-extensions(8)`, `net/netfilter/xt_*.c`.

use std::sync::Arc;

use crate::firewall::address::{self, Family};
use crate::firewall::model::{CauseKind, Condition, Field, kind};
use crate::firewall::ranges::Ranges;
use crate::firewall::saved::conntrack;
use crate::firewall::sets::Sets;

/// One option of a match: whether `!` stands before it, its name, its arguments.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) negated: bool,
    pub(super) name: &'a str,
    pub(super) arguments: Vec<&'a str>,
}

impl Asked<'_> {
    pub(super) fn first(&self) -> &str {
        self.arguments.first().copied().unwrap_or("")
    }

    /// As it stands in the rule.
    pub(super) fn text(&self) -> String {
        let not = if self.negated { "! " } else { "" };
        format!("{not}{} {}", self.name, self.arguments.join(" ")).trim_end().to_owned()
    }
}

/// What a rule does, with the options behind it.
#[derive(Debug, Default)]
pub(super) struct Target<'a> {
    pub(super) name: &'a str,
    pub(super) goes: bool,
    pub(super) options: Vec<&'a str>,
}

/// The conditions of a rule, its target and its comment.
pub(super) fn read<'a>(
    words: &[&'a str],
    family: Family,
    sets: &Sets,
) -> (Vec<Condition>, Target<'a>, Option<String>) {
    let (mut conditions, mut comment) = (Vec::new(), None);
    let mut target = Target::default();
    let mut module: Option<(&str, Vec<Asked>)> = None;
    let mut at = 0;
    while let Some(word) = words.get(at).copied() {
        let negated = word == "!";
        let name = if negated { words.get(at + 1).copied().unwrap_or("") } else { word };
        let from = at + 1 + usize::from(negated);
        if matches!(name, "-j" | "--jump" | "-g" | "--goto") {
            let options = words.get(from + 1..).unwrap_or_default().to_vec();
            target = Target { name: words.get(from).copied().unwrap_or(""), goes: name.starts_with("-g"), options };
            break;
        }
        let count = arguments(name, words.get(from..).unwrap_or_default());
        let given = words.get(from..from + count).unwrap_or_default().to_vec();
        at = from + count;
        if matches!(name, "-m" | "--match") {
            finish(module.take(), family, sets, &mut conditions, &mut comment);
            module = Some((given.first().copied().unwrap_or(""), Vec::new()));
            continue;
        }
        let asked = Asked { negated, name, arguments: given };
        if let Some(condition) = basic(&asked, family) {
            conditions.push(condition);
        } else if let Some((_, options)) = &mut module {
            options.push(asked);
        } else {
            // `-p tcp --dport 22` without `-m tcp`, as people write it.
            module = Some((if name.starts_with("--icmp") { "icmp" } else { "tcp" }, vec![asked]));
        }
    }
    finish(module, family, sets, &mut conditions, &mut comment);
    (conditions, target, comment)
}

/// How many of the words behind an option belong to it.
fn arguments(name: &str, behind: &[&str]) -> usize {
    let fixed = match name {
        "-s" | "-d" | "-i" | "-o" | "-p" | "-m" | "--source" | "--destination" | "--match" | "--comment"
        | "--string" | "--hex-string" | "--u32" | "--bytecode" | "--name" | "--hashlimit-name" => Some(1),
        "--tcp-flags" | "--match-set" => Some(2),
        "-f" | "--fragment" | "-4" | "-6" => Some(0),
        _ => None,
    };
    let until = || behind.iter().position(|word| word.starts_with("--") || is_option(word)).unwrap_or(behind.len());
    fixed.unwrap_or_else(until).min(behind.len())
}

fn is_option(word: &str) -> bool {
    word == "!" || matches!(word, "-m" | "-j" | "-g" | "-s" | "-d" | "-i" | "-o" | "-p" | "-f")
}

fn basic(asked: &Asked, family: Family) -> Option<Condition> {
    let value = asked.first();
    let plain = match asked.name {
        "-s" | "--source" => addressed(Field::Source, value, family),
        "-d" | "--destination" => addressed(Field::Destination, value, family),
        "-i" | "--in-interface" => interface(Field::InInterface, value),
        "-o" | "--out-interface" => interface(Field::OutInterface, value),
        "-p" | "--protocol" => match protocol(value) {
            Some(0) => Condition::always(),
            Some(number) => Condition::is(Field::Protocol, number),
            None => Condition::unsure(CauseKind::Unknown, &asked.text()),
        },
        // The first packets of a conversation are no later fragments, and what is tracked is put together again.
        "-f" | "--fragment" => Condition::never(),
        "-4" | "-6" => Condition::always(),
        _ => return None,
    };
    Some(plain.negated_if(asked.negated))
}

/// A protocol's number, by number or by name.
pub(in crate::firewall) fn protocol(text: &str) -> Option<u128> {
    Some(match text {
        "all" | "ip" => 0,
        "icmp" => 1,
        "igmp" => 2,
        "ipencap" => 4,
        "tcp" => 6,
        "udp" => 17,
        "dccp" => 33,
        "ipv6" => 41,
        "gre" => 47,
        "esp" | "ipv6-crypt" => 50,
        "ah" | "ipv6-auth" => 51,
        "icmpv6" | "ipv6-icmp" => 58,
        "ospf" | "ospfigp" => 89,
        "pim" => 103,
        "comp" | "ipcomp" => 108,
        "vrrp" => 112,
        "sctp" => 132,
        "mh" | "mobility-header" | "ipv6-mh" => 135,
        "udplite" => 136,
        number => number.parse().ok()?,
    })
}

fn addressed(field: Field, text: &str, family: Family) -> Condition {
    if let Some((found, ranges)) = address::parse(text) {
        return if found == family { Condition::within(field, ranges) } else { Condition::never() };
    }
    let masked = || {
        let (base, mask) = text.split_once('/')?;
        let (base, mask) = (base.parse().ok()?, mask.parse().ok()?);
        let (base, mask) = (address::number(base), address::number(mask));
        Some(Condition::Masked(field, mask, Arc::new(Ranges::one(base & mask))))
    };
    masked().unwrap_or_else(|| Condition::unsure(CauseKind::Unknown, text))
}

fn interface(field: Field, text: &str) -> Condition {
    match text.strip_suffix('+') {
        Some("") => Condition::always(),
        Some(start) => Condition::within(field, address::interfaces_from(start)),
        None => Condition::is(field, address::interface(text)),
    }
}

/// Numbers written `a`, `a:b`, `:b`, `a:` with commas between. None when one is not a number.
pub(super) fn numbers(text: &str, largest: u128) -> Option<Ranges> {
    let mut parts = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once([':', '-']).unwrap_or((part, part));
        let first = if first.is_empty() { 0 } else { first.parse().ok()? };
        let last = if last.is_empty() { largest } else { last.parse().ok()? };
        parts.push((first, last));
    }
    Some(Ranges::join(parts))
}

fn ports(field: Field, text: &str) -> Option<Condition> {
    numbers(text, 65535).map(|ranges| Condition::within(field, ranges))
}

type Module<'a> = Option<(&'a str, Vec<Asked<'a>>)>;

fn finish(
    module: Module,
    family: Family,
    sets: &Sets,
    conditions: &mut Vec<Condition>,
    comment: &mut Option<String>,
) {
    let Some((name, options)) = module else { return };
    if name == "comment" {
        *comment = options.first().map(|asked| asked.first().to_owned());
        return;
    }
    if let Some(kind) = unanswerable(name) {
        let text: Vec<String> = options.iter().map(Asked::text).collect();
        conditions.push(Condition::unsure(kind, &format!("-m {name} {}", text.join(" "))));
        return;
    }
    if let Some(whole) = whole(name, &options) {
        conditions.push(whole);
        return;
    }
    for asked in &options {
        let answered = one(name, asked, family, sets).map(|condition| condition.negated_if(asked.negated));
        let text = || format!("-m {name} {}", asked.text());
        conditions.push(answered.unwrap_or_else(|| Condition::unsure(CauseKind::Unknown, &text())));
    }
}

/// Matches that look at what rules cannot know.
fn unanswerable(name: &str) -> Option<CauseKind> {
    Some(match name {
        "limit" | "hashlimit" | "connlimit" | "statistic" | "quota" | "connbytes" | "rateest" => CauseKind::Rate,
        "time" => CauseKind::Time,
        "mac" | "ttl" | "hl" | "dscp" | "tos" | "ecn" | "tcpmss" | "ipv6header" | "rt" | "frag" | "hbh" | "dst"
        | "policy" | "ah" | "esp" => CauseKind::Header,
        _ => return None,
    })
}

/// Matches whose options only make sense together.
fn whole(name: &str, options: &[Asked]) -> Option<Condition> {
    let has = |wanted: &str| options.iter().any(|asked| asked.name == wanted && !asked.negated);
    let text = || {
        let parts: Vec<String> = options.iter().map(Asked::text).collect();
        format!("-m {name} {}", parts.join(" "))
    };
    match name {
        "string" => {
            let asked = options.iter().find(|asked| matches!(asked.name, "--string" | "--hex-string"))?;
            let found = Condition::unsure(CauseKind::Payload, &text());
            // The opening packets of TCP carry nothing, and four letters do not stand in headers by chance.
            let plain = asked.name == "--string" && asked.first().len() >= 4;
            let found = if plain { Condition::All(vec![Condition::is(Field::Carries, 1), found]) } else { found };
            Some(found.negated_if(asked.negated))
        }
        // --set notes the address and matches always; the others ask what was noted before.
        "recent" if has("--set") => Some(Condition::always()),
        "recent" => Some(Condition::unsure(CauseKind::Rate, &text())),
        "rpfilter" => {
            let field = if has("--loose") { Field::AnyReversePath } else { Field::ReversePath };
            Some(Condition::is(field, 1).negated_if(has("--invert")))
        }
        "addrtype" if options.iter().any(|asked| asked.name.starts_with("--limit-iface")) => {
            Some(Condition::unsure(CauseKind::Unknown, &text()))
        }
        "nfacct" => Some(Condition::always()),
        // The first packet of a connection that nothing announced has no helper.
        "helper" => Some(Condition::never().negated_if(options.iter().any(|asked| asked.negated))),
        "conntrack" | "state" => Some(conntrack::read(options)),
        _ => None,
    }
}

fn one(module: &str, asked: &Asked, family: Family, sets: &Sets) -> Option<Condition> {
    let value = asked.first();
    match (module, asked.name) {
        ("tcp", "--tcp-flags") => flags(asked),
        ("tcp", "--syn") => Some(Condition::Masked(Field::TcpFlags, 0x17, Arc::new(Ranges::one(0x02)))),
        ("tcp", "--tcp-option") => Some(Condition::unsure(CauseKind::Header, &asked.text())),
        ("sctp", "--chunk-types") | ("dccp", _) if !asked.name.ends_with("port") => {
            Some(Condition::unsure(CauseKind::Payload, &asked.text()))
        }
        ("tcp" | "udp" | "sctp" | "dccp" | "udplite" | "multiport", name) => match name {
            "--sport" | "--source-port" | "--sports" | "--source-ports" => ports(Field::SourcePort, value),
            "--dport" | "--destination-port" | "--dports" | "--destination-ports" => {
                ports(Field::DestinationPort, value)
            }
            "--ports" | "--port" => {
                Some(Condition::Any(vec![ports(Field::SourcePort, value)?, ports(Field::DestinationPort, value)?]))
            }
            _ => None,
        },
        ("icmp" | "icmp6" | "icmpv6", "--icmp-type" | "--icmpv6-type") => icmp(value, family),
        ("iprange", "--src-range") => Some(addressed(Field::Source, value, family)),
        ("iprange", "--dst-range") => Some(addressed(Field::Destination, value, family)),
        ("mark", "--mark") => mark(Field::Mark, value),
        ("connmark", "--mark") => mark(Field::ConnectionMark, value),
        ("addrtype", "--src-type") => kinds(Field::SourceKind, value),
        ("addrtype", "--dst-type") => kinds(Field::DestinationKind, value),
        ("set", "--match-set") => Some(sets.condition(value, asked.arguments.get(1).unwrap_or(&""), family)),
        ("set", "--update-counters" | "--update-subcounters") => Some(Condition::always().negated_if(asked.negated)),
        ("pkttype", "--pkt-type") if value == "unicast" => Some(Condition::always()),
        ("pkttype", "--pkt-type") => Some(Condition::unsure(CauseKind::Header, &asked.text())),
        ("length", "--length") => {
            let lengths = numbers(value, 65535)?;
            let any = lengths.covers(&Ranges::span(20, 65535));
            Some(if any { Condition::always() } else { Condition::unsure(CauseKind::Header, &asked.text()) })
        }
        _ => None,
    }
}

fn mark(field: Field, text: &str) -> Option<Condition> {
    let (value, mask) = text.split_once('/').unwrap_or((text, "0xffffffff"));
    let (value, mask) = (number(value)?, number(mask)?);
    Some(Condition::Masked(field, u128::from(mask), Arc::new(Ranges::one(u128::from(value)))))
}

/// `12` or `0xc`.
pub(super) fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

fn flags(asked: &Asked) -> Option<Condition> {
    let [mask, set] = asked.arguments.as_slice() else { return None };
    let (mask, set) = (flag_bits(mask)?, flag_bits(set)?);
    Some(Condition::Masked(Field::TcpFlags, mask, Arc::new(Ranges::one(set))))
}

/// The bits of TCP flags named with commas between.
pub(in crate::firewall) fn flag_bits(names: &str) -> Option<u128> {
    let mut bits = 0;
    for name in names.split(',') {
        bits |= match name.to_ascii_uppercase().as_str() {
            "FIN" => 0x01,
            "SYN" => 0x02,
            "RST" => 0x04,
            "PSH" => 0x08,
            "ACK" => 0x10,
            "URG" => 0x20,
            "ECN" | "ECE" => 0x40,
            "CWR" => 0x80,
            "ALL" => 0x3f,
            "NONE" => 0,
            _ => return None,
        };
    }
    Some(bits)
}

fn icmp(text: &str, family: Family) -> Option<Condition> {
    let (name, code) = text.split_once('/').map_or((text, None), |(name, code)| (name, Some(code)));
    let named = match (name, family) {
        ("any", _) | ("255", Family::V4) => return Some(Condition::always()),
        ("echo-request" | "ping", Family::V4) => 8,
        ("echo-reply" | "pong", Family::V4) | ("destination-unreachable", Family::V6) => 0,
        ("destination-unreachable", Family::V4) => 3,
        ("time-exceeded", Family::V4) => 11,
        ("echo-request", Family::V6) => 128,
        ("echo-reply", Family::V6) => 129,
        ("router-solicitation", _) => 133,
        ("router-advertisement", _) => 134,
        ("neighbour-solicitation" | "neighbor-solicitation", _) => 135,
        ("neighbour-advertisement" | "neighbor-advertisement", _) => 136,
        (number, _) => number.parse().ok()?,
    };
    let kind = Condition::is(Field::IcmpType, named);
    match code {
        None => Some(kind),
        Some(code) => Some(Condition::All(vec![kind, Condition::is(Field::IcmpCode, code.parse().ok()?)])),
    }
}

fn kinds(field: Field, text: &str) -> Option<Condition> {
    let mut all = Vec::new();
    for name in text.split(',') {
        let number = match name {
            "UNICAST" => kind::UNICAST,
            "LOCAL" => kind::LOCAL,
            "BROADCAST" => kind::BROADCAST,
            "MULTICAST" => kind::MULTICAST,
            "UNREACHABLE" => kind::UNREACHABLE,
            "ANYCAST" | "BLACKHOLE" | "PROHIBIT" | "THROW" | "NAT" | "XRESOLVE" | "UNSPEC" => continue,
            _ => return None,
        };
        all.push((number, number));
    }
    Some(Condition::within(field, Ranges::join(all)))
}
