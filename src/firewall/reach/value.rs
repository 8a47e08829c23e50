//! What a rule sees of a packet in each of its fields.

use crate::firewall::address::Family;
use crate::firewall::model::{Field, state};
use crate::firewall::ranges::Ranges;
use crate::firewall::reach::asking::Asking;
use crate::firewall::reach::packet::{Leg, Mark, State};
use crate::firewall::reach::question::{Carried, Question};

/// What one field says.
pub(super) enum Value {
    Known(u128),
    Span(u128, u128),
    Client,
    Port,
    ClientPort,
    Unknown,
}

impl Asking<'_> {
    pub(super) fn value(&self, field: Field, packet: &State, leg: &Leg) -> Value {
        let Question { family, carried, destination, .. } = self.question;
        let server = if leg.undone { *destination } else { packet.destination };
        let port = || match packet.port.filter(|_| !leg.undone) {
            _ if !carried.has_ports() => Value::Unknown,
            None => Value::Port,
            Some((first, last)) if first == last => Value::Known(first),
            Some((first, last)) => Value::Span(first, last),
        };
        let client_port =
            if carried.has_ports() && !packet.source_translated { Value::ClientPort } else { Value::Unknown };
        match field {
            Field::Source if leg.back => Value::Known(server),
            Field::Destination if !leg.back => Value::Known(server),
            Field::SourcePort if leg.back => port(),
            Field::DestinationPort if !leg.back => port(),
            Field::SourcePort | Field::DestinationPort => client_port,
            Field::Protocol => Value::Known(carried.number(*family)),
            Field::FamilyNumber => Value::Known(if *family == Family::V4 { 2 } else { 10 }),
            Field::EtherType => Value::Known(if *family == Family::V4 { 0x0800 } else { 0x86dd }),
            Field::InInterface => Value::Known(leg.came),
            Field::OutInterface => Value::Known(leg.leaves),
            Field::IcmpType if *carried == Carried::Echo => Value::Known(leg.icmp),
            Field::IcmpCode if *carried == Carried::Echo => Value::Known(0),
            Field::SourceKind if leg.back => self.kind_of(server),
            Field::DestinationKind if !leg.back => self.kind_of(server),
            Field::ReversePath | Field::AnyReversePath if leg.back || !self.knows_routes => Value::Unknown,
            // Once the source was translated, what rules see is not the client's address on every part of the way.
            Field::Source | Field::Destination | Field::SourceKind | Field::DestinationKind
                if packet.source_translated =>
            {
                Value::Unknown
            }
            Field::Source
            | Field::Destination
            | Field::SourceKind
            | Field::DestinationKind
            | Field::ReversePath
            | Field::AnyReversePath => Value::Client,
            _ => self.of_connection(field, packet, leg),
        }
    }

    /// What connection tracking, marks and flags say.
    fn of_connection(&self, field: Field, packet: &State, leg: &Leg) -> Value {
        let Question { carried, destination, .. } = self.question;
        let mark = |mark: Mark| {
            if mark.known == u32::MAX { Value::Known(mark.value.into()) } else { Value::Unknown }
        };
        match field {
            Field::State => Value::Known(packet.tracking),
            Field::Direction => Value::Known(u128::from(leg.back)),
            Field::OriginalSource => Value::Client,
            Field::OriginalDestination => Value::Known(*destination),
            Field::OriginalSourcePort if carried.has_ports() => Value::ClientPort,
            Field::OriginalDestinationPort if carried.has_ports() => Value::Port,
            Field::DestinationTranslated => Value::Known(u128::from(packet.sent.is_some() && tracked(packet))),
            Field::SourceTranslated => Value::Known(u128::from(packet.source_translated && tracked(packet))),
            Field::Mark => mark(packet.mark),
            Field::ConnectionMark => mark(packet.connection_mark),
            Field::TcpFlags if *carried == Carried::Tcp => Value::Known(leg.flags),
            Field::Carries => Value::Known(u128::from(*carried != Carried::Tcp)),
            _ => Value::Unknown,
        }
    }

    fn kind_of(&self, address: u128) -> Value {
        let kind = self.kinds.iter().find(|(_, set)| set.has(address));
        kind.map_or(Value::Unknown, |(kind, _)| Value::Known(*kind))
    }

    /// The clients for which a question about kinds or routes is answered by a number of `set`.
    pub(super) fn clients_with(&self, field: Field, set: &Ranges, leg: &Leg) -> Option<Ranges> {
        let yes = match field {
            Field::SourceKind | Field::DestinationKind => {
                let parts = self.kinds.iter().filter(|(kind, _)| set.has(*kind));
                return Some(parts.fold(Ranges::none(), |all, (_, part)| all.or(part)));
            }
            Field::ReversePath => {
                let way = self.ways.iter().find(|(interface, _)| *interface == leg.came);
                way.map_or_else(Ranges::none, |(_, set)| set.as_ref().clone())
            }
            Field::AnyReversePath => self.lost.inverse(),
            _ => return None,
        };
        let no = yes.inverse();
        let parts = [(1, yes), (0, no)].into_iter().filter(|(answer, _)| set.has(*answer));
        Some(parts.fold(Ranges::none(), |all, (_, part)| all.or(&part)))
    }
}

fn tracked(packet: &State) -> bool {
    (state::ESTABLISHED..=state::NEW).contains(&packet.tracking)
}
