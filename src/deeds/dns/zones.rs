//! Approving zones: only names inside one are ever ordered.

use crate::base::ids::DnsCredentialId;
use crate::base::names::Fqdn;
use crate::deeds::Deeds;
use crate::deeds::dns::DnsActError;
use crate::store::dns::{Way, ZoneRow};
use crate::store::trail::{Act, Actor, Close};

/// What an operator approves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Names in it may be ordered.
    pub zone: Fqdn,
    /// How they are proved.
    pub way: Way,
    /// With which credential.
    pub credential: Option<DnsCredentialId>,
}

impl Deeds {
    /// Approves a zone, or changes how names in it are proved.
    ///
    /// # Errors
    /// See [`DnsActError`].
    pub async fn approve_dns_zone(&self, actor: &Actor, approval: &Approval) -> Result<(), DnsActError> {
        match (approval.way.needs_credential(), approval.credential) {
            (true, None) => return Err(DnsActError::Way("Choose the credential that records are written with.")),
            (false, Some(_)) => return Err(DnsActError::Way("This way of proof uses no credential.")),
            _ => {}
        }
        let row = ZoneRow {
            zone: approval.zone.clone(),
            way: approval.way,
            credential: approval.credential,
            approved_by: actor.name.clone(),
            approved: self.clock.now(),
        };
        let former = self.store.dns_zones().await?.into_iter().find(|one| one.zone == row.zone);
        let (before, after) = (former.as_ref().map(words), words(&row));
        let act = Act {
            act: "dns.zone-approve",
            subject: row.zone.as_str(),
            before: before.as_deref(),
            after: Some(&after),
            ..Act::default()
        };
        let entry = self.store.open_entry(actor, act, self.clock.now()).await?;
        let is_kept = self.store.approve_dns_zone(&row).await?;
        let close = if is_kept {
            Close::Done { inverse: None }
        } else {
            Close::Refused { reason: "the credential is not there any more" }
        };
        self.store.close_entry(entry, close, self.clock.now()).await?;
        is_kept.then_some(()).ok_or(DnsActError::Unknown)
    }

    /// Takes a zone's approval away: nothing new is ordered in it, and nothing renewed.
    ///
    /// # Errors
    /// See [`DnsActError`].
    pub async fn remove_dns_zone(&self, actor: &Actor, zone: &Fqdn) -> Result<(), DnsActError> {
        let former = self.store.dns_zones().await?.into_iter().find(|one| one.zone == *zone);
        let former = former.ok_or(DnsActError::Unknown)?;
        let before = words(&former);
        let act = Act { act: "dns.zone-remove", subject: zone.as_str(), before: Some(&before), ..Act::default() };
        let entry = self.store.open_entry(actor, act, self.clock.now()).await?;
        let is_removed = self.store.remove_dns_zone(zone).await?;
        let close =
            if is_removed { Close::Done { inverse: None } } else { Close::Refused { reason: "it is gone already" } };
        self.store.close_entry(entry, close, self.clock.now()).await?;
        is_removed.then_some(()).ok_or(DnsActError::Unknown)
    }
}

fn words(row: &ZoneRow) -> String {
    match row.credential {
        Some(id) => format!("{} with credential {id}", row.way.word()),
        None => row.way.word().to_owned(),
    }
}
