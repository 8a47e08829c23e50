//! `rampart firewall`: who reaches what, from files that the save tools wrote; no console, agent or database is asked.

use std::io::{self, Write};
use std::net::IpAddr;
use std::path::Path;

use crate::base::chain::printable;
use crate::firewall::probes::{self, Probe, ProbeError};
use crate::firewall::reach::{Carried, Question, Verdict, reach};
use crate::firewall::snapshot::FILES;
use crate::firewall::{Family, Host, Ranges, Snapshot, address};

/// The largest file that is read: a rule set of a hundred thousand rules has a tenth of that.
const LARGEST: u64 = 256 * 1024 * 1024;

/// Why a question about a firewall has no answer.
#[derive(Debug, thiserror::Error)]
pub enum FirewallError {
    /// The folder holds none of the files of a snapshot.
    #[error("{0} holds none of the files that `rampart firewall save` writes")]
    Empty(String),
    /// A file could not be read.
    #[error("reading {0}")]
    Read(String, #[source] io::Error),
    /// A file is too large to be what it should be.
    #[error("{0} has more than 256 MiB")]
    Large(String),
    /// The table of questions cannot be answered.
    #[error("the table of questions")]
    Probes(#[source] ProbeError),
    /// The question is not about one family, or asks for an interface that is not there.
    #[error("{0}")]
    Question(String),
    /// The answer could not be printed.
    #[error("printing the answer")]
    Print(#[source] io::Error),
}

/// Reads a folder with the files of [`FILES`]. Those that are not there count as empty.
///
/// # Errors
/// None of the files is there, or one cannot be read.
pub fn read_folder(folder: &Path) -> Result<Snapshot, FirewallError> {
    let mut snapshot = Snapshot::default();
    let mut found = false;
    for (name, _) in FILES {
        if let Some(text) = read_file(&folder.join(name))? {
            snapshot.put(name, text);
            found = true;
        }
    }
    if found { Ok(snapshot) } else { Err(FirewallError::Empty(folder.display().to_string())) }
}

fn read_file(path: &Path) -> Result<Option<String>, FirewallError> {
    let named = || path.display().to_string();
    match std::fs::metadata(path) {
        Ok(file) if file.len() > LARGEST => return Err(FirewallError::Large(named())),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FirewallError::Read(named(), error)),
    }
    let bytes = std::fs::read(path).map_err(|error| FirewallError::Read(named(), error))?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// Answers a table of questions from a folder's files.
///
/// # Errors
/// The folder, the table or a line of it cannot be read.
pub fn answer(folder: &Path, table: &Path, out: &mut impl Write) -> Result<(), FirewallError> {
    let snapshot = read_folder(folder)?;
    let missing = || FirewallError::Read(table.display().to_string(), io::ErrorKind::NotFound.into());
    let text = read_file(table)?.ok_or_else(missing)?;
    let answers = probes::table(&snapshot.firewall(), &snapshot.host(), &text).map_err(FirewallError::Probes)?;
    out.write_all(answers.as_bytes()).map_err(FirewallError::Print)
}

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

/// Says whether it can, and by which rules.
///
/// # Errors
/// The question cannot be asked of this host.
pub fn explain(snapshot: &Snapshot, asked: &Asked, out: &mut impl Write) -> Result<Verdict, FirewallError> {
    let (firewall, host) = (snapshot.firewall(), snapshot.host());
    let probe = probe(&host, asked)?;
    let answers = probes::answer(&firewall, &host, std::slice::from_ref(&probe));
    let question = Question {
        family: probe.family,
        carried: probe.carried,
        interface: probe.interface.clone(),
        destination: probe.destination,
        clients: Ranges::one(probe.source),
        ports: Ranges::one(probe.port),
        client_ports: Ranges::one(Question::shown_port()),
    };
    let reached = reach(&firewall, &host, &question, true);
    let mut text = String::new();
    for step in reached.path(probe.source, probe.port, Question::shown_port()) {
        let word = match step.passed {
            Some(true) => "passes",
            Some(false) => "stops ",
            None => "enters",
        };
        text.extend(["  ", word, "  ", &printable(&probes::place(&firewall, step)), "\n"]);
    }
    let verdict = answers.first().map_or(Verdict::Depends, |answer| answer.verdict);
    let reason = answers.first().map_or("", |answer| answer.reason.as_str());
    let (from, to) = (asked.from, address::address(probe.family, probe.destination));
    let head = format!("{from} to {to} port {} by {}: {}", asked.port, probe.interface, verdict.words());
    write!(out, "{}\n{}\n\n{text}", printable(&head), printable(reason)).map_err(FirewallError::Print)?;
    Ok(verdict)
}

fn probe(host: &Host, asked: &Asked) -> Result<Probe, FirewallError> {
    let family = Family::of(asked.from);
    let refused = |what: &str| Err(FirewallError::Question(what.to_owned()));
    if asked.to.is_some_and(|to| Family::of(to) != family) {
        return refused("the two addresses are of different families");
    }
    let source = address::number(asked.from);
    let by_route = || host.ways(family).0.into_iter().find(|(_, set)| set.has(source)).map(|(name, _)| name);
    let own = host.is_own(family, source).then(|| "lo".to_owned());
    let Some(interface) = asked.interface.clone().or(own).or_else(by_route) else {
        return refused("no route says by which interface the sender comes in: name one with --interface");
    };
    let first = || host.first_on(family, address::interface(&interface));
    let Some(destination) = asked.to.map(address::number).or_else(first) else {
        return refused("the interface has no address of this family: name one with --to");
    };
    let port = if asked.carried.has_ports() { u128::from(asked.port) } else { 0 };
    Ok(Probe { carried: asked.carried, family, port, source, destination, interface })
}
