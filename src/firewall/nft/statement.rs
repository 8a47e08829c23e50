//! The statements of an nft rule as steps. Source: `libnftables-json(5)`.

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::Value;

use crate::firewall::address::{self, Family};
use crate::firewall::model::{Action, Cause, CauseKind, Condition, Field, Marked, Step};
use crate::firewall::ranges::Ranges;

use crate::firewall::nft::field::{self, Left, Reading};
use crate::firewall::nft::named::{self, Named};
use crate::firewall::nft::{TableName, value, word};

/// Finds a chain of the same table by name.
type Chains<'a> = &'a dyn Fn(&str) -> Option<usize>;

/// The steps of one statement. What is not known becomes a step that nobody can answer.
pub(super) fn read(statement: &Value, table: &TableName, named: &mut Named, chains: Chains) -> Vec<Step> {
    let Some((name, inside)) = statement.as_object().and_then(|object| object.iter().next()) else {
        return vec![unknown(statement)];
    };
    let if_unsure = |kind: CauseKind| vec![Step::If(Condition::unsure(kind, &statement.to_string()))];
    match name.as_str() {
        "match" => comparison(inside, table, named).unwrap_or_else(|| if_unsure(kind_of(inside))),
        "vmap" => verdict_map(inside, table, named, chains).unwrap_or_else(|| vec![unknown(statement)]),
        "mangle" => vec![Step::Do(mangle(inside))],
        "notrack" => vec![Step::Do(Action::Untrack)],
        "dnat" | "redirect" => translation(name, inside, table, named).unwrap_or_else(|| vec![unknown(statement)]),
        "snat" | "masquerade" => vec![Step::Do(Action::Source)],
        // With a limit or a counter of connections behind it, adding to a set is a match too.
        "set" | "map" if inside.get("stmt").is_some() => if_unsure(CauseKind::Rate),
        "limit" | "quota" | "ct count" => if_unsure(CauseKind::Rate),
        "counter" | "log" | "set" | "map" | "ct helper" | "ct timeout" | "ct expectation" | "dup" | "flow"
        | "secmark" | "last" => Vec::new(),
        "xt" if word(inside, "type") == "match" => if_unsure(CauseKind::Unknown),
        "queue" => {
            vec![Step::Do(Action::Unsure(Cause { kind: CauseKind::Program, text: statement.to_string() }))]
        }
        _ => match verdict(statement, chains) {
            Some(action) => vec![Step::Do(action)],
            None => vec![unknown(statement)],
        },
    }
}

fn unknown(statement: &Value) -> Step {
    Step::Do(Action::Unsure(Cause { kind: CauseKind::Unknown, text: statement.to_string() }))
}

/// Why a match that is not a known field cannot be answered.
fn kind_of(inside: &Value) -> CauseKind {
    let left = inside.get("left").unwrap_or(inside);
    let left = left.get("&").and_then(|parts| parts.get(0)).unwrap_or(left);
    match left.as_object().and_then(|object| object.iter().next()).map(|(name, inside)| (name.as_str(), inside)) {
        Some(("meta", inside)) if matches!(word(inside, "key").as_str(), "time" | "hour" | "day") => CauseKind::Time,
        Some(("meta", inside)) if matches!(word(inside, "key").as_str(), "length" | "pkttype") => CauseKind::Header,
        Some(("payload", inside)) if inside.get("protocol").is_some() => CauseKind::Header,
        Some(("payload", inside)) if inside.get("base").is_some() => CauseKind::Payload,
        Some(("tcp option" | "exthdr" | "ip option", _)) => CauseKind::Header,
        Some(("numgen" | "jhash" | "symhash", _)) => CauseKind::Rate,
        _ => CauseKind::Unknown,
    }
}

fn verdict(statement: &Value, chains: Chains) -> Option<Action> {
    let (name, inside) = statement.as_object()?.iter().next()?;
    Some(match name.as_str() {
        "accept" => Action::Accept,
        "drop" => Action::Drop,
        "reject" => Action::Reject,
        "return" => Action::Return,
        "continue" => Action::Continue,
        "jump" => Action::Jump(chains(&word(inside, "target"))?),
        "goto" => Action::Goto(chains(&word(inside, "target"))?),
        _ => return None,
    })
}

fn comparison(inside: &Value, table: &TableName, named: &mut Named) -> Option<Vec<Step>> {
    let (operator, right) = (inside.get("op")?.as_str()?, inside.get("right")?);
    let left = inside.get("left")?;
    if let Some(parts) = left.get("concat") {
        return tuple(parts, operator, right, table, named);
    }
    if left.pointer("/ct/key").and_then(Value::as_str) == Some("status") {
        return status(operator, right);
    }
    let (left, mask) = match left.get("&") {
        Some(parts) => (parts.get(0)?, Some(parts.get(1)?)),
        None => (left, None),
    };
    let Left { field, reading, needs } = field::read(left)?;
    let condition = match (reading, mask) {
        (Reading::TcpFlags, mask) => flags(field, operator, mask, right)?,
        (_, Some(mask)) => {
            let mask = value::one(mask, reading)?.only()?;
            let of = Condition::Masked(field, mask, Arc::new(value::one(right, reading)?));
            of.negated_if(equality(operator)?)
        }
        (Reading::State, None) if right.is_array() && operator == "!=" => return None,
        (Reading::State, None) if right.is_array() => {
            let states = value::many(right.as_array()?, reading)?;
            Condition::within(field, states).negated_if(operator == "!")
        }
        (Reading::Number, None) if matches!(field, Field::ReversePath | Field::AnyReversePath) => {
            // `oif missing` is compared with false, `oif exists` with true; a name would be something else.
            right.as_bool()?;
            Condition::within(field, value::one(right, reading)?).negated_if(equality(operator)?)
        }
        (_, None) => plain(field, reading, operator, right, table, named)?,
    };
    Some(needs.into_iter().chain([condition]).map(Step::If).collect())
}

/// Whether it is "not equal"; None when it is neither that nor "equal".
fn equality(operator: &str) -> Option<bool> {
    match operator {
        "==" | "in" => Some(false),
        "!=" => Some(true),
        _ => None,
    }
}

fn plain(
    field: Field,
    reading: Reading,
    operator: &str,
    right: &Value,
    table: &TableName,
    named: &mut Named,
) -> Option<Condition> {
    if let Some(name) = right.as_str().and_then(|name| name.strip_prefix('@')) {
        if named.changes(table, name) {
            return Some(Condition::unsure(CauseKind::Changing, &format!("@{name}")));
        }
        let ranges = named.single(table, name, reading)?;
        return Some(Condition::In(field, ranges).negated_if(equality(operator)?));
    }
    let ranges = value::one(right, reading)?;
    let bound = || ranges.only();
    let ranges = match operator {
        "<" => Ranges::span(0, bound()?.checked_sub(1)?),
        "<=" => Ranges::span(0, bound()?),
        ">" => Ranges::span(bound()?.checked_add(1)?, u128::MAX),
        ">=" => Ranges::span(bound()?, u128::MAX),
        _ => return Some(Condition::within(field, ranges).negated_if(equality(operator)?)),
    };
    Some(Condition::within(field, ranges))
}

fn flags(field: Field, operator: &str, mask: Option<&Value>, right: &Value) -> Option<Condition> {
    let bits = |value: &Value| -> Option<u128> {
        match value {
            Value::Array(all) => {
                all.iter().try_fold(0, |bits, one| Some(bits | value::one(one, Reading::TcpFlags)?.only()?))
            }
            one => value::one(one, Reading::TcpFlags)?.only(),
        }
    };
    let set = |mask: u128, values: Ranges| Condition::Masked(field, mask, Arc::new(values));
    let mask = match mask {
        Some(mask) => Some(bits(mask)?),
        None => None,
    };
    match (operator, mask) {
        ("in", None) => Some(set(bits(right)?, Ranges::one(0)).negated_if(true)),
        ("!", None) => Some(set(bits(right)?, Ranges::one(0))),
        ("==" | "!=", mask) => {
            let values = match right.get("set") {
                Some(values) => {
                    let values: Option<Vec<u128>> = values.as_array()?.iter().map(bits).collect();
                    Ranges::join(values?.into_iter().map(|bits| (bits, bits)).collect())
                }
                None => Ranges::one(bits(right)?),
            };
            Some(set(mask.unwrap_or(0xff), values).negated_if(operator == "!="))
        }
        _ => None,
    }
}

fn status(operator: &str, right: &Value) -> Option<Vec<Step>> {
    let names: Vec<&str> = match right {
        Value::Array(all) => all.iter().map(Value::as_str).collect::<Option<_>>()?,
        one => vec![one.as_str()?],
    };
    let mut any = Vec::new();
    for name in names {
        any.push(match name {
            "dnat" => Condition::is(Field::DestinationTranslated, 1),
            "snat" => Condition::is(Field::SourceTranslated, 1),
            _ => return None,
        });
    }
    let negated = match operator {
        "in" => false,
        "!" => true,
        _ => return None,
    };
    let tracked = Condition::within(Field::State, Ranges::span(1, 3));
    Some(vec![Step::If(tracked), Step::If(Condition::Any(any).negated_if(negated))])
}

/// Several fields at once.
fn lefts(parts: &Value) -> Option<Vec<Left>> {
    parts.as_array()?.iter().map(field::read).collect()
}

fn tuple(parts: &Value, operator: &str, right: &Value, table: &TableName, named: &mut Named) -> Option<Vec<Step>> {
    let lefts = lefts(parts)?;
    let readings: Vec<Reading> = lefts.iter().map(|left| left.reading).collect();
    let fields = lefts.iter().map(|left| left.field).collect();
    let name = right.as_str().and_then(|name| name.strip_prefix('@'));
    let condition = match name {
        Some(name) if named.changes(table, name) => Condition::unsure(CauseKind::Changing, &format!("@{name}")),
        Some(name) => Condition::Tuple(fields, named.tuples(table, name, &readings)?),
        None => {
            let elements = match right.get("set") {
                Some(set) => set.as_array()?.as_slice(),
                None => std::slice::from_ref(right),
            };
            Condition::Tuple(fields, Arc::new(named::entries(elements, &readings)?))
        }
    };
    let condition = condition.negated_if(equality(operator)?);
    let needs = lefts.into_iter().flat_map(|left| left.needs);
    Some(needs.chain([condition]).map(Step::If).collect())
}

/// What a map is asked for, and its elements.
type Asked<'v> = (Vec<Left>, &'v [Value]);

/// None when the key is not known here, or when packets change the map.
fn map_of<'v>(inside: &'v Value, table: &TableName, named: &Named<'v>) -> Option<Asked<'v>> {
    let key = inside.get("key")?;
    let lefts = match key.get("concat") {
        Some(parts) => lefts(parts)?,
        None => vec![field::read(key)?],
    };
    let data = inside.get("data")?;
    let elements = match data.as_str().and_then(|name| name.strip_prefix('@')) {
        Some(name) if named.changes(table, name) => return None,
        Some(name) => named.elements(table, name)?,
        None => data.get("set")?.as_array()?.as_slice(),
    };
    Some((lefts, elements))
}

fn verdict_map<'v>(inside: &'v Value, table: &TableName, named: &Named<'v>, chains: Chains) -> Option<Vec<Step>> {
    let (lefts, elements) = map_of(inside, table, named)?;
    let readings: Vec<Reading> = lefts.iter().map(|left| left.reading).collect();
    let mut entries = Vec::new();
    for element in elements {
        let pair = element.as_array()?;
        entries.push((named::entry(pair.first()?, &readings)?, verdict(pair.get(1)?, chains)?));
    }
    let fields = lefts.iter().map(|left| left.field).collect();
    let needs = lefts.into_iter().flat_map(|left| left.needs).map(Step::If);
    Some(needs.chain([Step::Do(Action::Choose(fields, Arc::new(entries)))]).collect())
}

fn mangle(inside: &Value) -> Action {
    let marked = |value: &Value| match (value.pointer("/meta/key"), value.pointer("/ct/key")) {
        (Some(key), _) if key == "mark" => Some(Marked::Packet),
        (_, Some(key)) if key == "mark" => Some(Marked::Connection),
        _ => None,
    };
    let Some(to) = inside.get("key").and_then(marked) else { return Action::Continue };
    let Some(new) = inside.get("value") else { return Action::MarkUnknown(to) };
    if marked(new).is_some_and(|from| from != to) {
        return Action::CopyMark { to };
    }
    match change(new, &marked, to) {
        Some((clear, flip)) => Action::Mark(to, clear, flip),
        None => Action::MarkUnknown(to),
    }
}

/// A new mark as (old and not `clear`) xor `flip`.
fn change(value: &Value, marked: &dyn Fn(&Value) -> Option<Marked>, to: Marked) -> Option<(u32, u32)> {
    if let Some(number) = value.as_u64() {
        return Some((u32::MAX, u32::try_from(number).ok()?));
    }
    if marked(value) == Some(to) {
        return Some((0, 0));
    }
    let (name, parts) = value.as_object()?.iter().next()?;
    let (clear, flip) = change(parts.get(0)?, marked, to)?;
    let other = u32::try_from(parts.get(1)?.as_u64()?).ok()?;
    Some(match name.as_str() {
        "&" => (clear | !other, flip & other),
        "|" => (clear | other, (flip & !other) ^ other),
        "^" => (clear, flip ^ other),
        _ => return None,
    })
}

fn port(value: &Value) -> Option<(u128, u128)> {
    value::one(value, Reading::Number)?.parts().first().copied()
}

fn translation(name: &str, inside: &Value, table: &TableName, named: &Named) -> Option<Vec<Step>> {
    let ports = match inside.get("port") {
        Some(value) => Some(port(value)?),
        None => None,
    };
    if name == "redirect" {
        return Some(vec![Step::Do(Action::Redirect(ports))]);
    }
    let Some(to) = inside.get("addr") else { return Some(vec![Step::Do(Action::Destination(None, ports))]) };
    let Some(map) = to.get("map") else {
        let (family, action) = destination(to, ports)?;
        return Some(vec![of_family(family), Step::Do(action)]);
    };
    let (lefts, elements) = map_of(map, table, named)?;
    let readings: Vec<Reading> = lefts.iter().map(|left| left.reading).collect();
    let (mut entries, mut families) = (Vec::new(), Vec::new());
    for element in elements {
        let pair = element.as_array()?;
        let (family, action) = destination(pair.get(1)?, ports)?;
        families.push(family);
        entries.push((named::entry(pair.first()?, &readings)?, action));
    }
    let fields = lefts.iter().map(|left| left.field).collect();
    let needs = lefts.into_iter().flat_map(|left| left.needs).map(Step::If);
    let family = families.first().map(|family| of_family(*family));
    Some(needs.chain(family).chain([Step::Do(Action::Choose(fields, Arc::new(entries)))]).collect())
}

fn of_family(family: Family) -> Step {
    Step::If(Condition::is(Field::FamilyNumber, if family == Family::V4 { 2 } else { 10 }))
}

/// `"10.0.0.1"`, or an address and a port out of a map.
fn destination(value: &Value, ports: Option<(u128, u128)>) -> Option<(Family, Action)> {
    let (to, ports) = match value.get("concat").and_then(Value::as_array) {
        Some(pair) => (pair.first()?, Some(port(pair.get(1)?)?)),
        None => (value, ports),
    };
    let to: IpAddr = to.as_str()?.parse().ok()?;
    Some((Family::of(to), Action::Destination(Some(address::number(to)), ports)))
}
