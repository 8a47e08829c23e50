//! Address ranges as FreeSWITCH's lists and FusionPBX's settings write them, and what several of them cover together.

use std::net::IpAddr;

/// A run of addresses of one family, both ends in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    /// Whether it is IPv6.
    pub(crate) six: bool,
    first: u128,
    last: u128,
}

/// The parts of IPv4 that no stranger on the internet has: RFC 6890, multicast and above.
const NOT_PUBLIC: [&str; 12] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
];
const MULTICAST_AND_ABOVE: &str = "224.0.0.0/3";

/// All of IPv6 that is handed out to the public today.
const PUBLIC_SIX: &str = "2000::/3";

impl Range {
    /// The range behind `192.0.2.0/24`, `192.0.2.0/255.255.255.0`, `2001:db8::/32` or one address; `None` if it is none of them.
    /// Host bits that are set are ignored, as FreeSWITCH does.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let (six, bits, value) = match address {
            IpAddr::V4(four) => (false, 32, u128::from(u32::from(four))),
            IpAddr::V6(six) => (true, 128, u128::from(six)),
        };
        let length = match length {
            None => bits,
            Some(length) => prefix_length(length, six)?,
        };
        let free = bits.checked_sub(length)?;
        let mask = if free >= 128 { u128::MAX } else { (1_u128 << free) - 1 };
        Some(Self { six, first: value & !mask, last: (value & !mask) | mask })
    }

    /// How many addresses lie in it, at the most `u128::MAX`.
    pub(crate) const fn size(self) -> u128 {
        (self.last - self.first).saturating_add(1)
    }

    /// The parts of it that do not lie in any of `others`.
    fn without(self, others: &[Self]) -> Vec<Self> {
        let mut rest = vec![self];
        for other in others.iter().filter(|other| other.six == self.six) {
            rest = rest.into_iter().flat_map(|part| part.cut(*other)).collect();
        }
        rest
    }

    /// What is left of it before and behind `other`.
    fn cut(self, other: Self) -> impl Iterator<Item = Self> {
        let six = self.six;
        let before = (self.first < other.first).then(|| Self {
            six,
            first: self.first,
            last: self.last.min(other.first.wrapping_sub(1)),
        });
        let behind = (self.last > other.last).then(|| Self {
            six,
            first: self.first.max(other.last.wrapping_add(1)),
            last: self.last,
        });
        before.into_iter().chain(behind)
    }
}

/// `24`, or for IPv4 also `255.255.255.0`.
fn prefix_length(text: &str, six: bool) -> Option<u32> {
    if six || !text.contains('.') {
        return text.parse().ok();
    }
    let mask = u32::from(text.parse::<std::net::Ipv4Addr>().ok()?);
    (mask.leading_ones() + mask.trailing_zeros() == 32 || mask == 0).then(|| mask.leading_ones())
}

fn public_four() -> Vec<Range> {
    let everything = Range { six: false, first: 0, last: u128::from(u32::MAX) };
    let other: Vec<Range> = NOT_PUBLIC.into_iter().chain([MULTICAST_AND_ABOVE]).filter_map(Range::parse).collect();
    everything.without(&other)
}

/// Which families `ranges` let in whole, taken together: `IPv4`, `IPv6`. Addresses that nobody on the internet has do not count.
pub(crate) fn open_to_all(ranges: &[Range]) -> Vec<&'static str> {
    let covered = |public: &[Range]| public.iter().all(|part| part.without(ranges).is_empty());
    let mut families = Vec::new();
    if covered(&public_four()) {
        families.push("IPv4");
    }
    if Range::parse(PUBLIC_SIX).is_some_and(|six| covered(&[six])) {
        families.push("IPv6");
    }
    families
}

/// The public addresses in `ranges`, joined into runs, each counted once.
pub(crate) fn public_runs(ranges: &[Range]) -> Vec<Range> {
    let mut inside: Vec<Range> = Vec::new();
    let public = public_four().into_iter().chain(Range::parse(PUBLIC_SIX));
    for part in public {
        for range in ranges.iter().filter(|range| range.six == part.six) {
            let (first, last) = (part.first.max(range.first), part.last.min(range.last));
            if first <= last {
                inside.push(Range { six: part.six, first, last });
            }
        }
    }
    inside.sort_by_key(|range| (range.six, range.first));
    let mut runs: Vec<Range> = Vec::new();
    for range in inside {
        match runs.last_mut() {
            Some(run) if run.six == range.six && range.first <= run.last.saturating_add(1) => {
                run.last = run.last.max(range.last);
            }
            _ => runs.push(range),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ranges(texts: &[&str]) -> Vec<Range> {
        texts.iter().map(|text| Range::parse(text).unwrap()).collect()
    }

    #[test]
    fn halves_and_quarters_of_the_world_are_the_world() {
        assert_eq!(open_to_all(&ranges(&["0.0.0.0/0"])), ["IPv4"]);
        assert_eq!(open_to_all(&ranges(&["::/0"])), ["IPv6"]);
        assert_eq!(open_to_all(&ranges(&["0.0.0.0/1", "128.0.0.0/1"])), ["IPv4"]);
        assert_eq!(
            open_to_all(&ranges(&["0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/1", "2000::/4", "3000::/4"])),
            ["IPv4", "IPv6"]
        );
        assert_eq!(open_to_all(&ranges(&["0.0.0.0/0.0.0.0"])), ["IPv4"]);
    }

    #[test]
    fn leaving_out_what_nobody_has_changes_nothing_and_leaving_out_one_stranger_does() {
        let all_but_ten = [
            "1.0.0.0/8",
            "2.0.0.0/7",
            "4.0.0.0/6",
            "8.0.0.0/7",
            "11.0.0.0/8",
            "12.0.0.0/6",
            "16.0.0.0/4",
            "32.0.0.0/3",
            "64.0.0.0/2",
            "128.0.0.0/1",
        ];
        let mut all_but_one = ranges(&["128.0.0.0/1", "64.0.0.0/2", "32.0.0.0/3", "16.0.0.0/4"]);
        let eight = Range::parse("0.0.0.0/4").unwrap().cut(Range::parse("8.8.8.8").unwrap());
        all_but_one.extend(eight);

        assert_eq!(open_to_all(&ranges(&all_but_ten)), ["IPv4"]);
        assert_eq!(open_to_all(&all_but_one), Vec::<&str>::new());
        assert_eq!(open_to_all(&[]), Vec::<&str>::new());
    }

    #[test]
    fn neighbours_join_into_one_run_and_private_ones_do_not_count() {
        let runs = public_runs(&ranges(&["198.52.0.0/17", "198.52.128.0/17", "10.0.0.0/8", "2001:db8::/32"]));

        assert_eq!(runs.iter().map(|run| run.size()).collect::<Vec<_>>(), [65_536, 1 << 96]);
    }

    #[test]
    fn what_is_no_network_is_none() {
        for text in [
            "",
            "localhost",
            "192.0.2.0/33",
            "::/129",
            "192.0.2.0/-1",
            "192.0.2.0/255.0.255.0",
            "1.2.3",
            "example.com/24",
        ] {
            assert_eq!(Range::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_a_range_minus_itself_is_nothing(address in any::<u32>(), length in 0_u32..=32) {
            let text = format!("{}/{length}", std::net::Ipv4Addr::from(address));
            let range = Range::parse(&text).unwrap();

            prop_assert!(range.without(&[range]).is_empty());
            prop_assert_eq!(range.size(), 1_u128 << (32 - length));
        }

        #[test]
        fn no_text_makes_parsing_panic(text in "\\PC{0,60}") {
            let _ = Range::parse(&text);
        }
    }
}
