//! `rampart credentials audit`: judges every secret that FusionPBX keeps, and prints the places as they are found. Never
//! a secret.

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use crate::base::chain::printable;
use crate::base::clock::Timestamp;
use crate::base::rng::Random;
use crate::cli::check::Format;
use crate::fusionpbx::FusionPbx;
use crate::fusionpbx::secrets::{Audited, Place, SecretsError};
use crate::policy::secrets::{Reason, Weight};

/// How long hashes of accounts are compared with their phones' secrets: somebody waits.
const SPEND: Duration = Duration::from_secs(2);

/// One place as JSON has it.
#[derive(Serialize)]
struct PlaceJson<'a> {
    table: &'a str,
    domain: &'a str,
    place: &'a str,
    reasons: Vec<&'static str>,
}

/// One gap as JSON has it.
#[derive(Serialize)]
struct GapJson<'a> {
    table: &'a str,
    reason: &'a str,
}

/// Judges everything, as of `now`, and prints it to `out`.
///
/// # Errors
/// FusionPBX's database does not answer, or `out` is gone. What was printed until then stands.
pub async fn audit(
    fusionpbx: &FusionPbx,
    (random, now): (&dyn Random, Timestamp),
    format: Format,
    out: &mut (impl Write + Send),
) -> Result<(), SecretsError> {
    match format {
        Format::Json => {
            write!(out, "{{\"places\": [")?;
            let mut between = "\n";
            let audited = fusionpbx
                .audit_secrets(random, (now, SPEND), &mut |place| {
                    out.write_all(between.as_bytes())?;
                    between = ",\n";
                    print_json(place, out)
                })
                .await?;
            end_json(&audited, out)?;
        }
        Format::Text => {
            let audited = fusionpbx.audit_secrets(random, (now, SPEND), &mut |place| print_text(place, out)).await?;
            end_text(&audited, out)?;
        }
    }
    out.flush()?;
    Ok(())
}

fn print_json(place: &Place<'_>, out: &mut impl Write) -> io::Result<()> {
    let place = PlaceJson {
        table: place.table,
        domain: place.domain,
        place: place.place,
        reasons: place.reasons.iter().map(Reason::name).collect(),
    };
    serde_json::to_writer(out, &place).map_err(io::Error::from)
}

fn end_json(audited: &Audited, out: &mut impl Write) -> io::Result<()> {
    let gaps: Vec<GapJson<'_>> =
        audited.not_tested.iter().map(|gap| GapJson { table: gap.table, reason: &gap.reason }).collect();
    let (totals, gaps) = (serde_json::to_string(&audited.totals)?, serde_json::to_string(&gaps)?);
    writeln!(out, "\n], \"totals\": {totals}, \"not_tested\": {gaps}}}")
}

fn print_text(place: &Place<'_>, out: &mut impl Write) -> io::Result<()> {
    let worst = place.reasons.iter().map(|reason| reason.weight(place.is_enabled)).min().unwrap_or(Weight::Info);
    write!(out, "{:<8} {} {} {}:", worst.word(), place.table, shown(place.domain), shown(place.place))?;
    for (number, reason) in place.reasons.iter().enumerate() {
        write!(out, "{} {}", if number == 0 { "" } else { "," }, reason.name())?;
    }
    writeln!(out)
}

fn shown(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { printable(text) }
}

fn end_text(audited: &Audited, out: &mut impl Write) -> io::Result<()> {
    let judged: u64 = audited.judged.values().sum();
    writeln!(out, "\n{judged} rows judged, {} with something wrong", audited.places)?;
    for (table, count) in &audited.judged {
        writeln!(out, "  {table}: {count} judged")?;
    }
    for (name, count) in &audited.totals {
        let words = Reason::find(name).map_or("", |reason| reason.about().words);
        writeln!(out, "  {count:>8} {name}: {words}")?;
    }
    for gap in &audited.not_tested {
        writeln!(out, "  not tested: {}: {}", gap.table, printable(&gap.reason))?;
    }
    Ok(())
}
