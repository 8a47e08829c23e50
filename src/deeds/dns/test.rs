//! Testing a zone: a record is written, seen on every name server and taken away, as for an order.

use std::sync::Arc;

use crate::acme::challenge::way::{Way, account_label};
use crate::acme::challenge::{DnsError, Solver, TxtRecord};
use crate::acme::proof::check_standing;
use crate::base::chain::Chain;
use crate::base::names::Fqdn;
use crate::base::rng::token;
use crate::deeds::Deeds;
use crate::deeds::certificates::Issuing;
use crate::deeds::dns::DnsActError;
use crate::store::dns::TestRow;
use crate::store::trail::{Act, Actor, Close};
use crate::wire::proving::HttpToken;

impl Deeds {
    /// Writes a test record into `zone`, waits until every name server shows it, and takes it away again. Answers what came
    /// of it; it is kept with the zone too. No CA is asked.
    ///
    /// # Errors
    /// The zone is not approved, or our own store failed. A test that fails is no error.
    pub async fn test_dns_zone(&self, issuing: &Issuing, actor: &Actor, zone: &Fqdn) -> Result<TestRow, DnsActError> {
        let proving = self.proving(issuing).await?;
        if !proving.zones.contains(zone) {
            return Err(DnsActError::Unknown);
        }
        let act = Act { act: "dns.test", subject: zone.as_str(), ..Act::default() };
        let entry = self.store.open_entry(actor, act, self.clock.now()).await?;
        self.note_test(zone, None, "The test is under way".to_owned()).await?;
        let outcome = match &proving.solver {
            Ok(solver) => self.try_zone(issuing, solver, zone).await,
            Err(reason) => Err(reason.clone()),
        };
        let (is_good, words) = match outcome {
            Ok(words) => (true, words),
            Err(words) => (false, words),
        };
        let close = if is_good { Close::Done { inverse: None } } else { Close::Failed { reason: &words } };
        self.store.close_entry(entry, close, self.clock.now()).await?;
        Ok(self.note_test(zone, Some(is_good), words).await?)
    }

    async fn note_test(
        &self,
        zone: &Fqdn,
        is_good: Option<bool>,
        words: String,
    ) -> Result<TestRow, crate::store::StoreError> {
        let row = TestRow { zone: zone.to_string(), at: self.clock.now(), is_good, words };
        self.store.note_dns_test(&row).await?;
        Ok(row)
    }

    async fn try_zone(&self, issuing: &Issuing, solver: &Arc<dyn Solver>, zone: &Fqdn) -> Result<String, String> {
        let way = solver.way(zone);
        if way == Way::Http01 {
            let record = TxtRecord::new(zone.clone(), "t".repeat(43)).zip(HttpToken::parse(&"t".repeat(43)));
            let record = record.map(|(record, token)| record.in_file(token)).ok_or("no test file could be made")?;
            return self.try_file(solver, &record).await;
        }
        if way == Way::Manual {
            return self.try_by_hand(solver, zone).await;
        }
        if !matches!(way, Way::DnsAccount01 | Way::DnsPersist01) {
            return self.try_record(solver, zone, None).await;
        }
        let stored =
            self.store.account_at(issuing.ca.directory_url()).await.map_err(|error| Chain(&error).to_string())?;
        let stored =
            stored.ok_or("there is no account at the CA yet, and the record names it; register one first")?;
        if way == Way::DnsAccount01 {
            return self.try_record(solver, zone, Some(account_label(&stored.url))).await;
        }
        let account = self.open_account(issuing, &issuing.ca, &stored).await;
        let account = account.map_err(|error| Chain(&error).to_string())?;
        let asker = account.asker();
        let checked = check_standing(&**solver, zone.as_str(), &asker, (true, self.clock.now())).await;
        checked.map_err(|error| Chain(&error).to_string())?;
        Ok(format!("The record of {zone} stands on every name server"))
    }

    async fn try_file(&self, solver: &Arc<dyn Solver>, record: &TxtRecord) -> Result<String, String> {
        let said = |error: DnsError| Chain(&error).to_string();
        let presented = match solver.present(record).await {
            Ok(()) => solver.ready(record).await,
            Err(error) => Err(error),
        };
        let cleared = solver.clear(record).await;
        presented.map_err(said)?;
        cleared.map_err(said)?;
        Ok(format!("A file at {} was put, served by nginx here and taken away", record.name()))
    }

    /// Nobody puts a record in for a test: only whether it would be found is seen.
    async fn try_by_hand(&self, solver: &Arc<dyn Solver>, zone: &Fqdn) -> Result<String, String> {
        let owner = format!("_acme-challenge.{zone}");
        let seen = solver.texts(&owner).await.map_err(|error| Chain(&error).to_string())?;
        Ok(format!("{} name servers answer for {owner}; its records are put in by hand", seen.len()))
    }

    async fn try_record(
        &self,
        solver: &Arc<dyn Solver>,
        zone: &Fqdn,
        label: Option<String>,
    ) -> Result<String, String> {
        let value = token(self.random.as_ref());
        let value: String = value.expose().chars().chain(std::iter::repeat('t')).take(43).collect();
        let record = TxtRecord::new(zone.clone(), value).ok_or("no test record could be made")?;
        let record = match label {
            Some(label) => record.labelled(label),
            None => record,
        };
        let said = |error: DnsError| Chain(&error).to_string();
        let record = solver.locate(record).await.map_err(said)?;
        let presented = match solver.present(&record).await {
            Ok(()) => solver.ready(&record).await,
            Err(error) => Err(error),
        };
        // Whatever came of it: half a change may be there.
        let cleared = solver.clear(&record).await;
        presented.map_err(said)?;
        cleared.map_err(|error| format!("The record was seen, but could not be taken away: {}", Chain(&error)))?;
        let name = record.name();
        Ok(match record.target().filter(|target| *target != name) {
            Some(target) => format!("A record at {target}, where {name} leads, was written, seen and taken away"),
            None => format!("A record at {name} was written, seen on every name server and taken away"),
        })
    }
}
