//! The part of an order in which the names are proved: records into DNS, seen everywhere, and the CA told to look.

use std::time::Duration;

use futures_util::future::try_join_all;
use instant_acme::{AuthorizationStatus, ChallengeStatus, ChallengeType, Order};
use tokio::time::{Instant, sleep};

use crate::acme::account::ask;
use crate::acme::challenge::{Solver, TxtRecord};
use crate::acme::conversation::{CHECKING, Conversation, FIRST_PAUSE, LONGEST_PAUSE};
use crate::acme::error::{CaError, IssueError};
use crate::acme::step::Step;
use crate::base::names::CertificateName;

/// How often a long wait for DNS is said anew.
const SAY_AGAIN: Duration = Duration::from_mins(1);

impl Conversation<'_> {
    /// Puts a record in place for each name that is not proved yet, and tells the CA to look once all of them show.
    pub(super) async fn prove(&mut self, order: &mut Order) -> Result<(), IssueError> {
        ask!(self.account, "reading what it wants proved", fetch_authorizations(order))?;
        let records = self.wanted_records(order).await?;
        for (_, record) in &records {
            self.sweep.add(record.clone());
        }
        // Before anything is in DNS, the journal knows of it.
        self.save().await?;
        let rounds = rounds(&*self.parties.solver, records);
        let count = rounds.len();
        for (nth, round) in rounds.into_iter().enumerate() {
            for (_, record) in &round {
                self.note(Step::Presenting { record: record.name() }).await;
                self.parties.solver.present(record).await?;
            }
            for (_, record) in &round {
                self.note(Step::WaitingForDns { record: record.name() }).await;
            }
            try_join_all(round.iter().map(|(_, record)| self.shown(record))).await?;
            let names: Vec<&CertificateName> = round.iter().map(|(name, _)| name).collect();
            self.tell(order, &names).await?;
            if nth + 1 < count {
                // The next record takes the place of this one.
                self.wait_until_proved(order, &names).await?;
            }
        }
        Ok(())
    }

    /// Waits until every server shows `record`. Says so once a minute, which keeps the claim on the order too.
    async fn shown(&self, record: &TxtRecord) -> Result<(), IssueError> {
        let mut ready = self.parties.solver.ready(record);
        loop {
            match tokio::time::timeout(SAY_AGAIN, &mut ready).await {
                Ok(outcome) => return Ok(outcome?),
                Err(_) => self.note(Step::WaitingForDns { record: record.name() }).await,
            }
        }
    }

    async fn wait_until_proved(&self, order: &mut Order, names: &[&CertificateName]) -> Result<(), IssueError> {
        let start = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let mut is_done = true;
            let mut list = order.authorizations();
            while let Some(next) = list.next().await {
                let mut authorization =
                    next.map_err(|error| CaError::sort(CHECKING, error, &self.account.ear.last()))?;
                let name = self.asked_for(&authorization.identifier().to_string())?;
                if names.contains(&&name) && authorization.status == AuthorizationStatus::Pending {
                    ask!(self.account, CHECKING, authorization.refresh())?;
                    is_done &= authorization.status != AuthorizationStatus::Pending;
                }
            }
            if is_done {
                return Ok(());
            }
            let limit = self.parties.patience.checking;
            if start.elapsed().saturating_add(pause) > limit {
                return Err(CaError::TimedOut { doing: CHECKING, after: limit, retry_after: None }.into());
            }
            sleep(pause).await;
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }

    async fn wanted_records(&self, order: &mut Order) -> Result<Vec<(CertificateName, TxtRecord)>, IssueError> {
        let mut records = Vec::new();
        let mut list = order.authorizations();
        while let Some(next) = list.next().await {
            let mut authorization = next.map_err(|error| CaError::sort(CHECKING, error, &self.account.ear.last()))?;
            let name = self.asked_for(&authorization.identifier().to_string())?;
            match authorization.status {
                AuthorizationStatus::Valid => self.note(Step::AlreadyProved { name }).await,
                AuthorizationStatus::Pending => {
                    let challenge = authorization.challenge(ChallengeType::Dns01);
                    let challenge =
                        challenge.ok_or_else(|| CaError::nonsense(CHECKING, "it does not offer dns-01"))?;
                    if !is_token(&challenge.token) {
                        return Err(CaError::nonsense(CHECKING, "its token breaks RFC 8555 section 8.1").into());
                    }
                    let value = challenge.key_authorization().dns_value();
                    if let Some(record) = TxtRecord::new(name.base().clone(), value) {
                        records.push((name, self.parties.solver.locate(record).await?));
                    }
                }
                _ => {} // The order is invalid, and says so at the next poll.
            }
        }
        Ok(records)
    }

    async fn tell(&self, order: &mut Order, names: &[&CertificateName]) -> Result<(), IssueError> {
        let mut list = order.authorizations();
        while let Some(next) = list.next().await {
            let mut authorization = next.map_err(|error| CaError::sort(CHECKING, error, &self.account.ear.last()))?;
            let name = self.asked_for(&authorization.identifier().to_string())?;
            let pending = authorization.status == AuthorizationStatus::Pending && names.contains(&&name);
            if let (true, Some(mut challenge)) = (pending, authorization.challenge(ChallengeType::Dns01))
                && challenge.status == ChallengeStatus::Pending
            {
                self.note(Step::Checking { name }).await;
                ask!(self.account, CHECKING, challenge.set_ready())?;
            }
        }
        Ok(())
    }
}

/// Records that may stand beside each other, one round after the other where a service holds one value at a name.
fn rounds(solver: &dyn Solver, records: Vec<(CertificateName, TxtRecord)>) -> Vec<Vec<(CertificateName, TxtRecord)>> {
    let mut rounds: Vec<Vec<(CertificateName, TxtRecord)>> = vec![Vec::new()];
    for (name, record) in records {
        let place = |record: &TxtRecord| record.target().map_or_else(|| record.name(), ToOwned::to_owned);
        let is_taken = |round: &&mut Vec<(CertificateName, TxtRecord)>| {
            round.iter().any(|(_, other)| place(other) == place(&record))
        };
        let is_single = solver.holds_one_value(&record);
        match rounds.iter_mut().find(|round| !is_single || !is_taken(round)) {
            Some(round) => round.push((name, record)),
            None => rounds.push(vec![(name, record)]),
        }
    }
    rounds
}

/// Fetches them all into the order, which keeps those that came when one fails.
async fn fetch_authorizations(order: &mut Order) -> Result<(), instant_acme::Error> {
    let mut list = order.authorizations();
    while let Some(next) = list.next().await {
        next?;
    }
    Ok(())
}

/// RFC 8555 section 8.1: base64url, at least 128 bits.
fn is_token(token: &str) -> bool {
    let plain = token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    plain && (22..=128).contains(&token.len())
}
