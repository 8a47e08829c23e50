//! One order, from the wish to the checked chain; cut off anywhere, it goes on where it was.

use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use crate::acme::account::{OpenAccount, unbroken};
use crate::acme::ari::CertId;
use crate::acme::challenge::Solver;
use crate::acme::conversation::Conversation;
use crate::acme::error::{CaError, IssueError};
use crate::acme::http::Ear;
use crate::acme::ports::{Journal, KeySource, Progress};
use crate::acme::step::Step;
use crate::acme::sweep::Sweep;
pub use crate::acme::sweep::Turn;
use crate::base::chain::Chain;
use crate::base::clock::Clock;
use crate::base::names::CertificateName;
use crate::wire::answer::LeafFacts;
use crate::wire::request::{Generation, KeyKind};

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The names of the certificate.
    pub names: Vec<CertificateName>,
    /// The kind of its key.
    pub key: KeyKind,
    /// One of the CA's profiles ([`OpenAccount::profiles`]), or its own choice.
    pub profile: Option<String>,
    /// The common name of the root that the chain should lead to; without it the CA's own choice.
    pub chain: Option<String>,
    /// The certificate of the same CA that this one takes the place of; not one that has expired.
    pub replaces: Option<CertId>,
}

/// Who takes part.
#[derive(Clone)]
pub struct Parties {
    /// Makes the key.
    pub keys: Arc<dyn KeySource>,
    /// Puts records into DNS.
    pub solver: Arc<dyn Solver>,
    /// Remembers this one order.
    pub journal: Arc<dyn Journal>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// One order at a time for each name: the same turns for all orders of a process.
    pub turn: Turn,
    /// How long the CA may take.
    pub patience: Patience,
}

/// How long the CA may take, whatever it says in Retry-After.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// To check all names.
    pub checking: Duration,
    /// To sign.
    pub signing: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { checking: Duration::from_mins(5), signing: Duration::from_mins(3) }
    }
}

/// A certificate that is what was asked for. It is not installed yet, and the journal still knows the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// Leaf and intermediates, leaf first.
    pub chain_pem: String,
    /// The agent's generation that holds the key.
    pub generation: Generation,
    /// What the leaf says of itself.
    pub leaf: LeafFacts,
    /// Where the order lies at the CA.
    pub order_url: String,
    /// The `Link` headers that came with the chain: the CA's alternate chains.
    pub links: Vec<String>,
}

/// Gets a certificate: goes on with the order in the journal, or makes a new one. Whatever happens, the challenge
/// records are taken out of DNS, also when this future is dropped.
///
/// # Errors
/// As [`IssueError`] says. After a refusal the journal has forgotten the order; after anything else it has not, so that
/// the next call goes on with it.
pub async fn issue(account: &OpenAccount, wish: &Wish, parties: &Parties) -> Result<Issued, IssueError> {
    let turn = parties.turn.take(wish.names.iter().map(|name| name.base().clone()).collect()).await;
    let progress = parties.journal.load().await.map_err(IssueError::Journal)?;
    let sweep = Sweep::new(Arc::clone(&parties.solver), progress.records.clone(), turn);
    let mut conversation = Conversation { account, wish, parties, progress, sweep };

    // An account serves many orders at a time; each hears the answers to its own questions only.
    let outcome = unbroken(Ear::default().alone(conversation.hold())).await.unwrap_or_else(|error| Err(error.into()));

    let Conversation { mut progress, sweep, .. } = conversation;
    if matches!(outcome, Err(IssueError::Ca(CaError::Refused { .. }) | IssueError::WrongCertificate(_))) {
        (progress.order_url, progress.key) = (None, None);
    }
    clear(parties, &mut progress, sweep).await;
    // The entry before it leads to the same end, so that the outcome stands even if this one cannot be kept.
    if let Err(error) = parties.journal.save(&progress).await {
        warn!("The end of an order could not be kept: {}", Chain(&error));
    }
    outcome
}

/// Takes out of DNS what an order that was killed left there: at start, and before an order is given up for good. Needs no
/// CA.
///
/// # Errors
/// The journal failed. What DNS refused to give up stays in the journal.
pub async fn tidy(parties: &Parties) -> Result<(), IssueError> {
    let found = parties.journal.load().await.map_err(IssueError::Journal)?;
    if found.records.is_empty() {
        return Ok(());
    }
    let turn = parties.turn.take(found.records.iter().map(|record| record.base().clone()).collect()).await;
    let mut progress = parties.journal.load().await.map_err(IssueError::Journal)?;
    let sweep = Sweep::new(Arc::clone(&parties.solver), progress.records.clone(), turn);
    clear(parties, &mut progress, sweep).await;
    parties.journal.save(&progress).await.map_err(IssueError::Journal)
}

async fn clear(parties: &Parties, progress: &mut Progress, sweep: Sweep) {
    let had_records = !sweep.records().is_empty();
    progress.records = sweep.finish().await;
    for record in &progress.records {
        parties.journal.note(&Step::NotCleared { record: record.name() }).await;
    }
    if had_records && progress.records.is_empty() {
        parties.journal.note(&Step::Cleared).await;
    }
}
