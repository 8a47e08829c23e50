//! An operator's second factor: set up, renewed, checked. The agent keeps it and checks each code; the console carries
//! the code there, and remembers only that there is a factor.

use crate::base::chain::Chain;
use crate::base::ids::OperatorId;
use crate::base::names::OperatorName;
use crate::base::secret::Secret;
use crate::deeds::Deeds;
use crate::deeds::step_up::StepUpError;
use crate::host::{Agent, AgentError};
use crate::store::trail::{Act, Actor, Close};
use crate::wire::answer::{CodeGood, EnrolmentBegun, Refusal};
use crate::wire::carried::Carried;

/// Whether a sign-in needs a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorState {
    /// There is a second factor: a code is needed.
    Enrolled,
    /// There is none.
    None,
    /// There should be one, and the agent does not know it, or does not answer: nobody may pass.
    Unknown,
}

impl Deeds {
    /// Whether `operator` has a second factor. `noted` is what the console remembers of it.
    ///
    /// The agent's word counts. Without it, an operator who is known to have a factor does not pass without a code, and
    /// one who is not known to have one passes without: for such a one no act that reaches root is possible anyway.
    pub async fn factor_state(&self, agent: &Agent, operator: &OperatorName, noted: bool) -> FactorState {
        match (agent.factor(operator).await, noted) {
            (Ok(facts), _) if facts.since.is_some() => FactorState::Enrolled,
            (Ok(_) | Err(_), true) => FactorState::Unknown,
            (Ok(_) | Err(_), false) => FactorState::None,
        }
    }

    /// Has a new seed made. The proof is an enrolment code from the host, or a code of the factor in force.
    ///
    /// # Errors
    /// See [`StepUpError`].
    pub async fn begin_factor(
        &self,
        agent: &Agent,
        actor: &Actor,
        operator: &OperatorName,
        proof: Secret<String>,
    ) -> Result<EnrolmentBegun, StepUpError> {
        self.noted(actor, "factor.begin", operator, agent.begin_enrolment(operator, proof)).await
    }

    /// Puts the new seed in force, proved by a code made from it. Answers recovery codes that are shown once.
    ///
    /// # Errors
    /// See [`StepUpError`].
    pub async fn finish_factor(
        &self,
        agent: &Agent,
        actor: &Actor,
        (id, operator): (OperatorId, &OperatorName),
        code: Secret<String>,
    ) -> Result<Vec<Carried>, StepUpError> {
        let codes = self.noted(actor, "factor.enrol", operator, agent.finish_enrolment(operator, code)).await?;
        self.store.note_factor(id, Some(self.clock.now())).await?;
        Ok(codes)
    }

    /// Has new recovery codes made in place of the old ones.
    ///
    /// # Errors
    /// See [`StepUpError`].
    pub async fn renew_recovery(
        &self,
        agent: &Agent,
        actor: &Actor,
        operator: &OperatorName,
        code: Secret<String>,
    ) -> Result<Vec<Carried>, StepUpError> {
        self.noted(actor, "factor.recovery", operator, agent.renew_recovery(operator, code)).await
    }

    /// Has the code of a sign-in checked and used up.
    ///
    /// # Errors
    /// See [`StepUpError`].
    pub async fn check_sign_in_code(
        &self,
        agent: &Agent,
        actor: &Actor,
        operator: &OperatorName,
        code: Secret<String>,
    ) -> Result<CodeGood, StepUpError> {
        self.noted(actor, "session.code", operator, agent.check_code(operator, code)).await
    }

    /// One question to the agent between an entry's beginning and its end.
    async fn noted<T>(
        &self,
        actor: &Actor,
        act: &str,
        operator: &OperatorName,
        question: impl Future<Output = Result<T, AgentError>>,
    ) -> Result<T, StepUpError> {
        let act = Act { act, subject: operator.as_str(), ..Act::default() };
        let entry = self.store.open_entry(actor, act, self.clock.now()).await?;
        let outcome = question.await;
        let reason = outcome.as_ref().err().map(|error| match error {
            AgentError::Refused(
                refusal @ (Refusal::WrongCode | Refusal::NotEnrolled | Refusal::TooManyCodes { .. }),
            ) => refusal.to_string(),
            error => Chain(error).to_string(),
        });
        let close = match (&outcome, reason.as_deref()) {
            (Err(AgentError::Refused(_)), Some(reason)) => Close::Refused { reason },
            (Err(_), Some(reason)) => Close::Failed { reason },
            _ => Close::Done { inverse: None },
        };
        self.store.close_entry(entry, close, self.clock.now()).await?;
        Ok(outcome?)
    }
}
