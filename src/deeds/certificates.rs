//! Asking for certificates: the account at the CA, a first order, a renewal. The work itself is `issue.rs`.

use std::sync::Arc;

use crate::acme::account::{self, AccountError};
use crate::acme::ca::CertificateAuthority;
use crate::acme::challenge::Solver;
use crate::acme::challenge::authority::Authority;
use crate::acme::http::HttpDeadlines;
use crate::acme::issue::{Patience, Turn};
use crate::acme::renewal::{Attempts, Decision, Lifetime, decide};
use crate::base::chain::Chain;
use crate::base::clock::Timestamp;
use crate::base::ids::{CertificateId, OrderId};
use crate::base::names::{CertificateName, Fqdn, NameError};
use crate::base::rng::below;
use crate::base::role::Reach;
use crate::deeds::Deeds;
use crate::deeds::step_up::{StepUp, StepUpError, is_kept};
use crate::host::Agent;
use crate::store::StoreError;
use crate::store::certificates::CertificateRow;
use crate::store::trail::{Act, Actor, Close};
use crate::wire::grant::Consumer;
use crate::wire::request::{Generation, KeyKind};

/// Everyone a certificate needs.
#[derive(Clone)]
pub struct Issuing {
    /// The certificate authority.
    pub ca: CertificateAuthority,
    /// Puts challenge records into those zones, or why nobody does.
    pub solver: Result<Arc<dyn Solver>, String>,
    /// How names are proved, for the page.
    pub challenge: String,
    /// The zones that stand in rampart.toml; [`Deeds::proving`] adds those of the page.
    pub zones: Vec<Fqdn>,
    /// Whom to ask which name servers speak for a name.
    pub authority: Authority,
    /// Makes keys, and deploys.
    pub agent: Agent,
    /// How long one question to the CA may take.
    pub deadlines: HttpDeadlines,
    /// How long the CA may take to check and to sign.
    pub patience: Patience,
    /// One order at a time for each name.
    pub turn: Turn,
}

/// What a certificate is to cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cover {
    /// `*.name` and `name`.
    Wildcard,
    /// `name` alone.
    Exact,
}

impl Cover {
    /// The names for `base`.
    #[must_use]
    pub fn names(self, base: &Fqdn) -> Vec<CertificateName> {
        match self {
            Self::Wildcard => vec![CertificateName::wildcard(base.clone()), CertificateName::exact(base.clone())],
            Self::Exact => vec![CertificateName::exact(base.clone())],
        }
    }
}

/// Why nothing was ordered.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// The name is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The name lies outside what an operator approved.
    #[error("{name} lies outside the approved zones: {zones}")]
    Zone {
        /// The name.
        name: Fqdn,
        /// The approved zones.
        zones: String,
    },
    /// There is no account at the CA yet.
    #[error("there is no account at this CA yet; register one first")]
    NoAccount,
    /// Names that no certificate of this consumer may cover, or too many.
    #[error("{0}")]
    Names(String),
    /// Nobody can prove names.
    #[error("{0}")]
    NoSolver(String),
    /// There is no such certificate.
    #[error("there is no such certificate")]
    Unknown,
    /// Another program on the same state directory has renewed it meanwhile.
    #[error("it was renewed meanwhile")]
    NotNeeded,
    /// The agent was not let to keep it.
    #[error(transparent)]
    StepUp(#[from] StepUpError),
    /// Our own store failed.
    #[error("the order could not be kept")]
    Store(#[from] StoreError),
}

/// Why there is no account.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The CA, or what was typed.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// Our own store failed.
    #[error("the account could not be kept")]
    Store(#[from] StoreError),
}

impl Deeds {
    /// Makes an account at the CA, unless there is one. The operator has agreed to the CA's terms.
    ///
    /// # Errors
    /// See [`RegisterError`].
    pub async fn register_account(
        &self,
        issuing: &Issuing,
        actor: &Actor,
        contact: Option<&str>,
    ) -> Result<(), RegisterError> {
        let directory = issuing.ca.directory_url();
        if self.store.account_at(directory).await?.is_some() {
            return Ok(());
        }
        let act = Act { act: "certificate.account", subject: directory, after: contact, ..Act::default() };
        let entry = self.store.open_entry(actor, act, self.clock.now()).await?;
        let contacts: Vec<String> = contact.iter().map(|&contact| contact.to_owned()).collect();
        let key = self.store.account_key(directory, &account::new_key()?, self.clock.now()).await?;
        let made = match account::create(&issuing.ca, &key, &contacts, issuing.deadlines, self.clock.clone()).await {
            Ok(made) => made,
            Err(error) => {
                let reason = Chain(&error).to_string();
                self.store.close_entry(entry, Close::Failed { reason: &reason }, self.clock.now()).await?;
                return Err(error.into());
            }
        };
        let contact = contact.unwrap_or_default();
        self.store.account_made(directory, &made.url, contact, &made.credentials).await?;
        self.store.close_entry(entry, Close::Done { inverse: None }, self.clock.now()).await?;
        Ok(())
    }

    /// Queues an order for `base`. If one is open for the same names already, that one is answered. The agent may keep the
    /// certificate from then on: a code is needed unless it may already.
    ///
    /// # Errors
    /// See [`OrderError`].
    pub async fn order(
        &self,
        issuing: &Issuing,
        actor: &Actor,
        (base, cover, key): (&Fqdn, Cover, KeyKind),
        step_up: StepUp,
    ) -> Result<Queued, OrderError> {
        let names = cover.names(base);
        self.may_order(issuing, actor, "certificate.order", base, &names).await?;
        if step_up.code.is_none() {
            // Asked before anything is kept: the page shows what would be allowed, and asks for a code.
            let orders = issuing.agent.standing_orders().await.map_err(StepUpError::from)?;
            if !is_kept(&orders, &names, Consumer::Nginx, None) {
                return Err(StepUpError::CodeNeeded.into());
            }
        }
        let jitter = below(self.random.as_ref(), u32::MAX);
        let id = self.store.certificate_for(&names, key, jitter, self.clock.now()).await?;
        let row = self.store.certificate(&Reach::Everything, id).await?.ok_or(OrderError::Unknown)?;
        if let Err(error) = self.let_agent_keep(&issuing.agent, actor, &row, step_up).await {
            self.store.drop_unordered(id).await?;
            return Err(error.into());
        }
        self.queue(id, actor, "certificate.order", None).await
    }

    /// Queues a renewal of a certificate that is in reach; one that is not is unknown.
    ///
    /// # Errors
    /// See [`OrderError`].
    pub async fn renew(
        &self,
        issuing: &Issuing,
        actor: &Actor,
        reach: &Reach,
        certificate: CertificateId,
    ) -> Result<Queued, OrderError> {
        let row = self.store.certificate(reach, certificate).await?.ok_or(OrderError::Unknown)?;
        for name in &row.names {
            self.may_order(issuing, actor, "certificate.renew", name.base(), &row.names).await?;
        }
        self.queue(certificate, actor, "certificate.renew", None).await
    }

    /// The same for the renewal job, as long as what it looked at is still in force.
    ///
    /// # Errors
    /// See [`OrderError`].
    pub async fn renew_due(&self, issuing: &Issuing, row: &CertificateRow) -> Result<Queued, OrderError> {
        let actor = Actor::rampart();
        for name in &row.names {
            self.may_order(issuing, &actor, "certificate.renew", name.base(), &row.names).await?;
        }
        let of = row.in_force.as_ref().map(|in_force| in_force.generation);
        self.queue(row.id, &actor, "certificate.renew", of).await
    }

    /// Whether `base` may be ordered; a refusal is in the trail.
    pub(super) async fn may_order(
        &self,
        issuing: &Issuing,
        actor: &Actor,
        act: &str,
        base: &Fqdn,
        names: &[CertificateName],
    ) -> Result<(), OrderError> {
        let outcome = self.judge_order(issuing, base).await;
        let Err(error) = &outcome else { return Ok(()) };
        if !matches!(error, OrderError::Store(_)) {
            let subject = joined(names);
            let act = Act { act, subject: &subject, domain: domain(names), ..Act::default() };
            let reason = Chain(error).to_string();
            self.refused(actor, act, &reason).await?;
        }
        outcome
    }

    async fn judge_order(&self, issuing: &Issuing, base: &Fqdn) -> Result<(), OrderError> {
        let proving = self.proving(issuing).await?;
        proving.solver.as_ref().map_err(|reason| OrderError::NoSolver(reason.clone()))?;
        if !proving.is_approved(base) {
            let zones: Vec<&str> = proving.zones.iter().map(Fqdn::as_str).collect();
            return Err(OrderError::Zone { name: base.clone(), zones: zones.join(", ") });
        }
        match self.store.account_at(issuing.ca.directory_url()).await? {
            Some(_) => Ok(()),
            None => Err(OrderError::NoAccount),
        }
    }

    pub(super) async fn queue(
        &self,
        id: CertificateId,
        actor: &Actor,
        act: &str,
        of: Option<Generation>,
    ) -> Result<Queued, OrderError> {
        let row = self.store.certificate(&Reach::Everything, id).await?.ok_or(OrderError::Unknown)?;
        let subject = joined(&row.names);
        let before = row.in_force.map(|in_force| format!("serial {}", in_force.serial));
        let domain = domain(&row.names);
        let act = Act { act, subject: &subject, before: before.as_deref(), after: None, domain };
        let queued = self.store.queue_order_unless(id, of, (actor, act), self.clock.now()).await?;
        let (order, is_new) = queued.ok_or(OrderError::NotNeeded)?;
        Ok(Queued { order, is_new })
    }
}

/// An order that waits or is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Which one.
    pub order: OrderId,
    /// Whether it was queued just now; an open one for the same certificate is not queued twice.
    pub is_new: bool,
}

/// The one domain name that all of `names` are of.
fn domain(names: &[CertificateName]) -> Option<&str> {
    let base = names.first()?.base();
    names.iter().all(|name| name.base() == base).then(|| base.as_str())
}

/// `*.a.example, a.example`.
#[must_use]
pub fn joined(names: &[CertificateName]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What `row` needs at `now`; `None` for one that was never deployed: its first order is an operator's.
#[must_use]
pub fn next_step(row: &CertificateRow, now: Timestamp) -> Option<Decision> {
    let in_force = row.in_force.as_ref()?;
    let life = Lifetime {
        not_before: in_force.not_before,
        not_after: in_force.not_after,
        asked: row.window.as_ref().map(|window| window.chosen),
    };
    let attempts =
        Attempts { failures: row.failures, last_attempt: row.last_attempt, paused_until: row.paused_until };
    Some(decide(&life, &attempts, row.jitter, now))
}
