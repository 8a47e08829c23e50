//! Carrying out an order: the conversation with the CA, the deployment by the agent, and the end of the story in the
//! order, the certificate and the trail.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tracing::{info, warn};

use crate::acme::account;
use crate::acme::ari::CertId;
use crate::acme::budget::{Ask, Overdrawn};
use crate::acme::error::{CaError, IssueError};
use crate::acme::issue::{self, Issued, Parties, Wish};
use crate::acme::ports::{Journal, JournalError, KeyError, KeySource, Progress, Spend};
use crate::acme::step::Step;
use crate::base::chain::Chain;
use crate::base::clock::{Clock, Timestamp};
use crate::base::ids::CertificateId;
use crate::base::ids::OrderId;
use crate::base::names::CertificateName;
use crate::base::role::Reach;
use crate::deeds::Deeds;
use crate::deeds::certificates::{Issuing, OrderError, joined};
use crate::host::{Agent, AgentError};
use crate::store::certificates::{CertificateRow, Choices};
use crate::store::issued::NewIssued;
use crate::store::orders::{OrderFailure, OrderRow};
use crate::store::trail::{Actor, Close};
use crate::store::{Store, StoreError};
use crate::wire::answer::{Installed, KeyMade};
use crate::wire::grant::Consumer;
use crate::wire::request::KeyKind;

/// Why an order failed, by where.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Issue(#[from] IssueError),
    #[error(transparent)]
    Account(#[from] account::AccountError),
    #[error("there is no account at this CA any more")]
    NoAccount,
    #[error("{0}")]
    NoSolver(String),
    #[error("the certificate was issued but not deployed")]
    Deploy(#[source] AgentError),
    #[error("the order's certificate is gone")]
    NoCertificate,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failed {
    const fn place(&self) -> &'static str {
        match self {
            Self::Issue(IssueError::Dns(_)) | Self::NoSolver(_) => "in DNS",
            Self::Issue(IssueError::Key(_)) | Self::Deploy(_) => "on this host",
            Self::Issue(
                IssueError::Ca(_)
                | IssueError::NoSuchProfile { .. }
                | IssueError::WrongCertificate(_)
                | IssueError::Overdrawn { .. },
            )
            | Self::Account(_)
            | Self::NoAccount => "at the CA",
            Self::Issue(IssueError::Journal(_)) | Self::NoCertificate | Self::Store(_) => "in Rampart",
        }
    }
}

impl Failed {
    /// For how long the CA asks us to wait, if it said so.
    const fn pause(&self) -> Option<Duration> {
        match self {
            Self::Issue(error) => error.retry_after(),
            _ => None,
        }
    }
}

impl Deeds {
    /// Carries out an order that the caller has claimed. Whatever happens is kept with the order.
    ///
    /// # Errors
    /// Our own store failed; the order stays claimed and is taken up again when the claim lapses.
    pub async fn carry_out(&self, issuing: &Issuing, order: &OrderRow) -> Result<(), StoreError> {
        let outcome = self.issue_and_install(issuing, order).await;
        let now = self.clock.now();
        let (close, text);
        match outcome {
            Ok((row, issued, installed)) => {
                let names = joined(&row.names);
                self.store.order_done(order, issued.generation, &installed, now).await?;
                info!(certificate.names = names, serial = installed.leaf.serial, "Deployed {names}");
                close = Close::Done { inverse: None };
            }
            Err(failed) => {
                text = Chain(&failed).to_string();
                let failure = OrderFailure {
                    place: failed.place().to_owned(),
                    words: text.clone(),
                    paused_until: failed.pause().map(|pause| now.plus(pause)),
                };
                self.store.add_step(order.id, &format!("Failed {}: {text}", failure.place), now).await?;
                self.store.order_failed(order, &failure, now).await?;
                warn!(order = order.id.0, "An order failed: {text}");
                close = Close::Failed { reason: &text };
            }
        }
        match order.trail {
            Some(entry) => self.store.close_entry(entry, close, now).await,
            None => Ok(()),
        }
    }

    async fn issue_and_install(
        &self,
        issuing: &Issuing,
        order: &OrderRow,
    ) -> Result<(CertificateRow, Issued, Installed), Failed> {
        let row =
            self.store.certificate(&Reach::Everything, order.certificate).await?.ok_or(Failed::NoCertificate)?;
        let solver = self.proving(issuing).await?.solver.map_err(Failed::NoSolver)?;
        let (ca, stored) = match self.authority(issuing, &row.choices).await {
            Ok(found) => found,
            Err(OrderError::Store(error)) => return Err(error.into()),
            Err(_) => return Err(Failed::NoAccount),
        };
        let opened = self.open_account(issuing, &ca, &stored).await?;
        let agent = match order.trail {
            Some(entry) => issuing.agent.clone().for_entry(entry),
            None => issuing.agent.clone(),
        };
        let directory = ca.directory_url();
        let replaces = self.predecessor(&row, directory).await?;
        let Choices { profile, chain_root, .. } = row.choices.clone();
        let wish = Wish { names: row.names.clone(), key: row.key, profile, chain: chain_root, replaces };
        let story = OrderStory {
            store: self.store.clone(),
            clock: self.clock.clone(),
            order: order.id,
            certificate: row.id,
            names: row.names.clone(),
            directory_url: directory.to_owned(),
            is_pressing: order.asked_by != Actor::rampart().name || is_nearly_spent(&row, self.clock.now()),
        };
        let parties = Parties {
            keys: Arc::new(AgentKeys { deeds: self.clone(), agent: agent.clone(), certificate: row.id }),
            solver,
            journal: Arc::new(story),
            clock: self.clock.clone(),
            turn: issuing.turn.clone(),
            patience: issuing.patience,
        };
        let issued = match issue::issue(&opened, &wish, &parties).await {
            Ok(issued) => issued,
            Err(error) => {
                self.store.proofs_refused(directory, &refused_names(&error), self.clock.now()).await?;
                return Err(error.into());
            }
        };
        self.keep_signed(&row, directory, &issued).await?;
        self.store.add_step(order.id, deploying(row.consumer), self.clock.now()).await?;
        let which = (row.id, issued.generation);
        let install = || agent.install_for(row.consumer, which, &issued.chain_pem);
        let installed = match self.in_turn(install).await {
            Ok(installed) => installed,
            Err(error) => after_all(&agent, &row, &issued, error).await.map_err(Failed::Deploy)?,
        };
        self.note_installed(order, &installed).await?;
        Ok((row, issued, installed))
    }

    /// What each listener showed, and what a certificate that is not served yet waits for.
    async fn note_installed(&self, order: &OrderRow, installed: &Installed) -> Result<(), StoreError> {
        for proof in &installed.proofs {
            let words = format!("{} serves {} for {}", proof.listener, proof.serial, proof.name);
            self.store.add_step(order.id, &words, self.clock.now()).await?;
        }
        if let Some(reason) = &installed.pending {
            let words = format!("It lies in its place and is not served yet: {reason}");
            self.store.add_step(order.id, &words, self.clock.now()).await?;
        }
        Ok(())
    }

    /// Keeps what was signed before it is deployed: it can be named to the CA from then on.
    async fn keep_signed(&self, row: &CertificateRow, directory: &str, issued: &Issued) -> Result<(), StoreError> {
        let ari_id = CertId::of_chain(&issued.chain_pem);
        let new = NewIssued {
            certificate: row.id,
            generation: issued.generation,
            directory_url: directory,
            ari_id: ari_id.as_ref().map(CertId::as_str),
            chain_pem: &issued.chain_pem,
            leaf: &issued.leaf,
        };
        self.store.keep_issued(new, self.clock.now()).await
    }

    /// What the new certificate takes the place of, as its CA knows it: the one in force, from the same CA and not expired
    /// (a CA need not know those any more). After a second failure nothing is named: it may be what fails.
    async fn predecessor(&self, row: &CertificateRow, directory: &str) -> Result<Option<CertId>, StoreError> {
        let Some(in_force) = row.in_force.as_ref().filter(|in_force| in_force.not_after > self.clock.now()) else {
            return Ok(None);
        };
        if row.failures > 1 {
            return Ok(None);
        }
        let issued = self.store.issued(row.id, in_force.generation).await?;
        Ok(issued
            .filter(|issued| issued.directory_url == directory)
            .and_then(|issued| issued.ari_id)
            .and_then(|id| CertId::parse(&id)))
    }
}

/// Whether less than a twentieth of the life is left.
fn is_nearly_spent(row: &CertificateRow, now: Timestamp) -> bool {
    row.in_force
        .as_ref()
        .is_some_and(|in_force| in_force.not_after.since(now) < in_force.not_after.since(in_force.not_before) / 20)
}

/// The names that a CA looked at and found no proof for.
fn refused_names(error: &IssueError) -> Vec<String> {
    match error {
        IssueError::Ca(CaError::Refused { refusal, .. }) => {
            let mut names: Vec<String> = refusal.parts.iter().map(|part| part.name.clone()).collect();
            names.sort_unstable();
            names.dedup();
            names
        }
        _ => Vec::new(),
    }
}

/// What the agent is about to do.
const fn deploying(consumer: Consumer) -> &'static str {
    match consumer {
        Consumer::Nginx => "The agent deploys it: nginx is tested, reloaded, and asked for the new serial",
        Consumer::FreeSwitch => {
            "The agent deploys it: all.pem is replaced, FreeSWITCH told, and each TLS listener asked for the new serial"
        }
    }
}

/// An agent that refused has said how things stand, and one that is silent is not done yet. One that went away may have
/// finished all the same, and has settled what it had not before it listens again: what it keeps is asked for once more
/// before the order counts as failed.
async fn after_all(
    agent: &Agent,
    row: &CertificateRow,
    issued: &Issued,
    error: AgentError,
) -> Result<Installed, AgentError> {
    if matches!(error, AgentError::Refused(_) | AgentError::Silent { .. }) {
        return Err(error);
    }
    let Ok(facts) = agent.certificates().await else { return Err(error) };
    let kept = facts.kept.into_iter().find(|kept| kept.certificate == row.id);
    let is_in_force = kept.is_some_and(|kept| kept.current == Some(issued.generation));
    if !is_in_force {
        return Err(error);
    }
    let former = row.in_force.as_ref().map(|in_force| in_force.generation);
    Ok(Installed { former, leaf: issued.leaf.clone(), proofs: Vec::new(), pending: None })
}

/// The memory of one order: its steps for the page, its progress for whoever goes on after a kill.
struct OrderStory {
    store: Store,
    clock: Arc<dyn Clock>,
    order: OrderId,
    certificate: CertificateId,
    names: Vec<CertificateName>,
    directory_url: String,
    is_pressing: bool,
}

#[async_trait]
impl Journal for OrderStory {
    async fn note(&self, step: &Step) {
        if let Err(error) = self.store.add_step(self.order, &step.to_string(), self.clock.now()).await {
            warn!(order = self.order.0, "A step was not kept: {}", Chain(&error));
        }
    }

    async fn load(&self) -> Result<Progress, JournalError> {
        let text = self.store.progress(self.certificate).await.map_err(|error| JournalError(error.into()))?;
        text.map_or_else(
            || Ok(Progress::default()),
            |text| serde_json::from_str(&text).map_err(|error| JournalError(error.into())),
        )
    }

    async fn save(&self, progress: &Progress) -> Result<(), JournalError> {
        let text = serde_json::to_string(progress).map_err(|error| JournalError(error.into()))?;
        self.store.keep_progress(self.certificate, Some(&text)).await.map_err(|error| JournalError(error.into()))
    }

    async fn spend(&self, what: Spend) -> Result<Option<Overdrawn>, JournalError> {
        let (directory, names, now) = (&self.directory_url, &self.names, self.clock.now());
        match what {
            Spend::Order { is_exempt } => {
                let ask = Ask { is_exempt, is_pressing: self.is_pressing };
                self.store.spend_order(directory, names, ask, now).await
            }
            Spend::Certificate { is_exempt } => {
                self.store.spend_certificate(directory, names, is_exempt, now).await.map(|()| None)
            }
        }
        .map_err(|error| JournalError(error.into()))
    }
}

/// Keys are the agent's.
struct AgentKeys {
    deeds: Deeds,
    agent: Agent,
    certificate: CertificateId,
}

#[async_trait]
impl KeySource for AgentKeys {
    async fn make(&self, names: &[CertificateName], key: KeyKind) -> Result<KeyMade, KeyError> {
        self.deeds
            .in_turn(|| self.agent.make_key(self.certificate, names, key))
            .await
            .map_err(|error| KeyError(error.into()))
    }
}
