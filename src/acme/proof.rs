//! The part of an order in which the names are proved: records into DNS, seen everywhere, and the CA told to look.

use std::time::Duration;

use futures_util::future::try_join_all;
use instant_acme::{AuthorizationStatus, ChallengeStatus, Order};
use tokio::time::{Instant, sleep};

use crate::acme::account::ask;
use crate::acme::challenge::caa::Asker;
use crate::acme::challenge::way::{self, Way, account_label};
use crate::acme::challenge::{DnsError, Solver, TxtRecord, preflight};
use crate::acme::conversation::{CHECKING, Conversation, FIRST_PAUSE, LONGEST_PAUSE};
use crate::acme::error::{CaError, IssueError};
use crate::acme::step::Step;
use crate::base::clock::Timestamp;
use crate::base::names::CertificateName;
use crate::wire::proving::HttpToken;

/// How often a long wait for DNS is said anew.
const SAY_AGAIN: Duration = Duration::from_mins(1);

impl Conversation<'_> {
    /// Puts a record in place for each name that is not proved yet, and tells the CA to look once all of them show.
    pub(super) async fn prove(&mut self, order: &mut Order) -> Result<(), IssueError> {
        ask!(self.account, "reading what it wants proved", fetch_authorizations(order))?;
        let (standing, records) = self.wanted(order).await?;
        // What a person puts in, a person takes out.
        let own = records.iter().filter(|(name, _)| self.parties.solver.way(name.base()) != Way::Manual);
        for (_, record) in own {
            self.sweep.add(record.clone());
        }
        // Before anything is in DNS, the journal knows of it.
        self.save().await?;
        let rounds = rounds(&*self.parties.solver, records);
        let count = rounds.len();
        for (nth, round) in rounds.into_iter().enumerate() {
            for (_, record) in &round {
                self.note(self.presenting(record)).await;
                self.parties.solver.present(record).await?;
            }
            for (_, record) in &round {
                self.note(Step::WaitingForDns { record: record.name() }).await;
            }
            try_join_all(round.iter().map(|(_, record)| self.shown(record))).await?;
            let mut names: Vec<&CertificateName> = round.iter().map(|(name, _)| name).collect();
            if nth == 0 {
                names.extend(&standing);
            }
            self.tell(order, &names).await?;
            if nth + 1 < count {
                // The next record takes the place of this one.
                self.wait_until_proved(order, &names).await?;
            }
        }
        Ok(())
    }

    fn presenting(&self, record: &TxtRecord) -> Step {
        if self.parties.solver.way(record.base()) == Way::Manual {
            let owner = record.target().map_or_else(|| record.name(), ToOwned::to_owned);
            return Step::ByHand { record: owner, value: record.value().to_owned() };
        }
        Step::Presenting { record: record.name() }
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

    /// The names whose record stands in DNS already, and those that need one, with it.
    async fn wanted(&self, order: &mut Order) -> Result<Wanted, IssueError> {
        let (mut standing, mut records) = (Vec::new(), Vec::new());
        let mut list = order.authorizations();
        while let Some(next) = list.next().await {
            let mut authorization = next.map_err(|error| CaError::sort(CHECKING, error, &self.account.ear.last()))?;
            let name = self.asked_for(&authorization.identifier().to_string())?;
            match authorization.status {
                AuthorizationStatus::Valid => self.note(Step::AlreadyProved { name }).await,
                AuthorizationStatus::Pending => {
                    let way = self.parties.solver.way(name.base());
                    if way == Way::Http01 && name.is_wildcard() {
                        return Err(DnsError::NoWildcard { name: name.to_string() }.into());
                    }
                    let challenge = authorization.challenge(way.challenge());
                    let challenge = challenge.ok_or_else(|| not_offered(way))?;
                    if way == Way::DnsPersist01 {
                        self.stands(&name).await?;
                        standing.push(name);
                        continue;
                    }
                    if !is_token(&challenge.token) {
                        return Err(CaError::nonsense(CHECKING, "its token breaks RFC 8555 section 8.1").into());
                    }
                    let authorized = challenge.key_authorization();
                    let token = HttpToken::parse(&challenge.token).filter(|_| way == Way::Http01);
                    let value = match authorized.as_str().split_once('.') {
                        Some((_, thumbprint)) if token.is_some() => thumbprint.to_owned(),
                        _ => authorized.dns_value(),
                    };
                    if let Some(record) = TxtRecord::new(name.base().clone(), value) {
                        let record = match (way, token) {
                            (_, Some(token)) => record.in_file(token),
                            (Way::DnsAccount01, _) => record.labelled(account_label(self.account.url())),
                            _ => record,
                        };
                        records.push((name, self.parties.solver.locate(record).await?));
                    }
                }
                _ => {} // The order is invalid, and says so at the next poll.
            }
        }
        Ok((standing, records))
    }

    /// The record that somebody put in for `name` is there (DNS-PERSIST-01); else the error says which to put in.
    async fn stands(&self, name: &CertificateName) -> Result<(), IssueError> {
        let base = name.base();
        let is_wildcard = self.wish.names.iter().any(|other| other.base() == base && other.is_wildcard());
        let asker = self.account.asker();
        Ok(check_standing(&*self.parties.solver, base.as_str(), &asker, (is_wildcard, self.parties.clock.now()))
            .await?)
    }

    /// What a CA would stumble over, seen before it is asked.
    pub(super) async fn look_ahead(&self) -> Result<(), IssueError> {
        let solver = &self.parties.solver;
        let Some(authority) = solver.authority() else { return Ok(()) };
        let asker = self.account.asker();
        let looks = self.wish.names.iter().map(|name| {
            let method = solver.way(name.base()).method();
            preflight::look(authority, name, &asker, method)
        });
        try_join_all(looks).await?;
        Ok(())
    }

    async fn tell(&self, order: &mut Order, names: &[&CertificateName]) -> Result<(), IssueError> {
        let mut list = order.authorizations();
        while let Some(next) = list.next().await {
            let mut authorization = next.map_err(|error| CaError::sort(CHECKING, error, &self.account.ear.last()))?;
            let name = self.asked_for(&authorization.identifier().to_string())?;
            let pending = authorization.status == AuthorizationStatus::Pending && names.contains(&&name);
            let way = self.parties.solver.way(name.base());
            if let (true, Some(mut challenge)) = (pending, authorization.challenge(way.challenge()))
                && challenge.status == ChallengeStatus::Pending
            {
                self.note(Step::Checking { name }).await;
                ask!(self.account, CHECKING, challenge.set_ready())?;
            }
        }
        Ok(())
    }
}

/// Names whose record stands, and names with the record that they need.
type Wanted = (Vec<CertificateName>, Vec<(CertificateName, TxtRecord)>);

fn not_offered(way: Way) -> CaError {
    let offer = match way {
        Way::Http01 => "it does not offer http-01",
        Way::DnsAccount01 => "it does not offer dns-account-01; choose another way for the zone",
        Way::DnsPersist01 => "it does not offer dns-persist-01; choose another way for the zone",
        Way::Dns01 | Way::Manual => "it does not offer dns-01",
    };
    CaError::nonsense(CHECKING, offer)
}

/// Whether the record of DNS-PERSIST-01 for `base` stands on every name server, for one of the CA's names.
///
/// # Errors
/// It does not: the error says which record to put in. Or nobody could be asked.
pub async fn check_standing(
    solver: &dyn Solver,
    base: &str,
    asker: &Asker,
    (is_wildcard, now): (bool, Timestamp),
) -> Result<(), DnsError> {
    let Some(issuer) = asker.identities.first() else {
        let reason = "the CA's directory does not say by which name it goes (caaIdentities)".to_owned();
        return Err(DnsError::NoAuthority { name: base.to_owned(), reason });
    };
    let (owner, text) = way::standing_record(base, issuer, &asker.account, is_wildcard);
    let seen = solver.texts(&owner).await?;
    let is_good = |text: &String| {
        let mut issuers = asker.identities.iter();
        issuers.any(|issuer| way::stands(text, issuer, &asker.account, is_wildcard, now.unix()))
    };
    let is_everywhere = seen.iter().all(|texts| texts.iter().any(is_good));
    if is_everywhere { Ok(()) } else { Err(DnsError::NotStanding { owner, text }) }
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
