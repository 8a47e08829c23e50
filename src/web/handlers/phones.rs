//! The fleet of phones against the certificate that nginx serves them.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;

use crate::audit::finding::Wall;
use crate::base::chain::{Chain, printable};
use crate::base::clock::Timestamp;
use crate::base::names::Fqdn;
use crate::fusionpbx::phones::FleetPhone;
use crate::store::certificates::CertificateRow;
use crate::tls::phones::{Fate, Grade, Offered, fate};
use crate::web::auth::Visit;
use crate::web::error::PageError;
use crate::web::handlers::draw;
use crate::web::pages::phones::{Fleet, MissingPhone, PhoneGroup, PhonesPage};
use crate::web::parts::Mark;
use crate::web::state::AppState;
use crate::web::view;
use crate::wire::grant::Consumer;

/// Phones that have not come back, on the page.
const SHOWN: usize = 100;

/// A phone that fetched within this time before a change is expected after it.
const EXPECTED: Duration = Duration::from_hours(30 * 24);

/// The page.
pub(crate) async fn get(State(app): State<AppState>, visit: Visit) -> Result<Response, PageError> {
    let rows = app.deeds.store.certificates(&visit.reach).await?;
    let fleet = match &app.fusionpbx {
        Ok(fusionpbx) => fusionpbx.fleet().await.map_err(|error| printable(&Chain(&error).to_string())),
        Err(reason) => Err(printable(reason)),
    };
    draw(&PhonesPage {
        frame: view::frame(&app, &visit, "Phones", Wall::Certificates.slug()).await?,
        offered: "Each phone is judged against Rampart's certificate for its tenant's name; where there is none, against a \
                  self-signed one."
            .to_owned(),
        fleet: fleet.map(|phones| judge(&phones, &rows)),
    })
}

/// The certificate that covers `tenant` in nginx: what phones get, and since when.
fn offered(tenant: &str, rows: &[CertificateRow]) -> (Offered, Option<Timestamp>) {
    let none = Offered { is_plain_rsa: true, is_signed: false, is_wildcard: false };
    let Ok(name) = Fqdn::parse(tenant) else { return (none, None) };
    let covering = rows.iter().filter(|row| row.consumer == Consumer::Nginx).find_map(|row| {
        let in_force = row.in_force.as_ref()?;
        let own = row.names.iter().find(|own| own.covers(&name) && !own.is_wildcard());
        let own = own.or_else(|| row.names.iter().find(|own| own.covers(&name)))?;
        Some((row.key, own.is_wildcard(), in_force.not_before))
    });
    match covering {
        Some((key, is_wildcard, since)) => {
            (Offered { is_plain_rsa: key.spoken().starts_with("RSA"), is_signed: true, is_wildcard }, Some(since))
        }
        None => (none, None),
    }
}

#[derive(Default)]
struct Group {
    templates: Vec<String>,
    count: u32,
    https: u32,
    http: u32,
    never: u32,
    note: String,
}

fn judge(phones: &[FleetPhone], rows: &[CertificateRow]) -> Fleet {
    let mut groups: BTreeMap<(Fate, String, Grade), Group> = BTreeMap::new();
    let (mut expected, mut back, mut missing) = (0_u32, 0_u32, Vec::new());
    let mut tenants: BTreeMap<&str, (Offered, Option<Timestamp>)> = BTreeMap::new();
    for phone in phones {
        let (offered, since) = *tenants.entry(&phone.tenant).or_insert_with(|| offered(&phone.tenant, rows));
        let fetched = phone.fetched.map(Timestamp::from_unix);
        let is_tls = phone.method == "https";
        let is_back = is_tls && since.is_some_and(|since| fetched.is_some_and(|fetched| fetched >= since));
        let was_there =
            is_tls && since.is_some_and(|since| fetched.is_some_and(|fetched| fetched >= since.minus(EXPECTED)));
        expected += u32::from(was_there);
        back += u32::from(is_back);
        if was_there && !is_back {
            missing.push(missing_phone(phone, fetched));
        }
        let model = format!("{} {}", phone.template, phone.agent);
        let (fate, grade, note) = if is_back {
            (Fate::Works, Grade::Observed, "fetched its settings over TLS since the last change".to_owned())
        } else {
            fate(&phone.vendor, &model, offered)
        };
        let group = groups.entry((fate, printable(&phone.vendor), grade)).or_default();
        add(group, phone, note);
    }
    let breaks: u32 =
        groups.iter().filter(|((fate, ..), _)| *fate == Fate::Breaks).map(|(_, group)| group.count).sum();
    let unknown: u32 =
        groups.iter().filter(|((fate, ..), _)| *fate == Fate::Unknown).map(|(_, group)| group.count).sum();
    let total = phones.len();
    let lost = missing.len();
    missing.truncate(SHOWN);
    Fleet {
        summary: format!(
            "Of {total} phones {breaks} would stop fetching their settings over TLS; of {unknown} nobody knows"
        ),
        mark: if breaks > 0 {
            Mark::Fail
        } else if unknown > 0 {
            Mark::NotTested
        } else {
            Mark::Pass
        },
        back: if expected == 0 { String::new() } else { back_words(lost, expected, back) },
        missing,
        groups: groups.into_iter().map(|((fate, vendor, grade), group)| row(fate, vendor, grade, group)).collect(),
    }
}

fn back_words(lost: usize, expected: u32, back: u32) -> String {
    if lost == 0 {
        return format!("All {expected} phones that fetched over TLS before have come back.");
    }
    format!("{lost} of {expected} have not come back since the certificate of their name was issued; {back} have.")
}

fn missing_phone(phone: &FleetPhone, fetched: Option<Timestamp>) -> MissingPhone {
    MissingPhone {
        address: printable(&phone.address),
        tenant: printable(&phone.tenant),
        model: printable(&format!("{} {}", phone.vendor, phone.template)),
        fetched: fetched.map_or_else(|| "never".to_owned(), Timestamp::minutes),
    }
}

fn add(group: &mut Group, phone: &FleetPhone, note: String) {
    group.count += 1;
    match (phone.method.as_str(), phone.fetched) {
        ("https", Some(_)) => group.https += 1,
        (_, Some(_)) => group.http += 1,
        (_, None) => group.never += 1,
    }
    let template = printable(&phone.template);
    if group.templates.len() < 8 && !template.is_empty() && !group.templates.contains(&template) {
        group.templates.push(template);
    }
    group.note = note;
}

fn row(fate: Fate, vendor: String, grade: Grade, group: Group) -> PhoneGroup {
    let (mark, words) = match fate {
        Fate::Breaks => (Mark::Fail, "would stop"),
        Fate::Unknown => (Mark::NotTested, "not known"),
        Fate::Unprotected => (Mark::Accepted, "accepts anything: goes on, and is not protected"),
        Fate::Works => (Mark::Pass, "goes on"),
    };
    PhoneGroup {
        vendor: if vendor.is_empty() { "no maker named".to_owned() } else { vendor },
        templates: group.templates.join(" "),
        count: group.count.to_string(),
        methods: format!("{} https, {} http, {} never", group.https, group.http, group.never),
        mark,
        words: words.to_owned(),
        grade: grade.spoken().to_owned(),
        note: group.note,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANGE: i64 = 1_795_371_696;

    fn phone(vendor: &str, method: &str, fetched: Option<i64>) -> FleetPhone {
        FleetPhone {
            tenant: "a.example.com".to_owned(),
            address: "0015651234ab".to_owned(),
            vendor: vendor.to_owned(),
            template: format!("{vendor}/x"),
            agent: String::new(),
            method: method.to_owned(),
            fetched,
        }
    }

    #[test]
    fn without_a_certificate_phones_that_check_would_stop_and_nobody_is_missed() {
        let fleet = judge(&[phone("yealink", "https", Some(CHANGE)), phone("fanvil", "http", None)], &[]);

        assert_eq!(fleet.mark, Mark::Fail);
        assert!(fleet.summary.starts_with("Of 2 phones 1 would stop"), "{}", fleet.summary);
        assert!(fleet.back.is_empty() && fleet.missing.is_empty());
        assert_eq!(fleet.groups.len(), 2);
    }

    #[test]
    fn who_has_not_come_back_is_counted_and_named() {
        assert_eq!(
            back_words(9, 40, 31),
            "9 of 40 have not come back since the certificate of their name was issued; 31 have."
        );
        assert_eq!(back_words(0, 40, 40), "All 40 phones that fetched over TLS before have come back.");
    }
}
