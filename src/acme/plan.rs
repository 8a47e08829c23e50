//! What to order so that every tenant is covered: the fewest orders that do it, none of them before the CA's limits allow it,
//! spread over time. Pure: tenants, what is covered, what was spent and the present moment in; orders with their times out.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use crate::acme::budget::{Limit, Limits, Spent, registered_domain};
use crate::base::clock::Timestamp;
use crate::base::names::{CertificateName, Fqdn};

/// Of each limit so much in a hundred is used by a plan; the rest is for renewals and for people.
const SHARE: u32 = 80;

/// From so many siblings on, one wildcard is better than single names.
const SIBLINGS: usize = 2;

/// What a plan rests on.
#[derive(Clone, Copy, Debug)]
pub struct Need<'a> {
    /// Tenants' domains.
    pub tenants: &'a [Fqdn],
    /// The names that certificates in force, or orders under way, cover.
    pub covered: &'a [CertificateName],
    /// The zones in which names can be proved.
    pub zones: &'a [Fqdn],
    /// Tenants whose phones take no wildcard.
    pub exact: &'a BTreeSet<Fqdn>,
    /// The most names in one certificate.
    pub most_names: usize,
}

/// One order of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Its names.
    pub names: Vec<CertificateName>,
    /// The tenants that it covers.
    pub tenants: Vec<Fqdn>,
    /// Not before then.
    pub at: Timestamp,
}

/// A plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The orders, in the order of their times.
    pub orders: Vec<Planned>,
    /// Tenants that nothing can be ordered for, since no approved zone holds their name.
    pub outside: Vec<Fqdn>,
    /// Tenants that are covered already.
    pub covered: usize,
}

impl Plan {
    /// When the last order goes out.
    #[must_use]
    pub fn ends(&self) -> Option<Timestamp> {
        self.orders.last().map(|order| order.at)
    }
}

/// Makes a plan.
#[must_use]
pub fn plan(need: &Need<'_>, limits: &Limits, spent: &Spent, now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    let covered = Covered::by(need.covered);
    let zones = Zones::of(need.zones);
    let mut missing = Vec::new();
    let tenants: BTreeSet<&Fqdn> = need.tenants.iter().collect();
    for tenant in tenants {
        let takes_wildcards = !need.exact.contains(tenant);
        if covered.has(tenant, takes_wildcards) {
            plan.covered += 1;
        } else if !zones.hold(tenant.as_str()) {
            plan.outside.push(tenant.clone());
        } else {
            missing.push(tenant.clone());
        }
    }
    plan.orders = Pace::from(limits, spent, now).spread(group(missing, need, &zones));
    plan
}

/// A wildcard for siblings, all names of siblings that take no wildcard in one certificate, and each name that stands alone
/// by itself: two customers never share a certificate that lists both.
fn group(missing: Vec<Fqdn>, need: &Need<'_>, zones: &Zones<'_>) -> Vec<(Vec<CertificateName>, Vec<Fqdn>)> {
    let mut families: BTreeMap<Option<Fqdn>, Vec<Fqdn>> = BTreeMap::new();
    for tenant in missing {
        families.entry(zones.parent(&tenant)).or_default().push(tenant);
    }
    let mut orders = Vec::new();
    for (parent, members) in families {
        let (exact, free): (Vec<Fqdn>, Vec<Fqdn>) = members.into_iter().partition(|one| need.exact.contains(one));
        match parent {
            Some(parent) if free.len() >= SIBLINGS => {
                orders.push((vec![CertificateName::wildcard(parent.clone())], free));
            }
            _ => orders.extend(free.into_iter().map(alone)),
        }
        for chunk in exact.chunks(need.most_names.max(1)) {
            let names = chunk.iter().cloned().map(CertificateName::exact).collect();
            orders.push((names, chunk.to_vec()));
        }
    }
    fold_parents(orders)
}

fn alone(tenant: Fqdn) -> (Vec<CertificateName>, Vec<Fqdn>) {
    (vec![CertificateName::exact(tenant.clone())], vec![tenant])
}

/// A tenant that is itself the parent of a wildcard goes into the wildcard's order: `*.example.com` and `example.com`.
fn fold_parents(orders: Vec<(Vec<CertificateName>, Vec<Fqdn>)>) -> Vec<(Vec<CertificateName>, Vec<Fqdn>)> {
    let wildcards: HashMap<Fqdn, usize> = orders
        .iter()
        .enumerate()
        .filter_map(|(nth, (names, _))| match names.as_slice() {
            [only] if only.is_wildcard() => Some((only.base().clone(), nth)),
            _ => None,
        })
        .collect();
    let mut joined: HashMap<usize, Fqdn> = HashMap::new();
    let mut gone = BTreeSet::new();
    for (nth, (names, _)) in orders.iter().enumerate() {
        if let [only] = names.as_slice()
            && !only.is_wildcard()
            && let Some(into) = wildcards.get(only.base())
        {
            joined.insert(*into, only.base().clone());
            gone.insert(nth);
        }
    }
    let mut kept = Vec::with_capacity(orders.len() - gone.len());
    for (nth, (mut names, mut tenants)) in orders.into_iter().enumerate() {
        if gone.contains(&nth) {
            continue;
        }
        if let Some(base) = joined.remove(&nth) {
            names.push(CertificateName::exact(base.clone()));
            tenants.push(base);
        }
        kept.push((names, tenants));
    }
    kept
}

/// The approved zones, for quick asking.
struct Zones<'a>(BTreeSet<&'a str>);

impl<'a> Zones<'a> {
    fn of(zones: &'a [Fqdn]) -> Self {
        Self(zones.iter().map(Fqdn::as_str).collect())
    }

    /// Whether one of them holds `name`.
    fn hold(&self, name: &str) -> bool {
        let mut rest = name;
        loop {
            if self.0.contains(rest) {
                return true;
            }
            let Some((_, above)) = rest.split_once('.') else { return false };
            rest = above;
        }
    }

    /// The domain above `name`, where a wildcard for it can be proved.
    fn parent(&self, name: &Fqdn) -> Option<Fqdn> {
        let (_, above) = name.as_str().split_once('.')?;
        Fqdn::parse(above).ok().filter(|parent| self.hold(parent.as_str()))
    }
}

struct Covered<'a> {
    exact: BTreeSet<&'a str>,
    wildcards: BTreeSet<&'a str>,
}

impl<'a> Covered<'a> {
    fn by(names: &'a [CertificateName]) -> Self {
        let (wild, exact): (Vec<_>, Vec<_>) = names.iter().partition(|name| name.is_wildcard());
        let bases = |names: Vec<&'a CertificateName>| names.into_iter().map(|name| name.base().as_str()).collect();
        Self { exact: bases(exact), wildcards: bases(wild) }
    }

    fn has(&self, host: &Fqdn, takes_wildcards: bool) -> bool {
        let parent = host.as_str().split_once('.').map(|(_, parent)| parent);
        self.exact.contains(host.as_str())
            || (takes_wildcards && parent.is_some_and(|parent| self.wildcards.contains(parent)))
    }
}

/// Gives orders their times: an even pace within the account's limit, and for each registered domain no more than its limit
/// in any span.
struct Pace {
    step: Duration,
    next: Timestamp,
    domain: Limit,
    used: HashMap<String, VecDeque<Timestamp>>,
}

impl Pace {
    fn from(limits: &Limits, spent: &Spent, now: Timestamp) -> Self {
        let most = share(limits.orders.most);
        let span = limits.orders.within.as_secs();
        let step = Duration::from_secs(span.div_ceil(u64::from(most)));
        let recent = spent.orders.iter().filter(|at| at.plus(limits.orders.within) > now).count();
        // What others ordered lately is waited off at the same pace.
        let behind = u32::try_from(recent).unwrap_or(u32::MAX).saturating_sub(limits.orders.most - most);
        let used = spent
            .domains
            .iter()
            .map(|(domain, moments)| {
                let mut moments = moments.clone();
                moments.sort_unstable();
                (domain.clone(), moments.into())
            })
            .collect();
        let domain = Limit { most: share(limits.domain.most), within: limits.domain.within };
        Self { step, next: now.plus(step.saturating_mul(behind)), domain, used }
    }

    fn spread(mut self, orders: Vec<(Vec<CertificateName>, Vec<Fqdn>)>) -> Vec<Planned> {
        let mut planned: Vec<Planned> = orders
            .into_iter()
            .map(|(names, tenants)| {
                let at = self.place(&names);
                Planned { names, tenants, at }
            })
            .collect();
        planned.sort_by_key(|order| order.at);
        planned
    }

    fn place(&mut self, names: &[CertificateName]) -> Timestamp {
        let turn = self.next;
        self.next = turn.plus(self.step);
        let domains: BTreeSet<String> = names.iter().map(registered_domain).collect();
        let mut at = turn;
        for domain in &domains {
            if let Some(free) = self.used.get(domain).and_then(|used| free_from(used, self.domain)) {
                at = at.max(free);
            }
        }
        if self.domain.most < u32::MAX / 2 {
            for domain in domains {
                self.used.entry(domain).or_default().push_back(at);
            }
        }
        at
    }
}

/// When one more fits: once the oldest of the last `most` is out of the span.
fn free_from(used: &VecDeque<Timestamp>, limit: Limit) -> Option<Timestamp> {
    let nth = used.len().checked_sub(usize::try_from(limit.most).unwrap_or(usize::MAX))?;
    used.get(nth).map(|at| at.plus(limit.within))
}

fn share(most: u32) -> u32 {
    u32::try_from(u64::from(most) * u64::from(SHARE) / 100).unwrap_or(most).max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::acme::budget::{Ask, may_order};

    const NOW: Timestamp = Timestamp::from_unix(1_795_371_696);

    fn names(texts: &[&str]) -> Vec<Fqdn> {
        texts.iter().map(|text| Fqdn::parse(text).unwrap()).collect()
    }

    fn production() -> Limits {
        Limits::of("https://acme-v02.api.letsencrypt.org/directory")
    }

    fn planned(tenants: &[Fqdn], zones: &[&str], exact: &[&str]) -> Plan {
        let (zones, exact) = (names(zones), names(exact).into_iter().collect());
        let need = Need { tenants, covered: &[], zones: &zones, exact: &exact, most_names: 100 };
        plan(&need, &production(), &Spent::default(), NOW)
    }

    fn ordered(plan: &Plan) -> Vec<String> {
        let text = |order: &Planned| order.names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        plan.orders.iter().map(text).collect()
    }

    #[test]
    fn siblings_get_one_wildcard_and_their_parent_goes_with_it() {
        let tenants = names(&["a.pbx.example", "b.pbx.example", "pbx.example", "voice.customer.test"]);

        let plan = planned(&tenants, &["pbx.example", "customer.test"], &[]);

        assert_eq!(ordered(&plan), ["voice.customer.test", "*.pbx.example pbx.example"]);
        assert_eq!(plan.orders[1].tenants.len(), 3);
    }

    #[test]
    fn names_for_phones_that_take_no_wildcard_are_listed_together() {
        let tenants = names(&["a.pbx.example", "b.pbx.example", "c.pbx.example", "d.pbx.example"]);

        let plan = planned(&tenants, &["pbx.example"], &["a.pbx.example", "b.pbx.example"]);

        assert_eq!(ordered(&plan), ["*.pbx.example", "a.pbx.example b.pbx.example"]);
    }

    #[test]
    fn what_is_covered_is_left_out_and_what_cannot_be_proved_is_said() {
        let tenants = names(&["a.pbx.example", "b.pbx.example", "elsewhere.test"]);
        let (zones, exact) = (names(&["pbx.example"]), names(&["b.pbx.example"]).into_iter().collect());
        let covered = [CertificateName::parse("*.pbx.example").unwrap()];
        let need = Need { tenants: &tenants, covered: &covered, zones: &zones, exact: &exact, most_names: 100 };

        let plan = plan(&need, &production(), &Spent::default(), NOW);

        assert_eq!((plan.covered, plan.outside.len()), (1, 1));
        assert_eq!(ordered(&plan), ["b.pbx.example"]);
    }

    #[test]
    fn a_certificate_holds_a_hundred_names_and_no_wildcard_is_planned_above_the_zone() {
        let tenants: Vec<Fqdn> = (0..150).map(|nth| Fqdn::parse(&format!("t{nth}.pbx.example")).unwrap()).collect();
        let all: Vec<String> = tenants.iter().map(ToString::to_string).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();

        assert_eq!(planned(&tenants, &["pbx.example"], &all).orders.len(), 2);
        assert_eq!(planned(&tenants, &all, &[]).orders.len(), 150, "only the names themselves can be proved");
    }

    #[test]
    fn ten_thousand_customers_are_spread_over_days_and_ten_thousand_siblings_need_one_order() {
        let customers: Vec<Fqdn> = (0..10_000).map(|nth| Fqdn::parse(&format!("pbx.c{nth}.test")).unwrap()).collect();
        let zones: Vec<String> = customers.iter().map(ToString::to_string).collect();
        let zones: Vec<&str> = zones.iter().map(String::as_str).collect();
        let siblings: Vec<Fqdn> = (0..10_000).map(|nth| Fqdn::parse(&format!("c{nth}.pbx.test")).unwrap()).collect();
        let begun = std::time::Instant::now();

        let spread = planned(&customers, &zones, &[]);
        let one = planned(&siblings, &["pbx.test"], &[]);

        let days = spread.ends().unwrap().since(NOW).as_secs() / 86_400;
        assert_eq!((spread.orders.len(), days), (10_000, 5), "240 orders in three hours");
        assert_eq!(one.orders.len(), 1);
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    }

    proptest! {
        /// Carried out as planned, no order ever meets a limit; and every tenant that can be covered is.
        #[test]
        fn a_plan_never_meets_a_limit(
            counts in prop::collection::vec(1_usize..120, 1..4),
            before in prop::collection::vec((0_usize..4, 0_u64..700_000), 0..60),
        ) {
            let mut tenants = Vec::new();
            for (nth, count) in counts.iter().enumerate() {
                for tenant in 0..*count {
                    tenants.push(Fqdn::parse(&format!("t{tenant}.pbx.d{nth}.test")).unwrap());
                }
            }
            // Each name is a zone of its own, so that no wildcard helps.
            let zones = tenants.clone();
            let exact = BTreeSet::new();
            let mut spent = Spent::default();
            for (domain, ago) in before {
                let at = NOW.minus(Duration::from_secs(ago));
                spent.orders.push(at);
                let domain = format!("d{domain}.test");
                match spent.domains.iter_mut().find(|(name, _)| *name == domain) {
                    Some((_, moments)) => moments.push(at),
                    None => spent.domains.push((domain, vec![at])),
                }
            }
            let need = Need { tenants: &tenants, covered: &[], zones: &zones, exact: &exact, most_names: 100 };

            let plan = plan(&need, &production(), &spent, NOW);

            prop_assert_eq!(plan.orders.iter().map(|order| order.tenants.len()).sum::<usize>(), tenants.len());
            for order in &plan.orders {
                let domain = registered_domain(&order.names[0]);
                let mut own = spent.clone();
                own.domains.retain(|(name, _)| *name == domain);
                prop_assert_eq!(may_order(&production(), &own, Ask { is_exempt: false, is_pressing: false }, order.at), Ok(()));
                spent.orders.push(order.at);
                match spent.domains.iter_mut().find(|(name, _)| *name == domain) {
                    Some((_, moments)) => moments.push(order.at),
                    None => spent.domains.push((domain, vec![order.at])),
                }
            }
        }
    }
}
