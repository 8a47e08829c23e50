//! What a rule's condition says of a set of packets: for which it holds, and for which it may.

use std::sync::Arc;

use crate::firewall::host::Host;
use crate::firewall::model::{Cause, CauseKind, Condition, Field};
use crate::firewall::ranges::Ranges;

use crate::firewall::reach::classes::{Classes, Mask};
use crate::firewall::reach::packet::{Leg, State};
use crate::firewall::reach::question::Question;
use crate::firewall::reach::region::{Area, Region};
use crate::firewall::reach::sort::Sorted;
use crate::firewall::reach::value::Value;

/// More cells in a row than this would take more memory than an answer is worth; client ports are then no longer told apart.
const MOST_CELLS: usize = 400_000;

/// The packets of a question in classes, and what is known about them.
#[derive(Debug)]
pub(super) struct Asking<'a> {
    pub(super) question: &'a Question,
    pub(super) clients: Classes,
    pub(super) ports: Classes,
    pub(super) client_ports: Classes,
    pub(super) kinds: Vec<(u128, Arc<Ranges>)>,
    /// The addresses that packets leave to, by interface number.
    pub(super) ways: Vec<(u128, Arc<Ranges>)>,
    pub(super) lost: Arc<Ranges>,
    pub(super) knows_routes: bool,
}

/// For which packets a plain condition holds.
pub(super) enum Plain {
    /// All or none.
    Is(bool),
    /// These rows or these clients.
    In(Area),
    /// More has to be looked at.
    Else,
}

impl<'a> Asking<'a> {
    pub(super) fn new(host: &Host, question: &'a Question, sorted: &Sorted) -> Self {
        let family = question.family;
        let kinds: Vec<_> = host.kinds(family).into_iter().map(|(kind, set)| (kind, Arc::new(set))).collect();
        let (ways, lost) = host.ways(family);
        let ways: Vec<_> =
            ways.into_iter().map(|(name, set)| (crate::firewall::address::interface(&name), Arc::new(set))).collect();
        let lost = Arc::new(lost);
        let known = kinds.iter().map(|(_, set)| set).chain(ways.iter().map(|(_, set)| set)).chain([&lost]);
        let clients = Classes::new(&question.clients, sorted.clients.iter().chain(known).map(AsRef::as_ref));
        let nothing = Ranges::one(0);
        let (ports, client_ports) = if question.carried.has_ports() {
            (&question.ports, &question.client_ports)
        } else {
            (&nothing, &nothing)
        };
        let ports = Classes::new(ports, sorted.ports.iter().map(AsRef::as_ref));
        let mut sorted_ports = Classes::new(client_ports, sorted.client_ports.iter().map(AsRef::as_ref));
        if ports.count() * sorted_ports.count() > MOST_CELLS {
            sorted_ports = Classes::new(client_ports, std::iter::empty());
        }
        let knows_routes = host.knows_routes(family);
        Self { question, clients, ports, client_ports: sorted_ports, kinds, ways, lost, knows_routes }
    }

    /// No packet.
    pub(super) fn none(&self) -> Region {
        Region::empty(self.clients.count())
    }

    /// Every packet of the question.
    pub(super) fn all(&self) -> Region {
        Region::full(self.clients.count(), self.ports.count() * self.client_ports.count())
    }

    /// The packets of some clients.
    pub(super) fn of_clients(&mut self, set: &Arc<Ranges>) -> Area {
        Area { clients: Some(self.clients.shared(set).possible.clone()), cells: None }
    }

    /// A condition on one field, if it is one that speaks of whole classes.
    pub(super) fn plain(&mut self, condition: &Condition, packet: &State, leg: &Leg) -> Plain {
        match condition {
            Condition::In(field, set) => self.within(*field, set, packet, leg, false),
            Condition::Not(inner) => match inner.as_ref() {
                Condition::In(field, set) => self.within(*field, set, packet, leg, true),
                Condition::Masked(..) => match self.plain(inner, packet, leg) {
                    Plain::Is(yes) => Plain::Is(!yes),
                    other => other,
                },
                _ => Plain::Else,
            },
            Condition::Masked(field, mask, set) => match (field, self.value(*field, packet, leg)) {
                (_, Value::Known(value)) => Plain::Is(set.has(value & mask)),
                (Field::Mark, _) => marked(packet.mark, *mask, set),
                (Field::ConnectionMark, _) => marked(packet.connection_mark, *mask, set),
                _ => Plain::Else,
            },
            Condition::All(all) if all.is_empty() => Plain::Is(true),
            Condition::Any(any) if any.is_empty() => Plain::Is(false),
            _ => Plain::Else,
        }
    }

    /// Whether the condition fails for every packet of this state, whoever sends it and to whatever port.
    pub(super) fn refuses(&self, condition: &Condition, packet: &State, leg: &Leg) -> bool {
        let (field, set, not) = match condition {
            Condition::In(field, set) => (field, set, false),
            Condition::Not(inner) => match inner.as_ref() {
                Condition::In(field, set) => (field, set, true),
                _ => return false,
            },
            _ => return false,
        };
        matches!(self.value(*field, packet, leg), Value::Known(value) if set.has(value) == not)
    }

    fn within(&mut self, field: Field, set: &Arc<Ranges>, packet: &State, leg: &Leg, not: bool) -> Plain {
        let value = self.value(field, packet, leg);
        let mask = match value {
            Value::Known(value) => return Plain::Is(set.has(value) != not),
            Value::Span(first, last) => {
                let (span, all) = (Ranges::span(first, last), set.has(first));
                return if set.covers(&span) || !set.meets(&span) { Plain::Is(all != not) } else { Plain::Else };
            }
            Value::Unknown => return Plain::Else,
            Value::Client => match self.clients_with(field, set, leg) {
                Some(ranges) => Arc::new(self.clients.mask(&ranges)),
                None => self.clients.shared(set),
            },
            Value::Port => self.ports.shared(set),
            Value::ClientPort => self.client_ports.shared(set),
        };
        if !mask.exact() {
            return Plain::Else;
        }
        Plain::In(self.area(&value, &mask.possible, not))
    }

    fn area(&self, value: &Value, classes: &Arc<Vec<usize>>, not: bool) -> Area {
        let wanted = |count: usize| -> Arc<Vec<usize>> {
            if !not {
                return classes.clone();
            }
            let mut out = vec![true; count];
            classes.iter().for_each(|class| out[*class] = false);
            Arc::new((0..count).filter(|class| out[*class]).collect())
        };
        let width = self.client_ports.count();
        let cells = |cells: Vec<usize>| Area { clients: None, cells: Some(Arc::new(words(&cells))) };
        match value {
            Value::Client => Area { clients: Some(wanted(self.clients.count())), cells: None },
            Value::Port if width == 1 => cells(wanted(self.ports.count()).to_vec()),
            Value::Port => {
                cells(wanted(self.ports.count()).iter().flat_map(|port| port * width..(port + 1) * width).collect())
            }
            _ => {
                let columns = wanted(width);
                let ports = 0..self.ports.count();
                cells(ports.flat_map(|port| columns.iter().map(move |at| port * width + at)).collect())
            }
        }
    }

    /// Of `within`, the packets for which the condition may hold and those for which it surely does.
    pub(super) fn regions(
        &mut self,
        condition: &Condition,
        packet: &State,
        leg: &Leg,
        within: &Region,
        causes: &mut Vec<Cause>,
    ) -> (Region, Region) {
        match self.plain(condition, packet, leg) {
            Plain::Is(true) => return (within.clone(), within.clone()),
            Plain::Is(false) => return (self.none(), self.none()),
            Plain::In(area) => {
                let cut = within.copied(&area);
                return (cut.clone(), cut);
            }
            Plain::Else => {}
        }
        match condition {
            Condition::All(all) => self.all_of(all, packet, leg, within, causes),
            Condition::Any(any) => {
                let (mut may, mut must) = (self.none(), self.none());
                for one in any {
                    let (possible, certain) = self.regions(one, packet, leg, within, causes);
                    may.add(possible);
                    must.add(certain);
                }
                (may, must)
            }
            Condition::Not(inner) => {
                let (may, must) = self.regions(inner, packet, leg, within, causes);
                (within.minus(&must), within.minus(&may))
            }
            Condition::Tuple(fields, entries) => {
                let (mut may, mut must) = (self.none(), self.none());
                for entry in entries.iter() {
                    let (possible, certain) = self.entry(fields, entry, packet, leg, within);
                    may.add(possible);
                    must.add(certain);
                }
                if may != must {
                    causes.push(unknown("a field that this packet does not have, or that was changed on its way"));
                }
                (may, must)
            }
            Condition::Unsure(cause) => {
                causes.push(cause.clone());
                (within.clone(), self.none())
            }
            Condition::In(field, set) => {
                causes.push(unknown(&format!("{field:?} of the packet")));
                self.loose(*field, set, packet, leg, within)
            }
            Condition::Masked(field, ..) => {
                causes.push(unknown(&format!("{field:?} of the packet, under a mask")));
                (within.clone(), self.none())
            }
        }
    }

    fn all_of(
        &mut self,
        all: &[Condition],
        packet: &State,
        leg: &Leg,
        within: &Region,
        causes: &mut Vec<Cause>,
    ) -> (Region, Region) {
        let (mut may, mut must) = (within.clone(), within.clone());
        for one in all {
            let mut found = Vec::new();
            let (possible, certain) = self.regions(one, packet, leg, &may, &mut found);
            (may, must) = (possible, must.and(&certain));
            if may.is_empty() {
                break;
            }
            causes.extend(found);
        }
        (may, must)
    }

    /// A set that cuts through classes.
    fn loose(&mut self, field: Field, set: &Ranges, packet: &State, leg: &Leg, within: &Region) -> (Region, Region) {
        let value = self.value(field, packet, leg);
        let mask: Mask = match value {
            Value::Known(_) | Value::Span(..) | Value::Unknown => return (within.clone(), self.none()),
            Value::Client => match self.clients_with(field, set, leg) {
                Some(ranges) => self.clients.mask(&ranges),
                None => self.clients.mask(set),
            },
            Value::Port => self.ports.mask(set),
            Value::ClientPort => self.client_ports.mask(set),
        };
        let (may, must) = (self.area(&value, &mask.possible, false), self.area(&value, &mask.certain, false));
        (within.copied(&may), within.copied(&must))
    }

    /// One entry of a list that compares several fields at once.
    pub(super) fn entry(
        &mut self,
        fields: &[Field],
        entry: &[Ranges],
        packet: &State,
        leg: &Leg,
        within: &Region,
    ) -> (Region, Region) {
        let mut area = Area::default();
        let mut sure = true;
        for (field, set) in fields.iter().zip(entry) {
            let value = self.value(*field, packet, leg);
            let mask = match value {
                Value::Known(value) if set.has(value) => continue,
                Value::Known(_) => return (self.none(), self.none()),
                Value::Span(first, last) if !set.meets(&Ranges::span(first, last)) => {
                    return (self.none(), self.none());
                }
                Value::Span(first, last) => {
                    sure &= set.covers(&Ranges::span(first, last));
                    continue;
                }
                Value::Unknown => {
                    sure = false;
                    continue;
                }
                Value::Client => match self.clients_with(*field, set, leg) {
                    Some(ranges) => self.clients.mask(&ranges),
                    None => self.clients.mask(set),
                },
                Value::Port => self.ports.mask(set),
                Value::ClientPort => self.client_ports.mask(set),
            };
            sure &= mask.exact();
            area = area.and(self.area(&value, &mask.possible, false));
        }
        let cut = within.copied(&area);
        let certain = if sure { cut.clone() } else { self.none() };
        (cut, certain)
    }
}

fn unknown(text: &str) -> Cause {
    Cause { kind: CauseKind::Unknown, text: text.to_owned() }
}

/// A mark of which only some bits are known.
fn marked(mark: crate::firewall::reach::packet::Mark, bits: u128, set: &Ranges) -> Plain {
    let known = u128::from(mark.known);
    if bits & !known == 0 { Plain::Is(set.has(u128::from(mark.value) & bits)) } else { Plain::Else }
}

/// Places in a row as words of bits.
fn words(classes: &[usize]) -> Vec<(usize, u64)> {
    let mut words: Vec<(usize, u64)> = Vec::new();
    for class in classes {
        let (word, bit) = (class / 64, 1 << (class % 64));
        match words.last_mut() {
            Some((last, bits)) if *last == word => *bits |= bit,
            _ => words.push((word, bit)),
        }
    }
    words
}
