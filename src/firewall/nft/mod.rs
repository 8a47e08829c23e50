//! Reads what `nft -j list ruleset` and `nft list ruleset` print.
//!
//! The JSON is the form that is read; the text fills in what nft 1.0.6 leaves out of the JSON or garbles in it: the flags of
//! a table (a dormant one is not applied) and the device of an ingress chain. `outline` reads that much of the text.
//! `field` reads what a rule compares, `value` with what, `named` the named sets and maps, `statement` the rest of a rule.

mod field;
mod named;
mod outline;
mod statement;
mod value;

use std::collections::HashMap;

use serde_json::Value;

use crate::firewall::address;
use crate::firewall::model::{Backend, Base, Cause, CauseKind, Chain, Firewall, Hook, Rule, Scope};
use crate::firewall::ranges::Ranges;

use named::Named;
use outline::Outline;

/// A table by its family and name.
type TableName = (String, String);

/// Adds the tables that nft printed, but for the chains that iptables keeps there and has printed better itself.
pub fn read(firewall: &mut Firewall, json: &str, text: &str) {
    let outline = Outline::read(text);
    let value: Value = match serde_json::from_str(json) {
        Ok(value) => value,
        Err(_) if json.trim().is_empty() && text.trim().is_empty() => return,
        Err(error) => return firewall.doubts.push(unread(&format!("nft's JSON could not be read: {error}"))),
    };
    let objects = value.get("nftables").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut named = Named::read(objects);
    let mut places: HashMap<(TableName, String), usize> = HashMap::new();
    for object in objects {
        let Some(chain) = object.get("chain") else { continue };
        let (table, name) = (table_of(chain), word(chain, "name"));
        if outline.dormant(&table) {
            firewall.notes.push(format!("table {} {} is dormant: its rules are not applied", table.0, table.1));
            continue;
        }
        if let Some(kept) = kept_by_iptables(firewall, &table, &name) {
            places.insert((table, name), kept);
            continue;
        }
        places.insert((table.clone(), name.clone()), firewall.chains.len());
        let chain = read_chain(firewall, chain, &table, name, &outline);
        firewall.chains.push(chain);
    }
    let mut rules: HashMap<usize, usize> = HashMap::new();
    for rule in objects.iter().filter_map(|object| object.get("rule")) {
        let (table, name) = (table_of(rule), word(rule, "chain"));
        let Some(place) = places.get(&(table.clone(), name.clone())).copied() else { continue };
        if kept_by_iptables(firewall, &table, &name).is_some() {
            continue;
        }
        let nth = rules.entry(place).or_default();
        let text = outline.rule(&table, &name, *nth);
        *nth += 1;
        let rule = read_rule(rule, &table, text, &mut named, &places);
        if let Some(chain) = firewall.chains.get_mut(place) {
            chain.rules.push(rule);
        }
    }
}

/// The chain of that name that iptables-nft-save has printed. It also prints built-in chains that are not there, empty:
/// such a one is in nobody's way.
fn kept_by_iptables(firewall: &Firewall, table: &TableName, name: &str) -> Option<usize> {
    let mut kept = firewall.chains.iter();
    kept.position(|chain| {
        let same = chain.name == name && chain.table == table.1 && chain.scope.words() == table.0;
        same && chain.backend == Backend::IptablesNft
    })
}

fn unread(text: &str) -> Cause {
    Cause { kind: CauseKind::Unknown, text: text.to_owned() }
}

fn word(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn table_of(value: &Value) -> TableName {
    (word(value, "family"), word(value, "table"))
}

fn read_chain(firewall: &mut Firewall, chain: &Value, table: &TableName, name: String, outline: &Outline) -> Chain {
    let scope = match table.0.as_str() {
        "ip" => Scope::V4,
        "ip6" => Scope::V6,
        "bridge" => Scope::Bridge,
        "arp" => Scope::Arp,
        _ => Scope::Both,
    };
    let hook = match word(chain, "hook").as_str() {
        "ingress" => Some(Hook::Ingress),
        "prerouting" => Some(Hook::Prerouting),
        "input" => Some(Hook::Input),
        "forward" => Some(Hook::Forward),
        "output" => Some(Hook::Output),
        "postrouting" => Some(Hook::Postrouting),
        "egress" => Some(Hook::Egress),
        "" => None,
        other => {
            firewall.doubts.push(unread(&format!("a hook that is not known: {other}")));
            None
        }
    };
    let base = hook.map(|hook| {
        let mut devices = outline.devices(table, &name);
        if devices.is_empty() {
            devices = listed(chain.get("dev"));
        }
        if devices.is_empty() && matches!(hook, Hook::Ingress | Hook::Egress) {
            firewall.doubts.push(unread(&format!("chain {} {} {name} does not say its device", table.0, table.1)));
        }
        let priority = chain.get("prio").and_then(Value::as_i64).and_then(|prio| i32::try_from(prio).ok());
        Base {
            hook,
            priority: priority.unwrap_or(0),
            translates: word(chain, "type") == "nat",
            drops: word(chain, "policy") == "drop",
            devices: Ranges::join(
                devices.iter().map(|name| (address::interface(name), address::interface(name))).collect(),
            ),
        }
    });
    Chain { backend: Backend::Nft, scope, table: table.1.clone(), name, base, rules: Vec::new() }
}

/// One text or a list of texts.
fn listed(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn read_rule(
    rule: &Value,
    table: &TableName,
    text: Option<&str>,
    named: &mut Named,
    places: &HashMap<(TableName, String), usize>,
) -> Rule {
    let expressions = rule.get("expr").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let comment = rule.get("comment").and_then(Value::as_str).map(str::to_owned);
    let mut steps = Vec::new();
    let mut counters = None;
    for expression in expressions {
        if let Some(counter) = expression.get("counter") {
            let count = |name: &str| counter.get(name).and_then(Value::as_u64);
            counters = count("packets").zip(count("bytes"));
        }
        let jump = |name: &str| places.get(&(table.clone(), name.to_owned())).copied();
        steps.extend(statement::read(expression, table, named, &jump));
    }
    let text = text.map_or_else(|| rule.get("expr").map(Value::to_string).unwrap_or_default(), str::to_owned);
    Rule { steps, text, counters, comment }
}

#[cfg(test)]
mod tests;
