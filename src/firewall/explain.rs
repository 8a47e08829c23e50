//! One question in words: can this address reach that port, and by which rules.

use std::net::IpAddr;

use crate::firewall::address::{self, Family};
use crate::firewall::host::Host;
use crate::firewall::model::Firewall;
use crate::firewall::probes::{self, Probe};
use crate::firewall::ranges::Ranges;
use crate::firewall::reach::{Carried, Question, Verdict, reach};

/// One question: can `from` reach `port` at `to`?
#[derive(Clone, Debug)]
pub struct Asked {
    /// Who.
    pub from: IpAddr,
    /// Which address of the host; none: the first on the interface.
    pub to: Option<IpAddr>,
    /// Which port.
    pub port: u16,
    /// What is sent.
    pub carried: Carried,
    /// The interface it comes in by; none: the one that leads to `from`.
    pub interface: Option<String>,
}

/// The answer.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The verdict.
    pub verdict: Verdict,
    /// The question and the verdict in a line.
    pub head: String,
    /// The rule that decided, or what it depends on.
    pub reason: String,
    /// What happened on the way, and where: `passes`, `stops` or `enters`.
    pub path: Vec<(&'static str, String)>,
}

/// Follows one packet and its answer.
///
/// # Errors
/// The question cannot be asked of this host; the words say why.
pub fn explain(firewall: &Firewall, host: &Host, asked: &Asked) -> Result<Explained, String> {
    let probe = probe(host, asked)?;
    let answers = probes::answer(firewall, host, std::slice::from_ref(&probe));
    let question = Question {
        family: probe.family,
        carried: probe.carried,
        interface: probe.interface.clone(),
        destination: probe.destination,
        clients: Ranges::one(probe.source),
        ports: Ranges::one(probe.port),
        client_ports: Ranges::one(Question::shown_port()),
    };
    let reached = reach(firewall, host, &question, true);
    let steps = reached.path(probe.source, probe.port, Question::shown_port());
    let path = steps.map(|step| {
        let word = match step.passed {
            Some(true) => "passes",
            Some(false) => "stops",
            None => "enters",
        };
        (word, probes::place(firewall, step))
    });
    let path = path.collect();
    let verdict = answers.first().map_or(Verdict::Depends, |answer| answer.verdict);
    let to = address::address(probe.family, probe.destination);
    let head = format!("{} to {to} port {} by {}: {}", asked.from, asked.port, probe.interface, verdict.words());
    let reason = answers.into_iter().next().map(|answer| answer.reason).unwrap_or_default();
    Ok(Explained { verdict, head, reason, path })
}

fn probe(host: &Host, asked: &Asked) -> Result<Probe, String> {
    let family = Family::of(asked.from);
    if asked.to.is_some_and(|to| Family::of(to) != family) {
        return Err("the two addresses are of different families".to_owned());
    }
    let source = address::number(asked.from);
    let by_route = || host.ways(family).0.into_iter().find(|(_, set)| set.has(source)).map(|(name, _)| name);
    let own = host.is_own(family, source).then(|| "lo".to_owned());
    let Some(interface) = asked.interface.clone().or(own).or_else(by_route) else {
        return Err("no route says by which interface that address comes in: name the interface".to_owned());
    };
    let first = || host.first_on(family, address::interface(&interface));
    let Some(destination) = asked.to.map(address::number).or_else(first) else {
        return Err(format!("the interface {interface} has no {} address", family.words()));
    };
    let port = if asked.carried.has_ports() { u128::from(asked.port) } else { 0 };
    Ok(Probe { carried: asked.carried, family, port, source, destination, interface })
}
