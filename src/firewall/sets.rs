//! Reads what `ipset save` prints, and turns `-m set --match-set NAME src,dst` into a condition.
//! Sources: `ipset(8)`, `net/netfilter/ipset/`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::firewall::address::{self, Family};
use crate::firewall::model::{CauseKind, Condition, Entries, Field};
use crate::firewall::ranges::Ranges;
use crate::firewall::saved::protocol;

/// All sets of a host.
#[derive(Clone, Debug, Default)]
pub struct Sets {
    all: BTreeMap<String, Set>,
    changing: BTreeSet<String>,
    /// Lines that could not be read.
    pub unread: Vec<String>,
}

#[derive(Clone, Debug, Default)]
struct Set {
    parts: Vec<Part>,
    family: Option<Family>,
    netmask: Option<u32>,
    /// Ways of counting that are not known here.
    odd: bool,
    listed: Vec<String>,
    entries: Vec<Entry>,
    /// All entries of a set with one part, most special first.
    single: Arc<Ranges>,
    tuples: Entries,
    exceptions: Entries,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Address,
    Port,
    Interface,
    Hardware,
    Mark,
    List,
}

#[derive(Clone, Debug)]
struct Entry {
    /// One set of numbers for each field: a port has two, its protocol first.
    fields: Vec<Ranges>,
    exception: bool,
}

impl Sets {
    /// Reads `ipset save`.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut all = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let read = match words.as_slice() {
                ["create" | "-N", name, kind, options @ ..] => all.create(name, kind, options),
                ["add" | "-A", name, entry, options @ ..] => all.add(name, entry, options),
                _ => None,
            };
            if read.is_none() {
                all.unread.push(line.to_owned());
            }
        }
        for set in all.all.values_mut() {
            set.finish();
        }
        all
    }

    /// Says that rules put packets into this set or take them out, so that nobody can tell what is in it.
    pub fn changes(&mut self, name: &str) {
        self.changing.insert(name.to_owned());
    }

    fn create(&mut self, name: &str, kind: &str, options: &[&str]) -> Option<()> {
        let after = |word: &str| options.iter().position(|found| *found == word).and_then(|at| options.get(at + 1));
        let (_, parts) = kind.split_once(':')?;
        let parts: Option<Vec<Part>> = parts.split(',').map(part).collect();
        let parts = parts?;
        let by_address = parts.contains(&Part::Address);
        let family = by_address.then_some(match after("family") {
            Some(&"inet6") => Family::V6,
            _ => Family::V4,
        });
        let netmask = after("netmask").and_then(|length| length.parse().ok());
        let odd = options.contains(&"bitmask") || options.contains(&"markmask");
        self.all.insert(name.to_owned(), Set { parts, family, netmask, odd, ..Set::default() });
        Some(())
    }

    fn add(&mut self, name: &str, entry: &str, options: &[&str]) -> Option<()> {
        let set = self.all.get_mut(name)?;
        if set.parts == [Part::List] {
            set.listed.push(entry.to_owned());
            return Some(());
        }
        let pieces: Vec<&str> = entry.split(',').collect();
        let mut fields = Vec::new();
        for (part, piece) in set.parts.iter().zip(&pieces) {
            match part {
                Part::Address => fields.push(set.addresses(piece)?),
                Part::Port => {
                    let (name, port) = piece.split_once(':').unwrap_or(("", piece));
                    let carried = if name.is_empty() { with_ports() } else { Ranges::one(protocol(name)?) };
                    // ICMP entries hold a type and a code, which no port can equal.
                    let ports = if name.contains("icmp") { None } else { ports(port) };
                    fields.extend([carried, ports.unwrap_or_else(|| Ranges::span(1 << 20, 1 << 21))]);
                }
                Part::Interface => fields.push(Ranges::one(address::interface(piece))),
                Part::Hardware | Part::Mark => fields.push(Ranges::none()),
                Part::List => return None,
            }
        }
        let whole = pieces.len() == set.parts.len() && !entry.contains("physdev:") && !entry.contains("icmp");
        set.odd |= !whole;
        set.entries.push(Entry { fields, exception: options.contains(&"nomatch") });
        Some(())
    }

    /// Whether the packet is in the set.
    #[must_use]
    pub fn condition(&self, name: &str, directions: &str, family: Family) -> Condition {
        let directions: Vec<bool> = directions.split(',').map(|direction| direction == "src").collect();
        self.asked(name, &directions, family, 0)
    }

    fn asked(&self, name: &str, directions: &[bool], family: Family, depth: usize) -> Condition {
        let words = format!("-m set --match-set {name}");
        let Some(set) = self.all.get(name).filter(|_| depth < 3) else {
            return Condition::unsure(CauseKind::Unknown, &words);
        };
        if self.changing.contains(name) {
            return Condition::unsure(CauseKind::Changing, &words);
        }
        if set.parts == [Part::List] {
            let listed = set.listed.iter().map(|name| self.asked(name, directions, family, depth + 1));
            return Condition::Any(listed.collect());
        }
        if set.family.is_some_and(|of| of != family) {
            return Condition::never();
        }
        if set.odd || set.parts.iter().any(|part| matches!(part, Part::Hardware | Part::Mark)) {
            return Condition::unsure(CauseKind::Unknown, &words);
        }
        let fields = set.fields(directions);
        match (fields.as_slice(), set.exceptions.is_empty()) {
            ([field], _) => Condition::In(*field, set.single.clone()),
            (_, true) => Condition::Tuple(fields, set.tuples.clone()),
            // An exception holds where it is the narrower one. Which one is narrower takes both parts together.
            (_, false) => Condition::All(vec![
                Condition::Tuple(fields.clone(), set.tuples.clone()),
                Condition::Any(vec![
                    Condition::Not(Box::new(Condition::Tuple(fields, set.exceptions.clone()))),
                    Condition::unsure(CauseKind::Unknown, &words),
                ]),
            ]),
        }
    }
}

impl Set {
    fn addresses(&self, text: &str) -> Option<Ranges> {
        let (family, ranges) = address::parse(text)?;
        let (Some(netmask), Some(first)) = (self.netmask, ranges.first()) else { return Some(ranges) };
        let (first, last) = address::prefix(family, first, netmask);
        Some(Ranges::span(first, last))
    }

    /// What each part of an entry is compared with. A direction that is not given means the destination.
    fn fields(&self, directions: &[bool]) -> Vec<Field> {
        let mut fields = Vec::new();
        for (at, part) in self.parts.iter().enumerate() {
            let source = directions.get(at).copied().unwrap_or(false);
            match (part, source) {
                (Part::Address, true) => fields.push(Field::Source),
                (Part::Address, false) => fields.push(Field::Destination),
                (Part::Port, true) => fields.extend([Field::Protocol, Field::SourcePort]),
                (Part::Port, false) => fields.extend([Field::Protocol, Field::DestinationPort]),
                (Part::Interface, true) => fields.push(Field::InInterface),
                (Part::Interface, false) => fields.push(Field::OutInterface),
                (Part::Hardware | Part::Mark | Part::List, _) => {}
            }
        }
        fields
    }

    fn finish(&mut self) {
        let entries = std::mem::take(&mut self.entries);
        if self.parts == [Part::Address] {
            self.single = Arc::new(narrowest(entries));
            return;
        }
        let (exceptions, plain): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(|entry| entry.exception);
        self.tuples = Arc::new(plain.into_iter().map(|entry| entry.fields).collect());
        self.exceptions = Arc::new(exceptions.into_iter().map(|entry| entry.fields).collect());
    }
}

/// Of a set of networks, what is in it once the narrowest entry has spoken for each address.
fn narrowest(entries: Vec<Entry>) -> Ranges {
    let exception = entries.iter().any(|entry| entry.exception);
    let spans = entries.into_iter().flat_map(|entry| {
        let parts: Vec<_> = entry.fields.iter().flat_map(|field| field.parts().to_vec()).collect();
        parts.into_iter().map(move |span| (span, entry.exception))
    });
    if !exception {
        return Ranges::join(spans.map(|(span, _)| span).collect());
    }
    let mut spans: Vec<_> = spans.collect();
    spans.sort_by_key(|((first, last), _)| last - first);
    let (mut taken, mut within) = (Ranges::none(), Vec::new());
    for ((first, last), exception) in spans {
        let free = Ranges::span(first, last).minus(&taken);
        if !exception {
            within.extend_from_slice(free.parts());
        }
        taken = taken.or(&free);
    }
    Ranges::join(within)
}

fn part(name: &str) -> Option<Part> {
    Some(match name {
        "ip" | "net" => Part::Address,
        "port" => Part::Port,
        "iface" => Part::Interface,
        "mac" => Part::Hardware,
        "mark" => Part::Mark,
        "set" => Part::List,
        _ => return None,
    })
}

/// The protocols that have ports.
fn with_ports() -> Ranges {
    Ranges::join(vec![(6, 6), (17, 17), (132, 132), (136, 136)])
}

fn ports(text: &str) -> Option<Ranges> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some(Ranges::span(first.parse().ok()?, last.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::Sets;
    use crate::firewall::address::Family;
    use crate::firewall::model::{Condition, Field};

    #[test]
    fn the_narrowest_network_says_whether_an_address_is_in_a_set() {
        let sets = Sets::read(
            "create s hash:net family inet\nadd s 10.0.0.0/8\nadd s 10.1.0.0/16 nomatch\nadd s 10.1.2.0/24\n",
        );

        let Condition::In(Field::Source, ranges) = sets.condition("s", "src", Family::V4) else {
            panic!("one field");
        };
        let has = |text: &str| ranges.has(crate::firewall::address::number(text.parse().expect("an address")));

        assert!(has("10.0.0.1") && has("10.1.2.3") && !has("10.1.3.3") && !has("11.0.0.1"));
    }

    #[test]
    fn a_set_of_the_other_family_holds_no_packet_and_an_unknown_one_leaves_doubt() {
        let sets = Sets::read("create s6 hash:ip family inet6\nadd s6 fd08::2\ncreate l list:set size 8\nadd l s6\n");

        assert!(matches!(sets.condition("s6", "src", Family::V4), Condition::Any(none) if none.is_empty()));
        assert!(matches!(sets.condition("gone", "src", Family::V4), Condition::Unsure(_)));
        assert!(matches!(sets.condition("l", "src", Family::V6), Condition::Any(one) if one.len() == 1));
    }

    #[test]
    fn a_line_that_is_no_set_is_kept_aside() {
        assert_eq!(Sets::read("frobnicate x\n").unread, ["frobnicate x"]);
    }
}
