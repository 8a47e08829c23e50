//! `rampart dns list|test`: the zones that names are proved in, and whether that works.

use std::io::Write;

use anyhow::{Context as _, Result, bail};
use serde::Serialize;

use crate::base::chain::printable;
use crate::base::names::Fqdn;
use crate::cli::check::Format;
use crate::deeds::Deeds;
use crate::deeds::certificates::Issuing;
use crate::store::dns::TestRow;
use crate::store::trail::Actor;

#[derive(Serialize)]
struct ZonesJson {
    zones: Vec<ZoneJson>,
}

#[derive(Serialize)]
struct ZoneJson {
    zone: String,
    way: String,
    credential: Option<String>,
}

#[derive(Serialize)]
struct TestsJson {
    tests: Vec<TestJson>,
}

#[derive(Serialize)]
struct TestJson {
    zone: String,
    result: &'static str,
    words: String,
}

/// Prints the approved zones.
///
/// # Errors
/// The store failed, or nobody reads what is printed.
pub async fn list(deeds: &Deeds, issuing: &Issuing, format: Format, out: &mut impl Write) -> Result<()> {
    let credentials = deeds.store.dns_credentials().await?;
    let rows = deeds.store.dns_zones().await?;
    let mut zones: Vec<ZoneJson> = rows
        .iter()
        .map(|row| ZoneJson {
            zone: row.zone.to_string(),
            way: row.way.word().to_owned(),
            credential: row
                .credential
                .and_then(|id| credentials.iter().find(|one| one.id == id))
                .map(|one| one.name.clone()),
        })
        .collect();
    for zone in issuing.zones.iter().filter(|zone| rows.iter().all(|row| row.zone != **zone)) {
        let credential = Some("rampart.toml".to_owned());
        zones.push(ZoneJson { zone: zone.to_string(), way: "dns-01".to_owned(), credential });
    }
    zones.sort_by(|one, other| one.zone.cmp(&other.zone));
    match format {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&ZonesJson { zones })?)?,
        Format::Text => {
            for zone in zones {
                let credential = zone.credential.map(|name| printable(&name)).unwrap_or_default();
                writeln!(out, "{}\t{}\t{credential}", zone.zone, zone.way)?;
            }
        }
    }
    Ok(())
}

/// Tests one zone, or every approved one: a record is written, seen on every name server and taken away. Answers whether
/// all is well.
///
/// # Errors
/// The zone is not approved, none is, or the store failed.
pub async fn test(
    deeds: &Deeds,
    issuing: &Issuing,
    zone: Option<&str>,
    format: Format,
    out: &mut impl Write,
) -> Result<bool> {
    let zones = match zone {
        Some(zone) => vec![Fqdn::parse(zone)?],
        None => deeds.proving(issuing).await?.zones,
    };
    if zones.is_empty() {
        bail!("no zone is approved: do that on the page \"Proving names\", or in [dns] of rampart.toml");
    }
    let actor = Actor { name: "command line".to_owned(), address: None };
    let mut tests = Vec::new();
    for zone in &zones {
        let row = deeds.test_dns_zone(issuing, &actor, zone).await;
        let row = row.with_context(|| format!("{zone} was not tested"))?;
        if format == Format::Text {
            writeln!(out, "{}\t{}\t{}", row.zone, result(&row), printable(&row.words))?;
        }
        tests.push(row);
    }
    let is_good = tests.iter().all(|row| row.is_good == Some(true));
    if format == Format::Json {
        let json = |row: TestRow| TestJson { result: result(&row), words: printable(&row.words), zone: row.zone };
        let tests = TestsJson { tests: tests.into_iter().map(json).collect() };
        writeln!(out, "{}", serde_json::to_string_pretty(&tests)?)?;
    }
    Ok(is_good)
}

fn result(row: &TestRow) -> &'static str {
    if row.is_good == Some(true) { "pass" } else { "fail" }
}
