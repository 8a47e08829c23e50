//! Which tenants have a certificate: the tenants of the last survey against the names in force.

use std::collections::HashSet;

use crate::base::chain::printable;
use crate::base::clock::{Timestamp, spoken};
use crate::base::names::Fqdn;
use crate::store::certificates::CertificateRow;
use crate::web::handlers::trail::form_encoded;
use crate::web::pages::certificates::{Coverage, CoverageRow};
use crate::web::parts::{Mark, Pager, Search};
use crate::web::routes;
use crate::wire::grant::Consumer;

/// Tenants on one page.
const PAGE: usize = 50;

/// The names that certificates in force cover, for quick asking.
pub(super) struct Covered<'a> {
    exact: HashSet<&'a str>,
    wildcards: HashSet<&'a str>,
}

impl<'a> Covered<'a> {
    pub(super) fn by(certificates: &'a [CertificateRow], now: Timestamp) -> Self {
        let mut covered = Self { exact: HashSet::new(), wildcards: HashSet::new() };
        for certificate in certificates {
            // FreeSWITCH's is served to phones, not to browsers.
            if certificate.consumer != Consumer::Nginx {
                continue;
            }
            if certificate.in_force.as_ref().is_none_or(|in_force| in_force.not_after <= now) {
                continue;
            }
            for name in &certificate.names {
                let set = if name.is_wildcard() { &mut covered.wildcards } else { &mut covered.exact };
                set.insert(name.base().as_str());
            }
        }
        covered
    }

    /// Whether a client that asks for `host` gets a certificate for it (RFC 9525 section 6.3).
    pub(super) fn has(&self, host: &Fqdn) -> bool {
        let parent = host.as_str().split_once('.').map(|(_, parent)| parent);
        self.exact.contains(host.as_str()) || parent.is_some_and(|parent| self.wildcards.contains(parent))
    }
}

/// A tenant's state.
struct Tenant<'a> {
    shown: &'a str,
    name: Option<Fqdn>,
    is_covered: bool,
}

/// One page of tenants, those without a certificate first.
pub(super) fn coverage(
    tenants: &[String],
    certificates: &[CertificateRow],
    (find, page): (&str, usize),
    now: Timestamp,
) -> Coverage {
    let covered = Covered::by(certificates, now);
    let mut all: Vec<Tenant<'_>> = tenants
        .iter()
        .map(|shown| {
            let name = Fqdn::parse(shown).ok();
            let is_covered = name.as_ref().is_some_and(|name| covered.has(name));
            Tenant { shown, name, is_covered }
        })
        .collect();
    let with = all.iter().filter(|tenant| tenant.is_covered).count();
    let without = all.len() - with;
    let wanted = find.to_lowercase();
    all.retain(|tenant| wanted.is_empty() || tenant.shown.to_lowercase().contains(&wanted));
    all.sort_by(|one, other| one.is_covered.cmp(&other.is_covered).then_with(|| one.shown.cmp(other.shown)));
    let from = page.saturating_mul(PAGE).min(all.len());
    let until = from.saturating_add(PAGE).min(all.len());
    let link = |page: usize| format!("{}?find={}&page={page}#coverage", routes::CERTIFICATES, form_encoded(find));
    Coverage {
        with: u32::try_from(with).unwrap_or(u32::MAX),
        without: u32::try_from(without).unwrap_or(u32::MAX),
        search: Search {
            action: routes::CERTIFICATES.to_owned(),
            name: "find".to_owned(),
            label: "Find a tenant".to_owned(),
            typed: find.to_owned(),
        },
        rows: all.get(from..until).unwrap_or_default().iter().map(|tenant| row(tenant, certificates, now)).collect(),
        pager: Pager {
            words: if all.is_empty() {
                "no tenant of that name".to_owned()
            } else {
                format!("{} to {until} of {}", from + 1, all.len())
            },
            previous: (page > 0).then(|| link(page - 1)),
            next: (until < all.len()).then(|| link(page + 1)),
        },
    }
}

fn row(tenant: &Tenant<'_>, certificates: &[CertificateRow], now: Timestamp) -> CoverageRow {
    let by = tenant.name.as_ref().filter(|_| tenant.is_covered).and_then(|name| {
        certificates.iter().filter_map(|row| row.in_force.as_ref().map(|in_force| (row, in_force))).find_map(
            |(row, in_force)| row.names.iter().find(|own| own.covers(name)).map(|own| (own, in_force.not_after)),
        )
    });
    let words = match (&tenant.name, by) {
        (None, _) => "not a name that a certificate can cover".to_owned(),
        (Some(_), Some((name, until))) => format!("{name}, {} left", spoken(until.since(now))),
        (Some(_), None) => "none".to_owned(),
    };
    CoverageRow {
        tenant: printable(tenant.shown),
        mark: if tenant.is_covered { Mark::Pass } else { Mark::Fail },
        words,
        can_order: tenant.name.is_some() && !tenant.is_covered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::CertificateId;
    use crate::base::names::CertificateName;
    use crate::store::certificates::{Choices, InForce};
    use crate::wire::request::{Generation, KeyKind};

    fn certificate(names: &[&str], until: i64) -> CertificateRow {
        CertificateRow {
            consumer: Consumer::Nginx,
            id: CertificateId(1),
            names: names.iter().map(|name| CertificateName::parse(name).unwrap()).collect(),
            key: KeyKind::Rsa2048,
            in_force: Some(InForce {
                generation: Generation(1),
                issuer: "CA".into(),
                serial: "01".into(),
                not_before: Timestamp::from_unix(0),
                not_after: Timestamp::from_unix(until),
            }),
            failures: 0,
            last_attempt: None,
            last_failure: None,
            jitter: 0,
            next_attempt: None,
            paused_until: None,
            window: None,
            choices: Choices::default(),
            void_since: None,
        }
    }

    #[test]
    fn uncovered_tenants_come_first_and_an_expired_certificate_covers_nobody() {
        let tenants = ["a.example", "b.example", "c.expired.example", "<img src=x>"].map(ToOwned::to_owned);
        let certificates = [certificate(&["a.example"], 100), certificate(&["*.expired.example"], 5)];

        let coverage = coverage(&tenants, &certificates, ("", 0), Timestamp::from_unix(10));

        assert_eq!((coverage.with, coverage.without), (1, 3));
        let order: Vec<&str> = coverage.rows.iter().map(|row| row.tenant.as_str()).collect();
        assert_eq!(order, ["<img src=x>", "b.example", "c.expired.example", "a.example"]);
        assert!(!coverage.rows[0].can_order);
    }
}
