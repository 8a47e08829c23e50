//! What an iptables rule does. Sources: `iptables-extensions(8)`, `net/netfilter/xt_*.c`.

use std::collections::HashMap;

use crate::firewall::address::{self, Family};
use crate::firewall::model::{Action, Cause, CauseKind, Marked};
use crate::firewall::saved::matches::{Target, number};

/// Targets that leave a packet's way as it is.
const IDLE: &[&str] = &[
    "",
    "LOG",
    "NFLOG",
    "ULOG",
    "DSCP",
    "TOS",
    "TTL",
    "HL",
    "TCPMSS",
    "CLASSIFY",
    "TEE",
    "TRACE",
    "CHECKSUM",
    "ECN",
    "AUDIT",
    "SECMARK",
    "CONNSECMARK",
    "IDLETIMER",
    "LED",
    "RATEEST",
    "SET",
    "TCPOPTSTRIP",
    "HMARK",
];

/// The actions of a rule.
pub(super) fn read(target: &Target, family: Family, chains: &HashMap<String, usize>) -> Vec<Action> {
    if let Some(place) = chains.get(target.name) {
        return vec![if target.goes { Action::Goto(*place) } else { Action::Jump(*place) }];
    }
    let option = |name: &str| {
        let at = target.options.iter().position(|word| *word == name)?;
        Some(target.options.get(at + 1).copied().unwrap_or(""))
    };
    let known = match target.name {
        name if IDLE.contains(&name) => Some(Action::Continue),
        "ACCEPT" => Some(Action::Accept),
        "DROP" => Some(Action::Drop),
        "REJECT" => Some(Action::Reject),
        "RETURN" => Some(Action::Return),
        "NOTRACK" => Some(Action::Untrack),
        "CT" if option("--notrack").is_some() => Some(Action::Untrack),
        "CT" if option("--zone").is_none() && option("--zone-orig").is_none() => Some(Action::Continue),
        "MARK" => {
            option("--set-xmark").and_then(xmark).map(|(value, mask)| Action::Mark(Marked::Packet, mask, value))
        }
        "CONNMARK" => Some(connection_mark(&option)),
        "DNAT" => option("--to-destination").and_then(|to| destination(to, family)),
        "REDIRECT" => Some(Action::Redirect(option("--to-ports").and_then(port_span))),
        "SNAT" | "MASQUERADE" => Some(Action::Source),
        _ => None,
    };
    let text = format!("-j {} {}", target.name, target.options.join(" "));
    let asked = matches!(target.name, "QUEUE" | "NFQUEUE");
    let kind = if asked { CauseKind::Program } else { CauseKind::Unknown };
    vec![known.unwrap_or(Action::Unsure(Cause { kind, text: text.trim_end().to_owned() }))]
}

fn xmark(text: &str) -> Option<(u32, u32)> {
    let (value, mask) = text.split_once('/').unwrap_or((text, "0xffffffff"));
    Some((number(value)?, number(mask)?))
}

fn connection_mark<'a>(option: &impl Fn(&str) -> Option<&'a str>) -> Action {
    let whole = |name: &str| option(name).is_none_or(|mask| mask == "0xffffffff");
    if option("--save-mark").is_some() && whole("--nfmask") && whole("--ctmask") {
        return Action::CopyMark { to: Marked::Connection };
    }
    if option("--restore-mark").is_some() && whole("--nfmask") && whole("--ctmask") {
        return Action::CopyMark { to: Marked::Packet };
    }
    let touched = if option("--restore-mark").is_some() { Marked::Packet } else { Marked::Connection };
    match option("--set-xmark").and_then(xmark) {
        Some((value, mask)) => Action::Mark(Marked::Connection, mask, value),
        None => Action::MarkUnknown(touched),
    }
}

/// `address`, `address:port`, `:port`, `[v6]:port`; ports may be a range, and so may addresses, which then nobody can tell.
fn destination(text: &str, family: Family) -> Option<Action> {
    let (host, port) = match family {
        Family::V4 => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
        Family::V6 => match text.strip_prefix('[') {
            Some(rest) => rest.split_once(']').map(|(host, port)| (host, port.strip_prefix(':')))?,
            None => (text, None),
        },
    };
    let port = match port {
        Some(port) => Some(port_span(port)?),
        None => None,
    };
    if host.is_empty() {
        return Some(Action::Destination(None, port));
    }
    let (found, ranges) = address::parse(host)?;
    (found == family).then_some(Action::Destination(Some(ranges.only()?), port))
}

fn port_span(text: &str) -> Option<(u128, u128)> {
    // `a-b/c` shifts by a base port; the span is the same.
    let text = text.split_once('/').map_or(text, |(ports, _)| ports);
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((first.parse().ok()?, last.parse().ok()?))
}
