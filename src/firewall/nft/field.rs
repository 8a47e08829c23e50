//! The left side of an nft match: what is compared, and what must hold for it to be there at all.

use serde_json::Value;

use crate::firewall::model::{Condition, Field, state};
use crate::firewall::ranges::Ranges;

/// How the words on the right side are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Reading {
    Address,
    Number,
    Protocol,
    Interface,
    State,
    TcpFlags,
    Icmp4,
    Icmp6,
    Kind,
    EtherType,
    FamilyNumber,
    Direction,
}

/// A field with its reading, and the conditions without which it is not there: nft then leaves the rule.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) field: Field,
    pub(super) reading: Reading,
    pub(super) needs: Vec<Condition>,
}

/// None: not a field that is known here.
pub(super) fn read(value: &Value) -> Option<Left> {
    let (name, inside) = value.as_object()?.iter().next()?;
    match name.as_str() {
        "payload" => payload(text(inside, "protocol"), text(inside, "field")),
        "meta" => meta(text(inside, "key")),
        "ct" => connection(text(inside, "key"), text(inside, "dir")),
        "fib" => routing(inside),
        _ => None,
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or("")
}

fn left(field: Field, reading: Reading, needs: Vec<Condition>) -> Left {
    Left { field, reading, needs }
}

fn family(number: u128) -> Vec<Condition> {
    vec![Condition::is(Field::FamilyNumber, number)]
}

fn payload(protocol: &str, field: &str) -> Option<Left> {
    let carried = |number: u128| vec![Condition::is(Field::Protocol, number)];
    let ports = match protocol {
        "tcp" => Some(carried(6)),
        "udp" => Some(carried(17)),
        "sctp" => Some(carried(132)),
        "dccp" => Some(carried(33)),
        "udplite" => Some(carried(136)),
        "th" => Some(Vec::new()),
        _ => None,
    };
    let found = match (protocol, field, ports) {
        (_, "sport", Some(needs)) => left(Field::SourcePort, Reading::Number, needs),
        (_, "dport", Some(needs)) => left(Field::DestinationPort, Reading::Number, needs),
        ("tcp", "flags", Some(needs)) => left(Field::TcpFlags, Reading::TcpFlags, needs),
        ("ip", "saddr", _) => left(Field::Source, Reading::Address, family(2)),
        ("ip", "daddr", _) => left(Field::Destination, Reading::Address, family(2)),
        ("ip6", "saddr", _) => left(Field::Source, Reading::Address, family(10)),
        ("ip6", "daddr", _) => left(Field::Destination, Reading::Address, family(10)),
        ("ip", "protocol", _) => left(Field::Protocol, Reading::Protocol, family(2)),
        ("ip6", "nexthdr", _) => left(Field::Protocol, Reading::Protocol, family(10)),
        ("icmp", "type", _) => left(Field::IcmpType, Reading::Icmp4, carried(1)),
        ("icmp", "code", _) => left(Field::IcmpCode, Reading::Number, carried(1)),
        ("icmpv6", "type", _) => left(Field::IcmpType, Reading::Icmp6, carried(58)),
        ("icmpv6", "code", _) => left(Field::IcmpCode, Reading::Number, carried(58)),
        ("ether", "type", _) => left(Field::EtherType, Reading::EtherType, Vec::new()),
        _ => return None,
    };
    Some(found)
}

fn meta(key: &str) -> Option<Left> {
    let (field, reading) = match key {
        "iif" | "iifname" => (Field::InInterface, Reading::Interface),
        "oif" | "oifname" => (Field::OutInterface, Reading::Interface),
        "l4proto" => (Field::Protocol, Reading::Protocol),
        "nfproto" => (Field::FamilyNumber, Reading::FamilyNumber),
        "protocol" => (Field::EtherType, Reading::EtherType),
        "mark" => (Field::Mark, Reading::Number),
        _ => return None,
    };
    Some(left(field, reading, Vec::new()))
}

fn connection(key: &str, direction: &str) -> Option<Left> {
    let tracked = || Condition::within(Field::State, Ranges::span(state::ESTABLISHED, state::NEW));
    let of_family = |number: u128| vec![tracked(), Condition::is(Field::FamilyNumber, number)];
    let found = match (key, direction) {
        ("state", _) => left(Field::State, Reading::State, Vec::new()),
        ("direction", _) => left(Field::Direction, Reading::Direction, vec![tracked()]),
        ("mark", _) => left(Field::ConnectionMark, Reading::Number, vec![tracked()]),
        ("ip saddr", "original") => left(Field::OriginalSource, Reading::Address, of_family(2)),
        ("ip daddr", "original") => left(Field::OriginalDestination, Reading::Address, of_family(2)),
        ("ip6 saddr", "original") => left(Field::OriginalSource, Reading::Address, of_family(10)),
        ("ip6 daddr", "original") => left(Field::OriginalDestination, Reading::Address, of_family(10)),
        ("proto-src", "original") => left(Field::OriginalSourcePort, Reading::Number, vec![tracked()]),
        ("proto-dst", "original") => left(Field::OriginalDestinationPort, Reading::Number, vec![tracked()]),
        ("protocol", "original") => left(Field::Protocol, Reading::Protocol, vec![tracked()]),
        _ => return None,
    };
    Some(found)
}

fn routing(inside: &Value) -> Option<Left> {
    let flags: Vec<&str> = match inside.get("flags")? {
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        Value::String(one) => vec![one],
        _ => return None,
    };
    let found = match (text(inside, "result"), flags.as_slice()) {
        ("type", ["saddr"]) => left(Field::SourceKind, Reading::Kind, Vec::new()),
        ("type", ["daddr"]) => left(Field::DestinationKind, Reading::Kind, Vec::new()),
        ("oif" | "oifname" | "check", ["saddr", "iif"] | ["iif", "saddr"]) => {
            left(Field::ReversePath, Reading::Number, Vec::new())
        }
        ("oif" | "oifname" | "check", ["saddr"]) => left(Field::AnyReversePath, Reading::Number, Vec::new()),
        _ => return None,
    };
    Some(found)
}
