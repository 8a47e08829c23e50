//! Acts that reach root: each needs a fresh code of the operator's second factor, from which the agent makes a grant for
//! exactly that act.

use crate::base::chain::Chain;
use crate::base::names::{CertificateName, OperatorName};
use crate::base::secret::Secret;
use crate::deeds::Deeds;
use crate::host::{Agent, AgentError};
use crate::store::StoreError;
use crate::store::certificates::CertificateRow;
use crate::store::trail::{Act, Actor, Close};
use crate::wire::answer::{PlacedOrder, Refusal};
use crate::wire::grant::{Consumer, Grant, SessionMark, StandingOrder};
use crate::wire::request::Request;

/// What an operator brings for one act.
#[derive(Clone, Debug)]
pub struct StepUp {
    /// Who.
    pub operator: OperatorName,
    /// In which session of the console.
    pub session: SessionMark,
    /// Six digits, or a recovery code; `None` if none was asked for yet.
    pub code: Option<Secret<String>>,
}

/// Why an act that reaches root was not done.
#[derive(Debug, thiserror::Error)]
pub enum StepUpError {
    /// No code was brought along.
    #[error("a code of your second factor is needed")]
    CodeNeeded,
    /// The operator has no second factor.
    #[error("set up a second factor first")]
    NotEnrolled,
    /// The code is wrong, was used already, or is too old.
    #[error("the code is not right; wait for the next one")]
    WrongCode,
    /// Too many wrong codes.
    #[error("too many wrong codes; the next one is looked at in {wait_seconds} s")]
    TooManyCodes {
        /// Seconds to wait.
        wait_seconds: u64,
    },
    /// The agent refused the act itself, or does not answer.
    #[error(transparent)]
    Agent(AgentError),
    /// Our own store failed.
    #[error("the act could not be noted, so it was not done")]
    Store(#[from] StoreError),
}

impl From<AgentError> for StepUpError {
    fn from(error: AgentError) -> Self {
        match error {
            AgentError::Refused(Refusal::NotEnrolled) => Self::NotEnrolled,
            AgentError::Refused(Refusal::WrongCode) => Self::WrongCode,
            AgentError::Refused(Refusal::TooManyCodes { wait_seconds }) => Self::TooManyCodes { wait_seconds },
            other => Self::Agent(other),
        }
    }
}

impl Deeds {
    /// Lets the agent keep a certificate by itself from now on, unless it may already: the root-owned standing order is
    /// placed on the strength of the operator's code.
    ///
    /// # Errors
    /// See [`StepUpError`].
    pub async fn let_agent_keep(
        &self,
        agent: &Agent,
        actor: &Actor,
        certificate: &CertificateRow,
        step_up: StepUp,
    ) -> Result<(), StepUpError> {
        let (names, consumer) = (&certificate.names, certificate.consumer);
        if is_kept(&agent.standing_orders().await?, names, consumer, Some(certificate)) {
            return Ok(());
        }
        let order = standing_order(certificate);
        let text = order.to_string();
        let act = Act { act: "standing-order.place", subject: &text, ..Act::default() };
        let place = |agent: Agent| async move { agent.place_standing_order(order).await };
        let what = Request::PlaceStandingOrder { order: standing_order(certificate) };
        self.with_grant(agent, (actor, act), step_up, what, place).await
    }

    /// Ends a standing order: the agent then makes no key for that certificate and deploys nothing of it without a code.
    ///
    /// # Errors
    /// See [`StepUpError`].
    pub async fn end_keeping(
        &self,
        agent: &Agent,
        actor: &Actor,
        order: StandingOrder,
        step_up: StepUp,
    ) -> Result<(), StepUpError> {
        let text = order.to_string();
        let act = Act { act: "standing-order.end", subject: &text, ..Act::default() };
        let what = Request::EndStandingOrder { order: order.clone() };
        let end = |agent: Agent| async move { agent.end_standing_order(order).await };
        self.with_grant(agent, (actor, act), step_up, what, end).await
    }

    /// Opens the trail, has the grant made, does `act` with it, closes the trail.
    pub(super) async fn with_grant<T, Done: Future<Output = Result<T, AgentError>>>(
        &self,
        agent: &Agent,
        (actor, act): (&Actor, Act<'_>),
        step_up: StepUp,
        what: Request,
        carry_out: impl FnOnce(Agent) -> Done,
    ) -> Result<T, StepUpError> {
        let Some(code) = step_up.code else { return Err(StepUpError::CodeNeeded) };
        let entry = self.store.open_entry(actor, act, self.clock.now()).await?;
        let agent = agent.clone().for_entry(entry);
        let granted: Result<Grant, AgentError> = agent.grant(&step_up.operator, &step_up.session, code, what).await;
        let outcome = match granted {
            Ok(grant) => carry_out(agent.with_grant(grant)).await,
            Err(error) => Err(error),
        };
        let reason = outcome.as_ref().err().map(|error| Chain(error).to_string());
        let close = match (&outcome, reason.as_deref()) {
            (Err(AgentError::Refused(_)), Some(reason)) => Close::Refused { reason },
            (Err(_), Some(reason)) => Close::Failed { reason },
            _ => Close::Done { inverse: None },
        };
        self.store.close_entry(entry, close, self.clock.now()).await?;
        Ok(outcome?)
    }
}

/// Whether one of `orders` lets the agent keep a certificate for these names and this consumer; for that very one, if it has a
/// row already.
#[must_use]
pub fn is_kept(
    orders: &[PlacedOrder],
    names: &[CertificateName],
    consumer: Consumer,
    row: Option<&CertificateRow>,
) -> bool {
    orders.iter().any(|placed| {
        let StandingOrder::Certificate { certificate, names: own, consumers } = &placed.order;
        row.is_none_or(|row| row.id == *certificate)
            && own.len() == names.len()
            && names.iter().all(|name| own.contains(name))
            && consumers.contains(&consumer)
    })
}

/// The order that lets the agent keep `certificate`.
fn standing_order(certificate: &CertificateRow) -> StandingOrder {
    StandingOrder::Certificate {
        certificate: certificate.id,
        names: certificate.names.clone(),
        consumers: vec![certificate.consumer],
    }
}
