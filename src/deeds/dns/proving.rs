//! Who proves which names: the zones of rampart.toml, and those that an operator approved on the page.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;

use crate::acme::challenge::approved::{ApprovedZone, ApprovedZones, ByHand, Routed};
use crate::acme::challenge::front::HttpFront;
use crate::acme::challenge::provider::writer::{self, Spot, Writer};
use crate::acme::challenge::visible::Patience;
use crate::acme::challenge::{DnsError, Solver};
use crate::base::chain::Chain;
use crate::base::names::Fqdn;
use crate::deeds::Deeds;
use crate::deeds::certificates::Issuing;
use crate::store::StoreError;
use crate::store::dns::{Way, ZoneRow};

/// Where nginx of this host is asked for the files of HTTP-01.
const PLAIN_HTTP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 80);

/// How names are proved now.
#[derive(Clone)]
pub struct Proving {
    /// Every approved zone.
    pub zones: Vec<Fqdn>,
    /// Proves names in them, or why nobody can.
    pub solver: Result<Arc<dyn Solver>, String>,
}

impl Proving {
    /// Whether an order for `name` may be tried.
    #[must_use]
    pub fn is_approved(&self, name: &Fqdn) -> bool {
        self.zones.iter().any(|zone| name.is_within(zone))
    }
}

impl Deeds {
    /// How names are proved as things stand: read anew for each order, so that a change counts at once.
    ///
    /// # Errors
    /// The store failed.
    pub async fn proving(&self, issuing: &Issuing) -> Result<Proving, StoreError> {
        let rows = self.store.dns_zones().await?;
        if rows.is_empty() {
            return Ok(Proving { zones: issuing.zones.clone(), solver: issuing.solver.clone() });
        }
        let mut zones: Vec<Fqdn> = rows.iter().map(|row| row.zone.clone()).collect();
        let front = HttpFront { agent: issuing.agent.clone(), at: PLAIN_HTTP };
        let own = self.approved_zones(&rows).await?;
        let approved = ApprovedZones::new(own, issuing.authority.clone(), Patience::default()).with_front(front);
        let approved = Arc::new(approved);
        // What an operator chose on the page counts before what stands in the file.
        let mut solvers: Vec<(Fqdn, Arc<dyn Solver>)> =
            zones.iter().map(|zone| (zone.clone(), Arc::clone(&approved) as Arc<dyn Solver>)).collect();
        if let Ok(solver) = &issuing.solver {
            solvers.extend(issuing.zones.iter().map(|zone| (zone.clone(), Arc::clone(solver))));
        }
        zones.extend(issuing.zones.iter().cloned());
        zones.sort();
        zones.dedup();
        Ok(Proving { zones, solver: Ok(Arc::new(Routed::new(solvers))) })
    }

    async fn approved_zones(&self, rows: &[ZoneRow]) -> Result<Vec<ApprovedZone>, StoreError> {
        let mut writers: Vec<(crate::base::ids::DnsCredentialId, Arc<dyn Writer>)> = Vec::new();
        let mut approved = Vec::new();
        for row in rows {
            let Some(id) = row.credential else {
                let writer = (row.way == Way::Manual).then(|| Arc::new(ByHand) as Arc<dyn Writer>);
                approved.push(ApprovedZone { zone: row.zone.clone(), way: row.way, writer, primary: None });
                continue;
            };
            let known = writers.iter().find(|(known, _)| *known == id).map(|(_, writer)| Arc::clone(writer));
            let writer = if let Some(writer) = known {
                writer
            } else {
                let writer = self.writer(id).await?;
                writers.push((id, Arc::clone(&writer)));
                writer
            };
            approved.push(ApprovedZone { zone: row.zone.clone(), way: row.way, writer: Some(writer), primary: None });
        }
        Ok(approved)
    }

    async fn writer(&self, id: crate::base::ids::DnsCredentialId) -> Result<Arc<dyn Writer>, StoreError> {
        let Some(kept) = self.dns_credential(id).await? else {
            return Ok(Arc::new(Unusable { who: format!("credential {id}"), why: "it is gone".to_owned() }));
        };
        let name = &kept.row.name;
        Ok(writer::open(kept.provider, &kept.values, name).unwrap_or_else(|error| {
            Arc::new(Unusable { who: format!("credential {name}"), why: Chain(&error).to_string() })
        }))
    }
}

/// Stands where a credential cannot be opened: only the zones that use it are the worse for it.
struct Unusable {
    who: String,
    why: String,
}

impl Unusable {
    fn error(&self) -> DnsError {
        DnsError::Credential { who: self.who.clone(), reason: self.why.clone() }
    }
}

#[async_trait]
impl Writer for Unusable {
    async fn add(&self, _: &Spot, _: &str) -> Result<(), DnsError> {
        Err(self.error())
    }

    async fn remove(&self, _: &Spot, _: &str) -> Result<(), DnsError> {
        Err(self.error())
    }
}
