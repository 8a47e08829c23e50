//! Which generation a consumer was given, for consumers whose own files do not say it: `in-force/<consumer>.json`. nginx is
//! not among them: its include names the generation.

use serde::{Deserialize, Serialize};

use crate::agent::place::{Place, PlaceError};
use crate::base::ids::CertificateId;
use crate::wire::grant::Consumer;
use crate::wire::request::Generation;

/// The directory of the records.
const ROOT: &str = "in-force";

/// A certificate and a generation of it.
pub(in crate::agent) type Which = (CertificateId, Generation);

/// What a consumer was given last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::agent) struct Record {
    /// Which certificate.
    pub(in crate::agent) certificate: CertificateId,
    /// Which generation of it.
    pub(in crate::agent) generation: Generation,
    /// What it was given before.
    pub(in crate::agent) former: Option<Which>,
}

impl Record {
    /// What came before `own`: this record, or what came before it where it is `own` itself.
    pub(in crate::agent) fn before(self, own: Which) -> Option<Which> {
        let this = (self.certificate, self.generation);
        if this == own { self.former } else { Some(this) }
    }

    /// Whether this generation is the one in force, or the one before.
    fn holds(&self, which: Which) -> bool {
        (self.certificate, self.generation) == which || self.former == Some(which)
    }
}

/// What `consumer` was given; `None` if nothing.
///
/// # Errors
/// The disk refused. A record that cannot be understood counts as none, and is named in the log.
pub(in crate::agent) fn read(place: &Place, consumer: Consumer) -> Result<Option<Record>, PlaceError> {
    let spot = spot(consumer);
    let Some(bytes) = place.read(&spot)? else { return Ok(None) };
    let record = serde_json::from_slice(&bytes).ok();
    if record.is_none() {
        tracing::error!("{} says nothing that can be understood", place.absolute(&spot).display());
    }
    Ok(record)
}

/// Notes what `consumer` was given.
///
/// # Errors
/// The disk refused.
pub(in crate::agent) fn write(place: &Place, consumer: Consumer, record: &Record) -> Result<(), PlaceError> {
    place.create_directory(ROOT)?;
    place.write(&spot(consumer), &serde_json::to_vec(record).unwrap_or_default())
}

/// `consumer` has what it had before `which` again, if the record says `which`.
///
/// # Errors
/// The disk refused.
pub(in crate::agent) fn take_back(place: &Place, consumer: Consumer, which: Which) -> Result<(), PlaceError> {
    let Some(record) = read(place, consumer)? else { return Ok(()) };
    if (record.certificate, record.generation) != which {
        return Ok(());
    }
    match record.former {
        Some((certificate, generation)) => write(place, consumer, &Record { certificate, generation, former: None }),
        None => place.remove(&spot(consumer)),
    }
}

/// Whether some consumer has this generation, or had it before the one it has.
///
/// # Errors
/// The disk refused.
pub(in crate::agent) fn is_held(place: &Place, which: Which) -> Result<bool, PlaceError> {
    Ok(read(place, Consumer::FreeSwitch)?.is_some_and(|record| record.holds(which)))
}

fn spot(consumer: Consumer) -> String {
    format!("{ROOT}/{}.json", consumer.word().to_ascii_lowercase())
}
