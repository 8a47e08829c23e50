//! A second reading of rules: one packet at a time, in the plainest words. Random rule sets must get the same answers.

use std::sync::Arc;

use proptest::prelude::*;

use crate::firewall::Ranges;
use crate::firewall::address::Family;
use crate::firewall::host::Host;
use crate::firewall::model::{
    Action, Backend, Base, Chain, Condition, Field, Firewall, Hook, Marked, Rule, Scope, Step, state,
};
use crate::firewall::reach::{Carried, Question, Verdict, reach};

/// The first client, and how many there are; ports are 0 to 7.
const FIRST: u128 = 0xcb00_7100;
const CLIENTS: u128 = 12;
const OURS: u128 = 0xc000_0201;

#[derive(Clone, Copy)]
struct Packet {
    source: u128,
    destination: u128,
    source_port: u128,
    destination_port: u128,
    state: u128,
    mark: u32,
}

#[derive(Debug, PartialEq)]
enum End {
    Accepted,
    Dropped,
    Fell,
}

fn field(packet: &Packet, field: Field) -> u128 {
    match field {
        Field::Source => packet.source,
        Field::Destination => packet.destination,
        Field::SourcePort => packet.source_port,
        Field::DestinationPort => packet.destination_port,
        Field::State => packet.state,
        Field::Mark => packet.mark.into(),
        other => panic!("{other:?} is not asked"),
    }
}

fn holds(condition: &Condition, packet: &Packet) -> bool {
    match condition {
        Condition::In(of, set) => set.has(field(packet, *of)),
        Condition::Masked(of, mask, set) => set.has(field(packet, *of) & mask),
        Condition::Tuple(of, entries) => entries.iter().any(|entry| within(of, entry, packet)),
        Condition::Not(inner) => !holds(inner, packet),
        Condition::All(all) => all.iter().all(|one| holds(one, packet)),
        Condition::Any(any) => any.iter().any(|one| holds(one, packet)),
        Condition::Unsure(_) => panic!("nothing unsure is asked"),
    }
}

fn within(fields: &[Field], entry: &[Ranges], packet: &Packet) -> bool {
    fields.iter().zip(entry).all(|(of, set)| set.has(field(packet, *of)))
}

fn run(firewall: &Firewall, chain: usize, packet: &mut Packet) -> End {
    for rule in &firewall.chains[chain].rules {
        for step in &rule.steps {
            let mut action = match step {
                Step::If(condition) if holds(condition, packet) => continue,
                Step::If(_) => break,
                Step::Do(action) => action,
            };
            if let Action::Choose(fields, entries) = action {
                let Some((_, chosen)) = entries.iter().find(|(entry, _)| within(fields, entry, packet)) else {
                    break;
                };
                action = chosen;
            }
            match action {
                Action::Accept => return End::Accepted,
                Action::Drop => return End::Dropped,
                Action::Return => return End::Fell,
                Action::Mark(Marked::Packet, clear, flip) => packet.mark = (packet.mark & !clear) ^ flip,
                Action::Jump(to) => match run(firewall, *to, packet) {
                    End::Fell => break,
                    end => return end,
                },
                Action::Goto(to) => return run(firewall, *to, packet),
                Action::Untrack if packet.state == state::INVALID => packet.state = state::UNTRACKED,
                _ => {}
            }
        }
    }
    End::Fell
}

fn passes(firewall: &Firewall, chain: usize, packet: &mut Packet) -> bool {
    let drops = firewall.chains[chain].base.as_ref().is_some_and(|base| base.drops);
    match run(firewall, chain, packet) {
        End::Accepted => true,
        End::Dropped => false,
        End::Fell => !drops,
    }
}

/// UDP: in by the raw chain and two input chains, and back by the output chain.
fn reaches(firewall: &Firewall, client: u128, port: u128, client_port: u128) -> bool {
    let mut packet = Packet {
        source: client,
        destination: OURS,
        source_port: client_port,
        destination_port: port,
        state: state::INVALID,
        mark: 0,
    };
    if !passes(firewall, 0, &mut packet) {
        return false;
    }
    let tracked = packet.state != state::UNTRACKED;
    if tracked {
        packet.state = state::NEW;
    }
    if !passes(firewall, 1, &mut packet) || !passes(firewall, 2, &mut packet) {
        return false;
    }
    let mut back = Packet {
        source: OURS,
        destination: client,
        source_port: port,
        destination_port: client_port,
        state: if tracked { state::ESTABLISHED } else { state::NEW },
        mark: 0,
    };
    passes(firewall, 3, &mut back)
}

fn ranges(first: u128, count: u128) -> impl Strategy<Value = Ranges> {
    proptest::collection::vec((0..count, 0..count), 1..4).prop_map(move |parts| {
        Ranges::join(parts.into_iter().map(|(a, b)| (first + a.min(b), first + a.max(b))).collect())
    })
}

fn leaf() -> impl Strategy<Value = Condition> {
    prop_oneof![
        ranges(FIRST, CLIENTS).prop_map(|set| Condition::within(Field::Source, set)),
        ranges(FIRST, CLIENTS).prop_map(|set| Condition::within(Field::Destination, set)),
        ranges(0, 8).prop_map(|set| Condition::within(Field::DestinationPort, set)),
        ranges(0, 8).prop_map(|set| Condition::within(Field::SourcePort, set)),
        ranges(0, 5).prop_map(|set| Condition::within(Field::State, set)),
        (0_u128..4, 1_u128..4).prop_map(|(value, mask)| Condition::Masked(
            Field::Mark,
            mask,
            Arc::new(Ranges::one(value & mask))
        )),
        proptest::collection::vec((ranges(FIRST, CLIENTS), ranges(0, 8)), 1..4).prop_map(|entries| {
            let entries = entries.into_iter().map(|(client, port)| vec![client, port]).collect();
            Condition::Tuple(vec![Field::Source, Field::DestinationPort], Arc::new(entries))
        }),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    leaf().prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|one| Condition::Not(Box::new(one))),
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Condition::All),
            proptest::collection::vec(inner, 0..3).prop_map(Condition::Any),
        ]
    })
}

/// Jumps lead to later chains only, so that none goes round.
fn plain_action(chain: usize) -> impl Strategy<Value = Action> {
    let later = (chain.max(3) + 1..8).collect::<Vec<usize>>();
    let to = move |at: usize| later.get(at % later.len().max(1)).copied();
    let go = to.clone();
    prop_oneof![
        3 => Just(Action::Accept),
        3 => Just(Action::Drop),
        1 => Just(Action::Return),
        1 => Just(Action::Untrack),
        2 => (0_u32..4, 0_u32..4).prop_map(|(clear, flip)| Action::Mark(Marked::Packet, clear, flip)),
        3 => any::<usize>().prop_map(move |at| to(at).map_or(Action::Return, Action::Jump)),
        2 => any::<usize>().prop_map(move |at| go(at).map_or(Action::Return, Action::Goto)),
    ]
}

fn action(chain: usize) -> impl Strategy<Value = Action> {
    let verdict = plain_action(chain).prop_map(|action| match action {
        Action::Mark(..) | Action::Untrack => Action::Accept,
        verdict => verdict,
    });
    let map = proptest::collection::vec((ranges(0, 8), verdict), 1..4).prop_map(|entries| {
        let entries = entries.into_iter().map(|(port, action)| (vec![port], action)).collect();
        Action::Choose(vec![Field::DestinationPort], Arc::new(entries))
    });
    prop_oneof![6 => plain_action(chain), 1 => map]
}

fn rule(chain: usize) -> impl Strategy<Value = Rule> {
    (
        proptest::collection::vec(condition(), 0..3),
        action(chain),
        proptest::option::of((condition(), plain_action(chain))),
    )
        .prop_map(|(conditions, action, more)| {
            let mut steps: Vec<Step> = conditions.into_iter().map(Step::If).collect();
            steps.push(Step::Do(action));
            if let Some((condition, action)) = more {
                steps.extend([Step::If(condition), Step::Do(action)]);
            }
            Rule { steps, ..Rule::default() }
        })
}

fn chain(place: usize) -> impl Strategy<Value = Chain> {
    let hook = [(Hook::Prerouting, -300), (Hook::Input, 0), (Hook::Input, 10), (Hook::Output, 0)].get(place).copied();
    (proptest::collection::vec(rule(place), 0..7), any::<bool>()).prop_map(move |(rules, drops)| Chain {
        backend: Backend::Nft,
        scope: Scope::Both,
        table: "t".to_owned(),
        name: place.to_string(),
        base: hook.map(|(hook, priority)| Base { hook, priority, translates: false, drops, devices: Ranges::none() }),
        rules,
    })
}

fn firewall() -> impl Strategy<Value = Firewall> {
    let chains: Vec<_> = (0..8).map(|place| chain(place).boxed()).collect();
    chains.prop_map(|chains| Firewall { chains, ..Firewall::default() })
}

proptest! {
    #[test]
    fn one_pass_over_sets_of_packets_says_what_each_packet_alone_would_get(firewall in firewall(), record in any::<bool>()) {
        let host = Host::read(super::ADDRESSES, super::ROUTES, "", "");
        let question = Question {
            family: Family::V4,
            carried: Carried::Udp,
            interface: "eth0".to_owned(),
            destination: OURS,
            clients: Ranges::span(FIRST, FIRST + CLIENTS - 1),
            ports: Ranges::span(0, 7),
            client_ports: Ranges::span(0, 7),
        };

        let reached = reach(&firewall, &host, &question, record);

        for client in FIRST..FIRST + CLIENTS {
            for (port, client_port) in (0..8).flat_map(|port| (0..8).map(move |other| (port, other))) {
                let wanted = if reaches(&firewall, client, port, client_port) { Verdict::Reachable } else { Verdict::Unreachable };
                prop_assert_eq!(reached.verdict(client, port, client_port), Some(wanted));
            }
        }
    }
}
