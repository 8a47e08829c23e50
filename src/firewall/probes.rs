//! Answers a table of questions: one line each, with a protocol, a family, a port, two addresses and an interface.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::firewall::address::{self, Family};
use crate::firewall::host::Host;
use crate::firewall::model::{CauseKind, Firewall};
use crate::firewall::ranges::Ranges;
use crate::firewall::reach::{At, Carried, Decision, Neighbours, Question, Reached, Verdict, neighbours, reach};

/// The columns that a table must have, in any order.
pub const COLUMNS: [&str; 6] = ["proto", "family", "dport", "src", "dst", "iif"];

/// Why a table cannot be answered.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// The header is not there, or a column is missing.
    #[error("the first line must name the columns proto, family, dport, src, dst and iif; {0} is missing")]
    Column(&'static str),
    /// A line cannot be read.
    #[error("line {line}: {what}")]
    Line {
        /// Which, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
}

/// One question of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What it carries.
    pub carried: Carried,
    /// IPv4 or IPv6.
    pub family: Family,
    /// The port it is sent to; 0 where there are none.
    pub port: u128,
    /// Who sends it.
    pub source: u128,
    /// Where to.
    pub destination: u128,
    /// The interface it comes in by.
    pub interface: String,
}

/// An answer to a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The verdict.
    pub verdict: Verdict,
    /// The rule that decided, or what it depends on.
    pub reason: String,
    /// What kind of thing it depends on first.
    pub kind: Option<CauseKind>,
}

/// Reads one line by the columns of the header.
///
/// # Errors
/// Says what is wrong with the line.
pub fn read(header: &[&str], cells: &[&str]) -> Result<Probe, String> {
    let cell = |name: &str| header.iter().position(|column| *column == name).and_then(|at| cells.get(at)).copied();
    let cell = |name: &str| cell(name).map(str::trim).ok_or_else(|| format!("{name} is missing"));
    let carried = match cell("proto")? {
        "tcp" => Carried::Tcp,
        "udp" => Carried::Udp,
        "icmp" | "icmpv6" | "ipv6-icmp" => Carried::Echo,
        number => Carried::Other(number.parse().map_err(|_| format!("{number} is no protocol known here"))?),
    };
    let family = match cell("family")?.trim_start_matches("ipv") {
        "4" => Family::V4,
        "6" => Family::V6,
        other => return Err(format!("{other} is no family: it is 4 or 6")),
    };
    let address = |name: &str| -> Result<u128, String> {
        let text = cell(name)?;
        let ip: IpAddr = text.parse().map_err(|_| format!("{text} is no address"))?;
        if Family::of(ip) == family {
            Ok(address::number(ip))
        } else {
            Err(format!("{text} is no {} address", family.words()))
        }
    };
    let port = cell("dport")?;
    let port: u16 = port.parse().map_err(|_| format!("{port} is no port"))?;
    let (source, destination) = (address("src")?, address("dst")?);
    Ok(Probe { carried, family, port: port.into(), source, destination, interface: cell("iif")?.to_owned() })
}

/// Answers a table: the same lines, with the columns `verdict` and `reason` behind.
///
/// # Errors
/// Says which line or column is wrong.
pub fn table(firewall: &Firewall, host: &Host, text: &str) -> Result<String, ProbeError> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let (_, first) = lines.next().ok_or(ProbeError::Column(COLUMNS[0]))?;
    let header: Vec<&str> = first.split('\t').map(str::trim).collect();
    if let Some(missing) = COLUMNS.iter().find(|column| !header.contains(column)) {
        return Err(ProbeError::Column(missing));
    }
    let (mut probes, mut rows) = (Vec::new(), Vec::new());
    for (number, line) in lines {
        let cells: Vec<&str> = line.split('\t').collect();
        probes.push(read(&header, &cells).map_err(|what| ProbeError::Line { line: number + 1, what })?);
        rows.push(line);
    }
    let answers = answer(firewall, host, &probes);
    let mut out = format!("{first}\tverdict\treason\n");
    for (row, answer) in rows.iter().zip(answers) {
        out.extend([row, "\t", answer.verdict.words(), "\t", &answer.reason, "\n"]);
    }
    Ok(out)
}

/// Answers all of them; those that share all but ports and senders are sent together.
#[must_use]
pub fn answer(firewall: &Firewall, host: &Host, probes: &[Probe]) -> Vec<Answer> {
    let mut groups: BTreeMap<(Carried, Family, u128, &str), Vec<usize>> = BTreeMap::new();
    for (place, probe) in probes.iter().enumerate() {
        let key = (probe.carried, probe.family, probe.destination, probe.interface.as_str());
        groups.entry(key).or_default().push(place);
    }
    let mut answers = vec![None; probes.len()];
    for ((carried, family, destination, interface), places) in groups {
        let points = |of: fn(&Probe) -> u128| {
            Ranges::join(places.iter().filter_map(|at| probes.get(*at)).map(|probe| (of(probe), of(probe))).collect())
        };
        let question = Question {
            family,
            carried,
            interface: interface.to_owned(),
            destination,
            clients: points(|probe| probe.source),
            ports: points(|probe| probe.port),
            client_ports: Question::all_ports(),
        };
        let reached = reach(firewall, host, &question, true);
        let dead = family == Family::V6 && neighbours(firewall, host, interface) != Neighbours::Found;
        for place in places {
            let Some(probe) = probes.get(place) else { continue };
            answers[place] = Some(one(firewall, &reached, probe, dead));
        }
    }
    answers.into_iter().flatten().collect()
}

fn one(firewall: &Firewall, reached: &Reached, probe: &Probe, dead: bool) -> Answer {
    let verdict = |ports: &Ranges| reached.from_ports(probe.source, probe.port, ports).unwrap_or(Verdict::Depends);
    let (verdict, chosen) = (verdict(&Question::ordinary_ports()), verdict(&Question::all_ports()));
    let (mut reason, kind) = because(firewall, reached, verdict, probe);
    if let Some((to, port)) =
        reached.arrival(probe.source, probe.port, Question::shown_port()).filter(|_| verdict != Verdict::Unreachable)
    {
        let port = port.map_or(String::new(), |(port, _)| format!(" port {port}"));
        reason = format!("{reason}; arrives at {}{port}", address::address(probe.family, to));
    }
    if chosen != verdict && verdict == Verdict::Unreachable {
        reason = format!("{reason}; a sender that chooses its own port gets further");
    }
    if dead && verdict == Verdict::Reachable {
        reason =
            format!("{reason}; but the rules drop neighbour discovery, without which IPv6 does not work on Ethernet");
    }
    Answer { verdict, reason, kind }
}

fn because(firewall: &Firewall, reached: &Reached, verdict: Verdict, probe: &Probe) -> (String, Option<CauseKind>) {
    if verdict == Verdict::Depends {
        let mut causes = reached.causes(probe.source, probe.port, Question::shown_port()).into_iter();
        let Some(first) = causes.next() else {
            return if reached.half_open(probe.source, probe.port, Question::shown_port()) {
                let text = "the connection opens, but no data can flow".to_owned();
                (format!("{text}: {}", decided(firewall, reached, probe, false)), Some(CauseKind::HalfOpen))
            } else {
                ("it depends on the port that the sender uses".to_owned(), Some(CauseKind::Header))
            };
        };
        let more = causes.count();
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        return (format!("it depends on {}: {}{more}", first.kind.words(), one_line(&first.text)), Some(first.kind));
    }
    (decided(firewall, reached, probe, verdict == Verdict::Reachable), None)
}

/// The decision that settled it: the drop, or the last one that let the first packet in.
fn decided(firewall: &Firewall, reached: &Reached, probe: &Probe, passed: bool) -> String {
    let mut path =
        reached.path(probe.source, probe.port, Question::shown_port()).filter(|one| one.passed == Some(passed));
    let found = if passed { path.filter(|one| one.opens && !one.back).last() } else { path.next() };
    found.map_or_else(|| "no rule stands in the way".to_owned(), |one| place(firewall, one))
}

/// Where a decision was made, in one line.
#[must_use]
pub fn place(firewall: &Firewall, decision: &Decision) -> String {
    let back = if decision.back { "on the way back: " } else { "" };
    match decision.at {
        At::Kernel(why) => format!("{back}{why}"),
        At::Policy { chain } => {
            let policy = if decision.passed == Some(true) { "accept" } else { "drop" };
            let words = firewall.chains.get(chain).map(crate::firewall::model::Chain::words).unwrap_or_default();
            format!("{back}{words}: policy {policy}")
        }
        At::Rule { chain, rule } => {
            let Some(chain) = firewall.chains.get(chain) else { return String::new() };
            let text = chain.rules.get(rule).map_or("", |rule| rule.text.as_str());
            format!("{back}{} rule {}: {}", chain.words(), rule + 1, one_line(text))
        }
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
