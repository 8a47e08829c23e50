//! Addresses, networks and interface names as numbers, and back.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::firewall::ranges::Ranges;

/// IPv4 or IPv6. Each has rules of its own, and is judged for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// How many bits an address has.
    #[must_use]
    pub fn bits(self) -> u32 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }

    /// Every address.
    #[must_use]
    pub fn everyone(self) -> Ranges {
        match self {
            Self::V4 => Ranges::span(0, u128::from(u32::MAX)),
            Self::V6 => Ranges::span(0, u128::MAX),
        }
    }

    /// The family of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// What people call it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        }
    }
}

/// An address as a number.
#[must_use]
pub fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(u32::from(v4)),
        IpAddr::V6(v6) => u128::from(v6),
    }
}

/// A number as an address of that family.
#[must_use]
pub fn address(family: Family, number: u128) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX))),
        Family::V6 => IpAddr::V6(Ipv6Addr::from(number)),
    }
}

/// The range that `address/length` covers, whatever stands in its last bits.
#[must_use]
pub fn prefix(family: Family, number: u128, length: u32) -> (u128, u128) {
    let free = family.bits().saturating_sub(length);
    let below = if free >= 128 { u128::MAX } else { (1_u128 << free) - 1 };
    (number & !below, number | below)
}

/// Reads `a`, `a/length`, `a/mask` or `a-b`. A mask with holes in it is `None`, as is anything else.
#[must_use]
pub fn parse(text: &str) -> Option<(Family, Ranges)> {
    if let Some((first, last)) = text.split_once('-') {
        let (first, last): (IpAddr, IpAddr) = (first.parse().ok()?, last.parse().ok()?);
        let family = Family::of(first);
        return (family == Family::of(last)).then(|| (family, Ranges::span(number(first), number(last))));
    }
    let (base, length) = text.split_once('/').map_or((text, None), |(base, length)| (base, Some(length)));
    let base: IpAddr = base.parse().ok()?;
    let family = Family::of(base);
    let length = match length {
        None => family.bits(),
        Some(length) => length.parse().ok().or_else(|| mask_length(family, length))?,
    };
    if length > family.bits() {
        return None;
    }
    let (first, last) = prefix(family, number(base), length);
    Some((family, Ranges::span(first, last)))
}

/// The length of a mask such as `255.255.255.0`, if its ones all stand in front.
fn mask_length(family: Family, text: &str) -> Option<u32> {
    let mask: IpAddr = text.parse().ok()?;
    if Family::of(mask) != family {
        return None;
    }
    let length = number(mask).count_ones();
    (prefix(family, 0, length).1 ^ family.everyone().parts().first()?.1 == number(mask)).then_some(length)
}

/// A range of addresses as people write it: one address, a network, or `a-b`.
#[must_use]
pub fn written(family: Family, first: u128, last: u128) -> String {
    if first == last {
        return address(family, first).to_string();
    }
    for length in 0..family.bits() {
        if prefix(family, first, length) == (first, last) {
            return format!("{}/{length}", address(family, first));
        }
    }
    format!("{}-{}", address(family, first), address(family, last))
}

/// An interface's name as a number: its bytes in front, zeros behind, as the kernel compares it.
#[must_use]
pub fn interface(name: &str) -> u128 {
    let mut bytes = [0; 16];
    for (place, byte) in bytes.iter_mut().zip(name.bytes().take(15)) {
        *place = byte;
    }
    u128::from_be_bytes(bytes)
}

/// The interfaces whose names begin with `start`.
#[must_use]
pub fn interfaces_from(start: &str) -> Ranges {
    let mut last = [255; 16];
    for (place, byte) in last.iter_mut().zip(start.bytes().take(15)) {
        *place = byte;
    }
    Ranges::span(interface(start), u128::from_be_bytes(last))
}

#[cfg(test)]
mod tests {
    use super::{Family, interface, interfaces_from, parse, written};

    #[test]
    fn networks_are_read_in_each_way_they_are_written_and_written_back() {
        for text in ["10.8.0.0/24", "192.0.2.1", "0.0.0.0/0", "fd08::/64", "::/0", "192.0.2.5-192.0.2.20"] {
            let (family, ranges) = parse(text).expect("a network");
            let (first, last) = ranges.parts()[0];

            assert_eq!(written(family, first, last), text);
        }
        assert_eq!(parse("10.0.0.0/255.255.255.0"), parse("10.0.0.0/24"));
        assert_eq!(parse("10.0.0.1/0.0.0.255"), None);
        assert_eq!(parse("10.0.0.0/33"), None);
        assert_eq!(parse("192.0.2.1-fd08::1"), None);
        assert_eq!(Family::V4.everyone(), parse("0.0.0.0/0").expect("everyone").1);
    }

    #[test]
    fn an_interface_pattern_holds_the_names_that_begin_with_it() {
        let vpn = interfaces_from("wg");

        assert!(vpn.has(interface("wg0")) && vpn.has(interface("wg")) && vpn.has(interface("wg-office-1")));
        assert!(!vpn.has(interface("eth0")) && !vpn.has(interface("w")));
    }
}
