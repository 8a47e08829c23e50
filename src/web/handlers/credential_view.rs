//! Draws what the audit of credentials kept.

use std::collections::BTreeMap;

use crate::base::chain::printable;
use crate::base::role::Reach;
use crate::fusionpbx::rotation::SecretKind;
use crate::policy::secrets::{Reason, Weight};
use crate::store::credentials::{CredentialPlace, OF_OTHERS, ReasonCount, TrendPoint};
use crate::web::handlers::trail::form_encoded;
use crate::web::pages::credentials::{Bar, PlaceRow, ReasonRow, SeverityCount, TrendView};
use crate::web::parts::Choice;
use crate::web::routes;

/// The tables in which there may be something, as FusionPBX names them.
const TABLES: [&str; 12] = [
    "v_extensions",
    "v_voicemails",
    "v_device_lines",
    "v_gateways",
    "v_devices",
    "v_default_settings",
    "v_domain_settings",
    "v_pin_numbers",
    "v_conference_rooms",
    "v_conferences",
    "v_call_center_agents",
    "v_users",
];

/// How high the drawing of the trend is, in its own units.
const HEIGHT: u64 = 60;
/// How far two bars are apart.
const STEP: u32 = 10;

/// The word for a stored severity.
pub(super) fn severity(rank: u8) -> String {
    let weight = Weight::ALL.get(usize::from(rank)).copied().unwrap_or(Weight::Info);
    weight.word().to_owned()
}

/// Places by the worst that each has.
pub(super) fn severities(counts: &[ReasonCount]) -> Vec<SeverityCount> {
    let of = |rank: u8| -> u64 {
        let is_it = |count: &&ReasonCount| count.reason.is_empty() && count.severity == rank;
        counts.iter().filter(is_it).map(|count| count.places).sum()
    };
    (0..5).map(|rank| SeverityCount { word: severity(rank), places: of(rank).to_string() }).collect()
}

/// How many places have which reason, of accounts or of secrets.
pub(super) fn reasons(
    counts: &[ReasonCount],
    is_account: bool,
    path: impl Fn(&ReasonCount) -> String,
) -> Vec<ReasonRow> {
    let is_wanted = |count: &&ReasonCount| !count.reason.is_empty() && (count.table == "v_users") == is_account;
    counts
        .iter()
        .filter(is_wanted)
        .map(|count| ReasonRow {
            name: count.reason.clone(),
            words: Reason::find(&count.reason).map_or("", |reason| reason.about().words).to_owned(),
            severity: severity(count.severity),
            table: count.table.clone(),
            places: count.places.to_string(),
            href: path(count),
        })
        .collect()
}

/// One place, printable.
pub(super) fn place(place: &CredentialPlace, may_renew: bool) -> PlaceRow {
    let reason = |name: &String| {
        let about = Reason::find(name).map(Reason::about);
        let (words, remedy) = about.map_or(("", ""), |about| (about.words, about.remedy));
        (name.clone(), words.to_owned(), remedy.to_owned())
    };
    PlaceRow {
        severity: severity(place.severity),
        table: place.table.clone(),
        domain: printable(&place.domain),
        place: if place.place.is_empty() { "(no name)".to_owned() } else { printable(&place.place) },
        reasons: place.reasons.iter().map(reason).collect(),
        renew: kind(place).filter(|_| may_renew).map(|kind| plan_of(kind, &place.domain, &[&place.place])),
    }
}

/// Lead to plans of new secrets for all of `places`: one for each kind of each tenant that has more than one of them.
pub(super) fn renew_all(places: &[(i64, CredentialPlace)]) -> Vec<(String, String)> {
    let mut groups: BTreeMap<(SecretKind, &str), Vec<&str>> = BTreeMap::new();
    for (_, place) in places {
        if let Some(kind) = kind(place) {
            groups.entry((kind, &place.domain)).or_default().push(&place.place);
        }
    }
    let several = groups.into_iter().filter(|(_, places)| places.len() > 1);
    several
        .map(|((kind, domain), places)| {
            let words = format!("{} of kind {} of {}", places.len(), kind.word(), printable(domain));
            (plan_of(kind, domain, &places), words)
        })
        .collect()
}

/// What Rampart can give a new secret there.
fn kind(place: &CredentialPlace) -> Option<SecretKind> {
    let has_name = !place.domain.is_empty() && !place.place.is_empty();
    match place.table.as_str() {
        "v_extensions" if has_name => Some(SecretKind::Extension),
        "v_voicemails" if has_name => Some(SecretKind::Mailbox),
        "v_devices" if has_name => Some(SecretKind::Device),
        _ => None,
    }
}

fn plan_of(kind: SecretKind, domain: &str, places: &[&str]) -> String {
    let (domain, places) = (form_encoded(domain), form_encoded(&places.join(",")));
    format!("{}?kind={}&tenant={domain}&places={places}", routes::ROTATE, kind.word())
}

/// The trend as bars; `None` for fewer than two runs.
pub(super) fn trend(points: &[TrendPoint]) -> Option<TrendView> {
    let (first, last) = (points.first()?, points.last().filter(|_| points.len() > 1)?);
    let all = |point: &TrendPoint| point.places.iter().sum::<u64>();
    let most = points.iter().map(all).max().unwrap_or(0).max(1);
    let high = |places: u64| u32::try_from(places.saturating_mul(HEIGHT) / most).unwrap_or(0);
    let mut bars = Vec::new();
    for (number, point) in (0_u32..).zip(points) {
        let mut top = u32::try_from(HEIGHT).unwrap_or(60);
        for (rank, places) in (0_u8..).zip(point.places) {
            let height = high(places);
            if height > 0 {
                top = top.saturating_sub(height);
                bars.push(Bar { x: number * STEP, y: top, height, severity: severity(rank) });
            }
        }
    }
    let spoken = format!("Places with something wrong: {} at first, {} now, {most} at most", all(first), all(last));
    Some(TrendView {
        bars,
        width: u32::try_from(points.len()).unwrap_or(1) * STEP,
        spoken,
        from: first.at.minutes(),
        until: last.at.minutes(),
        rows: points.iter().rev().map(|point| (point.at.minutes(), in_words(point))).collect(),
    })
}

fn in_words(point: &TrendPoint) -> String {
    let one = |(rank, places): (u8, u64)| (places > 0).then(|| format!("{places} {}", severity(rank)));
    let words: Vec<String> = (0..).zip(point.places).filter_map(one).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

/// The reasons that one may search for.
pub(super) fn reason_choices(chosen: &str, reach: &Reach) -> Vec<Choice> {
    let may_see = |reason: &Reason| *reach == Reach::Everything || reason.name() != OF_OTHERS;
    let names = Reason::ALL.into_iter().filter(may_see).map(Reason::name);
    choices("every reason", names, chosen)
}

/// The tables that one may search in.
pub(super) fn table_choices(chosen: &str) -> Vec<Choice> {
    choices("every table", TABLES.into_iter(), chosen)
}

fn choices<'a>(any: &str, names: impl Iterator<Item = &'a str>, chosen: &str) -> Vec<Choice> {
    let choice = |value: &str, label: &str| Choice {
        value: value.to_owned(),
        label: label.to_owned(),
        chosen: value == chosen,
    };
    std::iter::once(choice("", any)).chain(names.map(|name| choice(name, name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Timestamp;

    #[test]
    fn the_trend_needs_two_runs_and_stays_inside_its_drawing() {
        let point = |places| TrendPoint { at: Timestamp::from_unix(0), places };

        assert!(trend(&[point([1, 0, 0, 0, 0])]).is_none());
        let drawn = trend(&[point([u64::MAX / 100, 7, 0, 0, 1]), point([0; 5]), point([3, 0, 0, 0, 0])]).unwrap();

        assert_eq!(drawn.rows.len(), 3);
        assert_eq!(drawn.rows[1].1, "none");
        assert!(drawn.bars.iter().all(|bar| bar.y + bar.height <= 60), "{:?}", drawn.bars);
    }
}
