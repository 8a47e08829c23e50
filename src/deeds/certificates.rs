//! Asking for certificates: the account at the CA, a first order, a renewal. The work itself is `issue.rs`.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::acme::account::AccountError;
use crate::acme::ca::CertificateAuthority;
use crate::acme::chain::ISRG_ROOT_X1;
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
use crate::deeds::ca_accounts::{CaAccountError, NewCaAccount};
use crate::deeds::step_up::{StepUp, StepUpError, is_kept};
use crate::host::Agent;
use crate::store::StoreError;
use crate::store::accounts::AccountRow;
use crate::store::certificates::{CertificateRow, Choices};
use crate::store::trail::{Act, Actor};
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
    /// The names as they are listed.
    Listed,
}

impl Cover {
    /// The names for `base`.
    #[must_use]
    pub fn names(self, base: &Fqdn) -> Vec<CertificateName> {
        match self {
            Self::Wildcard => vec![CertificateName::wildcard(base.clone()), CertificateName::exact(base.clone())],
            Self::Exact | Self::Listed => vec![CertificateName::exact(base.clone())],
        }
    }
}

/// The most names in one certificate (Let's Encrypt's limit; the agent has the same).
pub const MOST_NAMES: usize = 100;

/// A certificate that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCertificate {
    /// Its names; the first one that is short enough becomes the common name.
    pub names: Vec<CertificateName>,
    /// The kind of its key.
    pub key: KeyKind,
    /// Which CA, profile and chain.
    pub choices: Choices,
}

impl NewCertificate {
    /// What serves a host that phones get their settings from: RSA 2048, and a chain that leads to the root that old phones
    /// know. The CA of rampart.toml, its usual profile.
    #[must_use]
    pub fn for_phones(names: Vec<CertificateName>) -> Self {
        let chain_root = Some(ISRG_ROOT_X1.to_owned());
        Self { names, key: KeyKind::Rsa2048, choices: Choices { chain_root, ..Choices::default() } }
    }
}

/// The names without repetition, in the order given; a name that a wildcard beside it covers stays, as some phones match
/// exact names only.
fn judge_names(names: &[CertificateName]) -> Result<Vec<CertificateName>, OrderError> {
    let mut seen = BTreeSet::new();
    let kept: Vec<CertificateName> = names.iter().filter(|name| seen.insert(*name)).cloned().collect();
    if kept.is_empty() || kept.len() > MOST_NAMES { Err(OrderError::Count) } else { Ok(kept) }
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
    /// What is chosen does not go together.
    #[error("{0}")]
    Ca(String),
    /// Too many names, or none.
    #[error("a certificate has 1 to {MOST_NAMES} names")]
    Count,
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
    /// Makes an account at the CA of rampart.toml, unless there is one. The operator has agreed to the CA's terms.
    ///
    /// # Errors
    /// See [`RegisterError`].
    pub async fn register_account(
        &self,
        issuing: &Issuing,
        actor: &Actor,
        contact: Option<&str>,
    ) -> Result<(), RegisterError> {
        let wanted = NewCaAccount {
            directory_url: issuing.ca.directory_url().to_owned(),
            contact: contact.map(str::to_owned),
            ..NewCaAccount::default()
        };
        match self.add_ca_account(issuing, actor, &wanted).await {
            Err(CaAccountError::Account(error)) => Err(error.into()),
            Err(CaAccountError::Store(error)) => Err(error.into()),
            // It is there already; the address and root of rampart.toml's CA were read at the start.
            _ => Ok(()),
        }
    }

    /// Queues an order for names. If one is open for the same names already, that one is answered. The agent may keep the
    /// certificate from then on: a code is needed unless it may already.
    ///
    /// # Errors
    /// See [`OrderError`].
    pub async fn order(
        &self,
        issuing: &Issuing,
        actor: &Actor,
        wanted: &NewCertificate,
        step_up: StepUp,
    ) -> Result<Queued, OrderError> {
        let NewCertificate { names, key, choices } = wanted;
        let names = judge_names(names)?;
        for base in names.iter().map(CertificateName::base).collect::<BTreeSet<_>>() {
            self.may_order(issuing, actor, ("certificate.order", choices), base, &names).await?;
        }
        if step_up.code.is_none() {
            // Asked before anything is kept: the page shows what would be allowed, and asks for a code.
            let orders = issuing.agent.standing_orders().await.map_err(StepUpError::from)?;
            if !is_kept(&orders, &names, Consumer::Nginx, None) {
                return Err(StepUpError::CodeNeeded.into());
            }
        }
        let jitter = below(self.random.as_ref(), u32::MAX);
        let id = self.store.certificate_for(&names, *key, jitter, self.clock.now()).await?;
        self.store.choose(id, choices).await?;
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
            self.may_order(issuing, actor, ("certificate.renew", &row.choices), name.base(), &row.names).await?;
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
            self.may_order(issuing, &actor, ("certificate.renew", &row.choices), name.base(), &row.names).await?;
        }
        let of = row.in_force.as_ref().map(|in_force| in_force.generation);
        self.queue(row.id, &actor, "certificate.renew", of).await
    }

    /// Whether `base` may be ordered; a refusal is in the trail.
    pub(super) async fn may_order(
        &self,
        issuing: &Issuing,
        actor: &Actor,
        (act, choices): (&str, &Choices),
        base: &Fqdn,
        names: &[CertificateName],
    ) -> Result<(), OrderError> {
        let outcome = self.judge_order(issuing, choices, base).await;
        let Err(error) = &outcome else { return Ok(()) };
        if !matches!(error, OrderError::Store(_)) {
            let subject = joined(names);
            let act = Act { act, subject: &subject, domain: domain(names), ..Act::default() };
            let reason = Chain(error).to_string();
            self.refused(actor, act, &reason).await?;
        }
        outcome
    }

    async fn judge_order(&self, issuing: &Issuing, choices: &Choices, base: &Fqdn) -> Result<(), OrderError> {
        let proving = self.proving(issuing).await?;
        proving.solver.as_ref().map_err(|reason| OrderError::NoSolver(reason.clone()))?;
        if !proving.is_approved(base) {
            let zones: Vec<&str> = proving.zones.iter().map(Fqdn::as_str).collect();
            return Err(OrderError::Zone { name: base.clone(), zones: zones.join(", ") });
        }
        self.authority(issuing, choices).await.map(drop)
    }

    /// The CA that `choices` name, and the account there.
    ///
    /// # Errors
    /// There is no account at it.
    pub async fn authority(
        &self,
        issuing: &Issuing,
        choices: &Choices,
    ) -> Result<(CertificateAuthority, AccountRow), OrderError> {
        let own = issuing.ca.directory_url();
        let directory = choices.directory_url.as_deref().unwrap_or(own);
        let account = self.store.account_at(directory).await?.ok_or(OrderError::NoAccount)?;
        let ca = if directory == own {
            issuing.ca.clone()
        } else {
            let ca = CertificateAuthority::at(directory, account.root_pem.clone());
            ca.map_err(|error| OrderError::Ca(error.to_string()))?
        };
        Ok((ca, account))
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
        is_void: row.void_since.is_some(),
    };
    let attempts =
        Attempts { failures: row.failures, last_attempt: row.last_attempt, paused_until: row.paused_until };
    Some(decide(&life, &attempts, row.jitter, now))
}
