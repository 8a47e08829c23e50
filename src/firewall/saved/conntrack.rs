//! What `-m conntrack` and `-m state` ask: `net/netfilter/xt_conntrack.c`.

use crate::firewall::address;
use crate::firewall::model::{CauseKind, Condition, Field, state};
use crate::firewall::ranges::Ranges;
use crate::firewall::saved::matches::{Asked, numbers, protocol};

/// All options of one match. A packet outside connection tracking has no connection to ask about: if the state was asked
/// for too, that alone decides; otherwise nothing matches.
pub(super) fn read(options: &[Asked]) -> Condition {
    let (mut states, mut others) = (Vec::new(), Vec::new());
    for asked in options {
        let condition = one(asked).map(|condition| condition.negated_if(asked.negated));
        let condition = condition.unwrap_or_else(|| Condition::unsure(CauseKind::Unknown, &asked.text()));
        let of_state = matches!(asked.name, "--state" | "--ctstate");
        (if of_state { &mut states } else { &mut others }).push(condition);
    }
    if others.is_empty() {
        return Condition::All(states);
    }
    let tracked = Condition::within(Field::State, Ranges::span(state::ESTABLISHED, state::NEW));
    if states.is_empty() {
        others.insert(0, tracked);
        return Condition::All(others);
    }
    states.push(Condition::Any(vec![tracked.negated_if(true), Condition::All(others)]));
    Condition::All(states)
}

fn one(asked: &Asked) -> Option<Condition> {
    let value = asked.first();
    match asked.name {
        "--state" | "--ctstate" => states(value),
        "--ctproto" => Some(Condition::is(Field::Protocol, protocol(value)?)),
        "--ctorigsrc" => Some(Condition::within(Field::OriginalSource, address::parse(value)?.1)),
        "--ctorigdst" => Some(Condition::within(Field::OriginalDestination, address::parse(value)?.1)),
        "--ctorigsrcport" => Some(Condition::within(Field::OriginalSourcePort, numbers(value, 65535)?)),
        "--ctorigdstport" => Some(Condition::within(Field::OriginalDestinationPort, numbers(value, 65535)?)),
        "--ctdir" if value == "ORIGINAL" => Some(Condition::is(Field::Direction, 0)),
        "--ctdir" if value == "REPLY" => Some(Condition::is(Field::Direction, 1)),
        _ => None,
    }
}

fn states(text: &str) -> Option<Condition> {
    let (mut plain, mut any) = (Vec::new(), Vec::new());
    for name in text.split(',') {
        let number = match name {
            "INVALID" => state::INVALID,
            "ESTABLISHED" => state::ESTABLISHED,
            "RELATED" => state::RELATED,
            "NEW" => state::NEW,
            "UNTRACKED" => state::UNTRACKED,
            "DNAT" => {
                any.push(Condition::is(Field::DestinationTranslated, 1));
                continue;
            }
            "SNAT" => {
                any.push(Condition::is(Field::SourceTranslated, 1));
                continue;
            }
            _ => return None,
        };
        plain.push((number, number));
    }
    let plain = Condition::within(Field::State, Ranges::join(plain));
    if any.is_empty() {
        return Some(plain);
    }
    any.push(plain);
    Some(Condition::Any(any))
}
