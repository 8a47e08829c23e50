//! The right side of an nft match as numbers.

use serde_json::Value;

use crate::firewall::address;
use crate::firewall::model::{kind, state};
use crate::firewall::ranges::Ranges;
use crate::firewall::saved::{flag_bits, protocol};

use crate::firewall::nft::field::Reading;

/// One value, range, prefix or element. None when a word is not known.
pub(super) fn one(value: &Value, reading: Reading) -> Option<Ranges> {
    match value {
        Value::Number(number) => Some(Ranges::one(u128::from(number.as_u64()?))),
        Value::Bool(yes) => Some(Ranges::one(u128::from(*yes))),
        Value::String(word) => self::word(word, reading),
        Value::Object(object) => {
            let (name, inside) = object.iter().next()?;
            match name.as_str() {
                "range" => {
                    let ends = inside.as_array()?;
                    let end = |at: usize| Some(one(ends.get(at)?, reading)?.parts().to_vec());
                    Some(Ranges::span(end(0)?.first()?.0, end(1)?.last()?.1))
                }
                "prefix" => {
                    let base: std::net::IpAddr = inside.get("addr")?.as_str()?.parse().ok()?;
                    let length = u32::try_from(inside.get("len")?.as_u64()?).ok()?;
                    let family = address::Family::of(base);
                    let (first, last) = address::prefix(family, address::number(base), length.min(family.bits()));
                    Some(Ranges::span(first, last))
                }
                "elem" => one(inside.get("val")?, reading),
                "set" => many(inside.as_array()?, reading),
                _ => None,
            }
        }
        Value::Array(_) | Value::Null => None,
    }
}

/// All of a list.
pub(super) fn many(values: &[Value], reading: Reading) -> Option<Ranges> {
    let mut parts = Vec::with_capacity(values.len());
    for value in values {
        parts.extend_from_slice(one(value, reading)?.parts());
    }
    Some(Ranges::join(parts))
}

fn word(word: &str, reading: Reading) -> Option<Ranges> {
    let number = match reading {
        Reading::Address if word == "*" => return Some(Ranges::span(0, u128::MAX)),
        Reading::Address => return address::parse(word).map(|(_, ranges)| ranges),
        Reading::Interface => {
            return Some(match word.strip_suffix('*') {
                Some(start) => address::interfaces_from(start),
                None => Ranges::one(address::interface(word)),
            });
        }
        Reading::Protocol => protocol(word)?,
        Reading::State => match word {
            "invalid" => state::INVALID,
            "established" => state::ESTABLISHED,
            "related" => state::RELATED,
            "new" => state::NEW,
            "untracked" => state::UNTRACKED,
            _ => return None,
        },
        Reading::TcpFlags => flag_bits(word)?,
        Reading::Icmp4 => icmp4(word)?,
        Reading::Icmp6 => icmp6(word)?,
        Reading::Kind => match word {
            "unicast" => kind::UNICAST,
            "local" => kind::LOCAL,
            "broadcast" => kind::BROADCAST,
            "multicast" => kind::MULTICAST,
            "unreachable" => kind::UNREACHABLE,
            _ => return None,
        },
        Reading::EtherType => match word {
            "ip" => 0x0800,
            "ip6" => 0x86dd,
            "arp" => 0x0806,
            "vlan" | "8021q" => 0x8100,
            _ => return None,
        },
        Reading::FamilyNumber => match word {
            "ipv4" => 2,
            "ipv6" => 10,
            _ => return None,
        },
        Reading::Direction => match word {
            "original" => 0,
            "reply" => 1,
            _ => return None,
        },
        Reading::Number => match word {
            "*" => return Some(Ranges::span(0, u128::MAX)),
            word => match word.strip_prefix("0x") {
                Some(hex) => u128::from_str_radix(hex, 16).ok()?,
                None => word.parse().ok()?,
            },
        },
    };
    Some(Ranges::one(number))
}

fn icmp4(word: &str) -> Option<u128> {
    Some(match word {
        "echo-reply" => 0,
        "destination-unreachable" => 3,
        "source-quench" => 4,
        "redirect" => 5,
        "echo-request" => 8,
        "router-advertisement" => 9,
        "router-solicitation" => 10,
        "time-exceeded" => 11,
        "parameter-problem" => 12,
        "timestamp-request" => 13,
        "timestamp-reply" => 14,
        "info-request" => 15,
        "info-reply" => 16,
        "address-mask-request" => 17,
        "address-mask-reply" => 18,
        number => number.parse().ok()?,
    })
}

fn icmp6(word: &str) -> Option<u128> {
    Some(match word {
        "destination-unreachable" => 1,
        "packet-too-big" => 2,
        "time-exceeded" => 3,
        "parameter-problem" => 4,
        "echo-request" => 128,
        "echo-reply" => 129,
        "mld-listener-query" => 130,
        "mld-listener-report" => 131,
        "mld-listener-done" | "mld-listener-reduction" => 132,
        "nd-router-solicit" => 133,
        "nd-router-advert" => 134,
        "nd-neighbor-solicit" => 135,
        "nd-neighbor-advert" => 136,
        "nd-redirect" => 137,
        "router-renumbering" => 138,
        "ind-neighbor-solicit" => 141,
        "ind-neighbor-advert" => 142,
        "mld2-listener-report" => 143,
        number => number.parse().ok()?,
    })
}
