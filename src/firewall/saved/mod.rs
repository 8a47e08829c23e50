//! Reads what `iptables-save` and `ip6tables-save` print, of either backend.
//!
//! `matches` and `conntrack` read what a rule asks, `targets` what it does, `words` splits a line as the shell would.
//! A match that is not known stays in its rule as one that nobody can answer, with its text; no rule is left out.

mod conntrack;
mod matches;
mod targets;
mod words;

pub(in crate::firewall) use matches::{flag_bits, protocol};

use std::collections::HashMap;

use crate::firewall::address::Family;
use crate::firewall::model::{Backend, Base, Cause, CauseKind, Chain, Firewall, Hook, Rule, Scope, Step};
use crate::firewall::ranges::Ranges;
use crate::firewall::sets::Sets;

/// Adds the tables that a save tool printed.
pub fn read(firewall: &mut Firewall, backend: Backend, family: Family, text: &str, sets: &Sets) {
    let mut table = String::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    // Chains come before rules, table by table; rules wait until all chains of their table have a place.
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') || line == "COMMIT" {
            continue;
        }
        if let Some(name) = line.strip_prefix('*') {
            name.clone_into(&mut table);
            places.clear();
        } else if let Some(declared) = line.strip_prefix(':') {
            let mut parts = declared.split_whitespace();
            let (Some(name), policy) = (parts.next(), parts.next().unwrap_or("-")) else { continue };
            places.insert(name.to_owned(), firewall.chains.len());
            firewall.chains.push(chain(backend, family, &table, name, policy));
        } else if let Some((name, rule)) = rule(line, family, &places, sets) {
            match places.get(&name).and_then(|place| firewall.chains.get_mut(*place)) {
                Some(chain) => chain.rules.push(rule),
                None => firewall.doubts.push(unread(line)),
            }
        } else {
            firewall.doubts.push(unread(line));
        }
    }
}

fn unread(line: &str) -> Cause {
    Cause { kind: CauseKind::Unknown, text: format!("a line that could not be read: {line}") }
}

fn chain(backend: Backend, family: Family, table: &str, name: &str, policy: &str) -> Chain {
    let scope = if family == Family::V4 { Scope::V4 } else { Scope::V6 };
    let base = (policy != "-").then(|| base(table, name, policy)).flatten();
    Chain { backend, scope, table: table.to_owned(), name: name.to_owned(), base, rules: Vec::new() }
}

/// Where the kernel calls the built-in chains: `include/uapi/linux/netfilter_ipv4.h`, `enum nf_ip_hook_priorities`.
fn base(table: &str, name: &str, policy: &str) -> Option<Base> {
    let hook = match name {
        "PREROUTING" => Hook::Prerouting,
        "INPUT" => Hook::Input,
        "FORWARD" => Hook::Forward,
        "OUTPUT" => Hook::Output,
        "POSTROUTING" => Hook::Postrouting,
        _ => return None,
    };
    let source = matches!(hook, Hook::Input | Hook::Postrouting);
    let priority = match table {
        "raw" => -300,
        "mangle" => -150,
        "nat" if source => 100,
        "nat" => -100,
        "security" => 50,
        _ => 0,
    };
    let (translates, drops) = (table == "nat", policy == "DROP");
    Some(Base { hook, priority, translates, drops, devices: Ranges::none() })
}

/// A rule's chain and the rule. None when the line is no rule at all.
fn rule(line: &str, family: Family, places: &HashMap<String, usize>, sets: &Sets) -> Option<(String, Rule)> {
    let (counters, body) = counters(line);
    let words = words::split(body);
    let mut words = words.iter().map(String::as_str).peekable();
    if !matches!(words.next()?, "-A" | "--append") {
        return None;
    }
    let name = words.next()?.to_owned();
    let all: Vec<&str> = words.collect();
    let (conditions, target, comment) = matches::read(&all, family, sets);
    let mut steps: Vec<Step> = conditions.into_iter().map(Step::If).collect();
    steps.extend(targets::read(&target, family, places).into_iter().map(Step::Do));
    Some((name, Rule { steps, text: body.to_owned(), counters, comment }))
}

/// `[12:3456] -A ...` with what comes after the counters.
fn counters(line: &str) -> (Option<(u64, u64)>, &str) {
    let read = || {
        let (inside, rest) = line.strip_prefix('[')?.split_once(']')?;
        let (packets, bytes) = inside.split_once(':')?;
        Some(((packets.parse().ok()?, bytes.parse().ok()?), rest.trim_start()))
    };
    read().map_or((None, line), |(counters, rest)| (Some(counters), rest))
}

#[cfg(test)]
mod tests;
