//! The places of the newest run as a file, written while they are read: CSV for a spreadsheet, JSON for programs.

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::try_unfold;
use serde_json::json;
use tracing::error;

use crate::base::chain::Chain;
use crate::store::StoreError;
use crate::store::credentials::{CredentialPlace, PlacesWanted};
use crate::web::auth::Visit;
use crate::web::error::PageError;
use crate::web::handlers::credential_view::severity;
use crate::web::handlers::credentials::CredentialsAsk;
use crate::web::state::AppState;

/// Places that are read at once.
const PIECE: u32 = 2_000;

/// How the file is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    Json,
}

/// How far the file is.
enum At {
    Begin,
    After(i64),
    End,
}

/// The file.
pub(crate) async fn get(
    State(app): State<AppState>,
    visit: Visit,
    Query(ask): Query<CredentialsAsk>,
) -> Result<Response, PageError> {
    let ask = ask.known(&visit.reach);
    let format = if ask.format == "json" { Format::Json } else { Format::Csv };
    let run = app.deeds.store.newest_credential_run().await?.map_or(0, |newest| newest.id);
    let wanted = PlacesWanted { after: 0, ..ask.wanted(&visit.reach, PIECE) };
    let (store, reach) = (app.deeds.store.clone(), visit.reach.clone());
    let pieces = try_unfold(At::Begin, move |at| {
        let (store, reach, wanted) = (store.clone(), reach.clone(), wanted.clone());
        async move {
            let (is_first, after) = match at {
                At::Begin => (true, 0),
                At::After(row) => (false, row),
                At::End => return Ok(None),
            };
            let wanted = PlacesWanted { after, ..wanted };
            let places = store.credential_places(&reach, run, &wanted).await.inspect_err(|error| {
                error!("An export of credentials was cut off: {}", Chain(error));
            })?;
            let next =
                places.last().filter(|_| places.len() == PIECE as usize).map_or(At::End, |last| At::After(last.0));
            let piece = piece(format, &places, is_first, matches!(next, At::End));
            Ok::<_, StoreError>(Some((piece, next)))
        }
    });
    let (kind, name) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"rampart-credentials.csv\""),
        Format::Json => ("application/json", "attachment; filename=\"rampart-credentials.json\""),
    };
    Ok(([(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, name)], Body::from_stream(pieces)).into_response())
}

fn piece(format: Format, places: &[(i64, CredentialPlace)], is_first: bool, is_last: bool) -> String {
    let mut text = String::new();
    if is_first {
        text.push_str(if format == Format::Csv { "table,domain,place,severity,reasons\r\n" } else { "[" });
    }
    for (number, (_, place)) in places.iter().enumerate() {
        match format {
            Format::Csv => text.push_str(&line(place)),
            Format::Json => {
                text.push_str(if is_first && number == 0 { "\n" } else { ",\n" });
                let CredentialPlace { table, domain, place: at, reasons, .. } = place;
                let weight = severity(place.severity);
                let row =
                    json!({"table": table, "domain": domain, "place": at, "severity": weight, "reasons": reasons});
                text.push_str(&row.to_string());
            }
        }
    }
    if is_last && format == Format::Json {
        text.push_str("\n]\n");
    }
    text
}

/// One line of CSV (RFC 4180).
fn line(place: &CredentialPlace) -> String {
    let cells = [&place.table, &place.domain, &place.place, &severity(place.severity), &place.reasons.join(" ")];
    cells.map(|text| cell(text)).join(",") + "\r\n"
}

/// One cell, always quoted. A spreadsheet takes what begins like a formula for one: such a cell gets an apostrophe
/// (OWASP, CSV injection).
fn cell(text: &str) -> String {
    let is_formula =
        text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']);
    let quote = if is_formula { "'" } else { "" };
    format!("\"{quote}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_a_formula_nor_the_end_of_its_line() {
        assert_eq!(cell("101"), "\"101\"");
        assert_eq!(cell("=HYPERLINK(\"http://x\")"), "\"'=HYPERLINK(\"\"http://x\"\")\"");
        for hostile in ["+1", "-1", "@x", "\tx", "\rx"] {
            assert!(cell(hostile).starts_with("\"'"), "{hostile:?}");
        }
        assert_eq!(cell("a\r\n\",b"), "\"a\r\n\"\",b\"");
    }
}
