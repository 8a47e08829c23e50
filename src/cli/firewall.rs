//! `rampart firewall`: who reaches what, from files that the save tools wrote; no console, agent or database is asked.

use std::fs::DirBuilder;
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use crate::base::chain::printable;
use crate::firewall::Snapshot;
use crate::firewall::explain::{Asked, explain};
use crate::firewall::matrix::Matrix;
use crate::firewall::probes::{self, ProbeError};
use crate::firewall::reach::{Carried, Verdict};
use crate::firewall::snapshot::FILES;
use crate::wire::firewall::FirewallSaves;

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
    /// A file could not be written.
    #[error("writing {0}")]
    Write(String, #[source] io::Error),
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

/// Says whether it can, and by which rules.
///
/// # Errors
/// The question cannot be asked of this host.
pub fn print_explained(snapshot: &Snapshot, asked: &Asked, out: &mut impl Write) -> Result<Verdict, FirewallError> {
    let explained = explain(&snapshot.firewall(), &snapshot.host(), asked).map_err(FirewallError::Question)?;
    let mut text = format!("{}\n{}\n\n", printable(&explained.head), printable(&explained.reason));
    for (word, place) in &explained.path {
        text.extend(["  ", word, "  ", &printable(place), "\n"]);
    }
    out.write_all(text.as_bytes()).map_err(FirewallError::Print)?;
    Ok(explained.verdict)
}

/// Prints, for every place that packets come from, the ports that are not closed to it, whether something listens or not.
///
/// # Errors
/// The answer cannot be printed.
pub fn print_matrix(snapshot: &Snapshot, out: &mut impl Write) -> Result<(), FirewallError> {
    let matrix = Matrix::new(&snapshot.firewall(), &snapshot.host(), &[]);
    let mut text = "zone\tfamily\tinterface\tproto\topen ports\n".to_owned();
    for (at, zone) in matrix.zones.iter().enumerate() {
        for (word, carried) in [("tcp", Carried::Tcp), ("udp", Carried::Udp)] {
            let ports = matrix.open_ports(at, carried).unwrap_or_default();
            let spans: Vec<String> = ports
                .parts()
                .iter()
                .map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") })
                .collect();
            let ports = if spans.is_empty() { "none".to_owned() } else { spans.join(" ") };
            let row = [zone.place.words(), zone.family.words(), &printable(&zone.interface), word, &ports].join("\t");
            text.extend([row.as_str(), "\n"]);
        }
    }
    out.write_all(text.as_bytes()).map_err(FirewallError::Print)
}

/// Writes what the agent read into a new folder, for a support case. Only its owner may read the files.
///
/// # Errors
/// The folder is there already, or a file cannot be written.
pub fn save(saves: &FirewallSaves, folder: &Path, out: &mut impl Write) -> Result<(), FirewallError> {
    let named = |path: &Path| path.display().to_string();
    let failed = |path: &Path| {
        let name = named(path);
        move |error| FirewallError::Write(name, error)
    };
    DirBuilder::new().mode(0o700).create(folder).map_err(failed(folder))?;
    for file in &saves.files {
        // The agent's names are file names of ours; a path among them would be another agent's.
        if !FILES.iter().any(|(name, _)| *name == file.name) {
            continue;
        }
        let path = folder.join(&file.name);
        std::fs::write(&path, &file.text).map_err(failed(&path))?;
        writeln!(out, "{}", path.display()).map_err(FirewallError::Print)?;
    }
    for unread in &saves.unread {
        writeln!(out, "not read: {}: {}", printable(&unread.name), printable(&unread.reason))
            .map_err(FirewallError::Print)?;
    }
    Ok(())
}
