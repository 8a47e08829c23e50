//! What is said between us and the CA in one order, step after step.

use std::time::Duration;

use instant_acme::{Identifier, NewOrder, Order, OrderStatus};
use tokio::time::{Instant, sleep};

use crate::acme::accept::{self, AcceptError, Accepted};
use crate::acme::account::{OpenAccount, ask};
use crate::acme::ari::CertId;
use crate::acme::chain;
use crate::acme::error::{CaError, IssueError, Refusal, RefusalPart};
use crate::acme::http::HttpError;
use crate::acme::issue::{Issued, Parties, Wish};
use crate::acme::ports::{Progress, Spend};
use crate::acme::step::Step;
use crate::acme::sweep::Sweep;
use crate::base::encoding::from_base64;
use crate::base::names::CertificateName;
use crate::wire::answer::KeyMade;

/// The pause between two polls where the CA names none; doubled each time, up to the second.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(50);
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// One order in the making. Its progress is in the journal before it matters.
pub(crate) struct Conversation<'a> {
    pub(crate) account: &'a OpenAccount,
    pub(crate) wish: &'a Wish,
    pub(crate) parties: &'a Parties,
    pub(crate) progress: Progress,
    pub(crate) sweep: Sweep,
}

impl Conversation<'_> {
    /// Holds it, from the order to the checked chain.
    pub(crate) async fn hold(&mut self) -> Result<Issued, IssueError> {
        if self.progress.order_url.is_none() {
            self.look_ahead().await?;
        }
        let mut order = self.order().await?;
        let mut status = order.state().status;
        if status == OrderStatus::Pending {
            self.prove(&mut order).await?;
            status = self.wait(&mut order, Phase::Checking).await?;
            self.note(Step::Proved).await;
        } else {
            for name in &self.wish.names {
                self.note(Step::AlreadyProved { name: name.clone() }).await;
            }
        }
        if status == OrderStatus::Ready {
            self.finalise(&mut order).await?;
        }
        let key = self.progress.key.clone().ok_or_else(|| CaError::nonsense(SIGNING, "it is done without a key"))?;
        if order.state().status != OrderStatus::Valid {
            self.note(Step::WaitingForCertificate).await;
            self.wait(&mut order, Phase::Signing).await?;
        }
        self.download(&mut order, &key).await
    }

    pub(super) async fn note(&self, step: Step) {
        self.parties.journal.note(&step).await;
    }

    pub(super) async fn save(&mut self) -> Result<(), IssueError> {
        self.progress.records = self.sweep.records().to_vec();
        self.parties.journal.save(&self.progress).await.map_err(IssueError::Journal)
    }

    /// The order of the journal while the CA still knows it and it can lead somewhere; else a new one.
    async fn order(&mut self) -> Result<Order, IssueError> {
        if let Some(url) = self.progress.order_url.clone() {
            match ask!(self.account, "the order that was begun", self.account.account.order(url.clone())) {
                Ok(mut order) => {
                    // A signed order without its key is of no use to anyone.
                    let usable = match order.state().status {
                        OrderStatus::Pending | OrderStatus::Ready => true,
                        OrderStatus::Processing | OrderStatus::Valid => self.progress.key.is_some(),
                        OrderStatus::Invalid => false,
                    };
                    if usable {
                        self.note(Step::Resuming { order_url: url }).await;
                        return Ok(order);
                    }
                }
                Err(CaError::Refused { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.new_order().await
    }

    async fn new_order(&mut self) -> Result<Order, IssueError> {
        if let Some(profile) = &self.wish.profile {
            let offered = self.account.profiles();
            if !offered.contains(profile) {
                return Err(IssueError::NoSuchProfile { wanted: profile.clone(), offered });
            }
        }
        self.note(Step::Ordering { names: self.wish.names.clone() }).await;
        let replaces = self.wish.replaces.clone();
        self.spend(replaces.is_some()).await?;
        let order = match self.place(replaces.as_ref()).await {
            // A renewal never fails over what it replaces: once more without it.
            Err(error) if replaces.is_some() && is_about_replacing(&error) => {
                self.note(Step::OrderingAnew { because: error.to_string() }).await;
                self.spend(false).await?;
                self.place(None).await?
            }
            outcome => outcome?,
        };
        self.progress.order_url = Some(order.url().to_owned());
        self.save().await?;
        Ok(order)
    }

    async fn spend(&mut self, is_exempt: bool) -> Result<(), IssueError> {
        (self.progress.order_url, self.progress.key, self.progress.is_exempt) = (None, None, is_exempt);
        let held = self.parties.journal.spend(Spend::Order { is_exempt }).await.map_err(IssueError::Journal)?;
        held.map_or(Ok(()), |held| {
            let wait = held.until.since(self.parties.clock.now());
            Err(IssueError::Overdrawn { words: held.words, wait })
        })
    }

    /// Places the order. One that was made but comes back without what it replaces is found again by its address.
    async fn place(&self, replaces: Option<&CertId>) -> Result<Order, CaError> {
        const DOING: &str = "the order";
        let names: Vec<Identifier> = self.wish.names.iter().map(|name| Identifier::Dns(name.to_string())).collect();
        let mut new = NewOrder::new(&names);
        if let Some(profile) = &self.wish.profile {
            new = new.profile(profile);
        }
        if let Some(id) = replaces {
            new = new.replaces(id.identifier());
        }
        let outcome = ask!(self.account, DOING, self.account.account.new_order(&new));
        let heard = self.account.ear.last();
        match (outcome, heard.status, heard.location) {
            (Err(CaError::Nonsense { .. }), Some(201), Some(url)) if replaces.is_some() => {
                ask!(self.account, DOING, self.account.account.order(url.clone()))
            }
            (outcome, ..) => outcome,
        }
    }

    /// A CA may only send us to names that we asked for: it must not choose what is written into our zones.
    pub(super) fn asked_for(&self, text: &str) -> Result<CertificateName, CaError> {
        CertificateName::parse(text)
            .ok()
            .filter(|name| self.wish.names.contains(name))
            .ok_or_else(|| CaError::nonsense(CHECKING, "it wants proof for a name that was not asked for"))
    }

    /// Polls until the order has left the states in which the CA is at work.
    async fn wait(&self, order: &mut Order, phase: Phase) -> Result<OrderStatus, IssueError> {
        let (doing, limit, at_work) = match phase {
            Phase::Checking => (CHECKING, self.parties.patience.checking, [OrderStatus::Pending; 2]),
            Phase::Signing => (SIGNING, self.parties.patience.signing, [OrderStatus::Ready, OrderStatus::Processing]),
        };
        let start = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let status = ask!(self.account, doing, async { order.refresh().await.map(|state| state.status) })?;
            if status == OrderStatus::Invalid {
                return Err(self.why_invalid(order, doing).await.into());
            }
            if !at_work.contains(&status) {
                return Ok(status);
            }
            let asked = self.account.ear.last().retry_after;
            let wait = asked.unwrap_or(pause);
            if start.elapsed().saturating_add(wait) > limit {
                return Err(CaError::TimedOut { doing, after: limit, retry_after: asked }.into());
            }
            sleep(wait).await;
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }

    /// An order says that it failed; why, often only its authorizations say.
    async fn why_invalid(&self, order: &mut Order, doing: &'static str) -> CaError {
        let mut refusal = order.state().error.clone().map(Refusal::from).unwrap_or_default();
        let mut list = order.authorizations();
        while let Some(Ok(mut authorization)) = list.next().await {
            if authorization.refresh().await.is_err() {
                continue;
            }
            let name = CertificateName::parse(&authorization.identifier().to_string());
            for problem in authorization.challenges.iter().filter_map(|challenge| challenge.error.clone()) {
                let said = Refusal::from(problem);
                let name = name.as_ref().map(ToString::to_string).unwrap_or_default();
                refusal.parts.push(RefusalPart { name, kind: said.kind, detail: said.detail });
            }
        }
        if let (true, Some(part)) = (refusal.detail.is_empty(), refusal.parts.first().cloned()) {
            (refusal.kind, refusal.detail) = (part.kind, part.detail);
        }
        CaError::Refused { doing, refusal, retry_after: None }
    }

    async fn finalise(&mut self, order: &mut Order) -> Result<(), IssueError> {
        let key = match self.progress.key.clone() {
            Some(key) => key,
            None => self.make_key().await?,
        };
        let csr = request_of(&key)?;
        self.note(Step::Finalising).await;
        ask!(self.account, SIGNING, order.finalize_csr(&csr))?;
        Ok(())
    }

    /// The journal knows the key before the CA signs it: a signed order without its key would be lost.
    async fn make_key(&mut self) -> Result<KeyMade, IssueError> {
        self.note(Step::MakingKey).await;
        let is_exempt = self.progress.is_exempt;
        self.parties.journal.spend(Spend::Certificate { is_exempt }).await.map_err(IssueError::Journal)?;
        let key = self.parties.keys.make(&self.wish.names, self.wish.key).await.map_err(IssueError::Key)?;
        self.progress.key = Some(key.clone());
        self.save().await?;
        Ok(key)
    }

    /// The first of the CA's other chains that leads to `root`. One that does not come, or is not what was asked for, is
    /// passed over: the chain that came first is there already.
    async fn alternate(
        &self,
        links: &[String],
        root: &str,
        accept: impl Fn(&str) -> Result<Accepted, AcceptError>,
    ) -> Option<Accepted> {
        for url in chain::alternates(links) {
            // The library takes what lies there for an order, and says that it is none; the ear has what came.
            drop(self.account.account.order(url).await);
            let Some(body) = self.account.ear.last().chain else { continue };
            let text = String::from_utf8_lossy(&body);
            if let Some(accepted) = accept(&text).ok().filter(|one| chain::leads_to(&one.chain_pem, root)) {
                return Some(accepted);
            }
        }
        None
    }

    async fn download(&self, order: &mut Order, key: &KeyMade) -> Result<Issued, IssueError> {
        const DOING: &str = "handing out the certificate";
        let chain = ask!(self.account, DOING, order.certificate())?;
        let links = self.account.ear.last().links;
        let chain = chain.ok_or_else(|| CaError::nonsense(DOING, "it is done but has none"))?;
        let request = request_of(key)?;
        let accept = |chain: &str| accept::accept(chain, &self.wish.names, &request, self.parties.clock.now());
        let mut accepted = accept(&chain).map_err(IssueError::WrongCertificate)?;
        if let Some(root) = self.wish.chain.as_deref().filter(|root| !chain::leads_to(&accepted.chain_pem, root)) {
            match self.alternate(&links, root, accept).await {
                Some(other) => accepted = other,
                None => self.note(Step::OtherChain { wanted: root.to_owned() }).await,
            }
        }
        let (serial, not_after) = (accepted.leaf.serial.clone(), accepted.leaf.not_after);
        self.note(Step::Downloaded { serial, not_after }).await;
        Ok(Issued {
            chain_pem: accepted.chain_pem,
            generation: key.generation,
            leaf: accepted.leaf,
            order_url: order.url().to_owned(),
            links,
        })
    }
}

/// Whether a refused order may be about the certificate that it replaces (RFC 9773 section 5): it was replaced before, its
/// order is still open, it is another account's, the CA does not know it, or stumbles over it.
fn is_about_replacing(error: &CaError) -> bool {
    match error {
        CaError::Refused { refusal, .. } => {
            ["alreadyReplaced", "conflict", "unauthorized", "malformed"].contains(&refusal.kind.as_str())
                || refusal.detail.contains("replac")
        }
        CaError::Unreachable { source: HttpError::Status(500), .. } => true,
        CaError::Nonsense { source, .. } => {
            matches!(source.downcast_ref::<instant_acme::Error>(), Some(instant_acme::Error::Unsupported(_)))
        }
        _ => false,
    }
}

/// What the CA is at work on while we wait.
#[derive(Clone, Copy)]
enum Phase {
    Checking,
    Signing,
}

pub(super) const CHECKING: &str = "checking the names";
const SIGNING: &str = "signing the certificate";

fn request_of(key: &KeyMade) -> Result<Vec<u8>, IssueError> {
    from_base64(&key.csr).ok_or(IssueError::WrongCertificate(AcceptError::NoRequest))
}
