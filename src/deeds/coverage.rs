//! Which tenants have no certificate, and what to order for them. A plan is made anew from how things stand each time it is
//! asked for: what was ordered meanwhile is left out, so that a plan that was cut off goes on where it was.

use std::collections::BTreeSet;

use crate::acme::budget::Limits;
use crate::acme::plan::{Need, Plan, plan};
use crate::base::names::{CertificateName, Fqdn};
use crate::base::role::Reach;
use crate::deeds::Deeds;
use crate::deeds::certificates::{Issuing, MOST_NAMES};
use crate::store::StoreError;
use crate::store::orders::OrderState;

/// Orders that are looked at for what is under way.
const UNDER_WAY: u32 = 5_000;

/// A plan for the tenants of FusionPBX.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoveragePlan {
    /// What to order, and when.
    pub plan: Plan,
    /// Tenants whose domain is no name that a certificate can hold.
    pub unnameable: Vec<String>,
}

impl Deeds {
    /// Plans certificates for `tenants`, FusionPBX's domains, at the CA of rampart.toml.
    ///
    /// # Errors
    /// Our own store failed.
    pub async fn plan_coverage(&self, issuing: &Issuing, tenants: &[String]) -> Result<CoveragePlan, StoreError> {
        let now = self.clock.now();
        let directory = issuing.ca.directory_url();
        let spent = self.store.spent_at(directory, now).await?;
        let proving = self.proving(issuing).await?;
        let orders = self.store.orders(&Reach::Everything, UNDER_WAY).await?;
        let under_way: BTreeSet<_> = orders
            .into_iter()
            .filter(|order| matches!(order.state, OrderState::Queued | OrderState::Running))
            .map(|order| order.certificate)
            .collect();
        let covered: Vec<CertificateName> = self
            .store
            .certificates(&Reach::Everything)
            .await?
            .into_iter()
            .filter(|row| under_way.contains(&row.id) || row.in_force.as_ref().is_some_and(|own| own.not_after > now))
            .flat_map(|row| row.names)
            .collect();
        let mut unnameable = Vec::new();
        let mut names = Vec::with_capacity(tenants.len());
        for tenant in tenants {
            match Fqdn::typed(tenant) {
                Ok(name) => names.push(name),
                Err(_) => unnameable.push(tenant.clone()),
            }
        }
        let need = Need {
            tenants: &names,
            covered: &covered,
            zones: &proving.zones,
            exact: &BTreeSet::new(),
            most_names: MOST_NAMES,
        };
        Ok(CoveragePlan { plan: plan(&need, &Limits::of(directory), &spent, now), unnameable })
    }
}
