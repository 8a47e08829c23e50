//! The agent's gate: second factors, grants, standing orders.

use crate::base::names::OperatorName;
use crate::base::secret::Secret;
use crate::host::{Agent, AgentError, kind};
use crate::wire::answer::{Answer, CodeGood, EnrolmentBegun, FactorFacts, PlacedOrder};
use crate::wire::carried::Carried;
use crate::wire::grant::{Grant, SessionMark, StandingOrder};
use crate::wire::request::Request;

impl Agent {
    /// How an operator's second factor stands.
    ///
    /// # Errors
    /// As [`AgentError`].
    pub async fn factor(&self, operator: &OperatorName) -> Result<FactorFacts, AgentError> {
        expect_answer!(self.ask(&Request::ReadFactor { operator: operator.clone() }).await?, Factor)
    }

    /// The standing orders in force.
    ///
    /// # Errors
    /// As [`AgentError`].
    pub async fn standing_orders(&self) -> Result<Vec<PlacedOrder>, AgentError> {
        expect_answer!(self.ask(&Request::ReadStandingOrders).await?, StandingOrders, orders)
    }

    /// Has a new seed made, on the strength of an enrolment code or of a code of the factor in force.
    ///
    /// # Errors
    /// As [`AgentError`]; a wrong proof is refused.
    pub async fn begin_enrolment(
        &self,
        operator: &OperatorName,
        proof: Secret<String>,
    ) -> Result<EnrolmentBegun, AgentError> {
        let request = Request::BeginEnrolment { operator: operator.clone(), proof: Carried(proof) };
        expect_answer!(self.ask(&request).await?, EnrolmentBegun)
    }

    /// Has the new seed put in force. Answers recovery codes, once.
    ///
    /// # Errors
    /// As [`AgentError`]; a wrong code is refused.
    pub async fn finish_enrolment(
        &self,
        operator: &OperatorName,
        code: Secret<String>,
    ) -> Result<Vec<Carried>, AgentError> {
        let request = Request::FinishEnrolment { operator: operator.clone(), code: Carried(code) };
        expect_answer!(self.ask(&request).await?, RecoveryCodes, codes)
    }

    /// Has new recovery codes made in place of the old ones.
    ///
    /// # Errors
    /// As [`AgentError`]; a wrong code is refused.
    pub async fn renew_recovery(
        &self,
        operator: &OperatorName,
        code: Secret<String>,
    ) -> Result<Vec<Carried>, AgentError> {
        let request = Request::RenewRecovery { operator: operator.clone(), code: Carried(code) };
        expect_answer!(self.ask(&request).await?, RecoveryCodes, codes)
    }

    /// Has a code checked and used up.
    ///
    /// # Errors
    /// As [`AgentError`]; a wrong code is refused.
    pub async fn check_code(&self, operator: &OperatorName, code: Secret<String>) -> Result<CodeGood, AgentError> {
        let request = Request::CheckCode { operator: operator.clone(), code: Carried(code) };
        expect_answer!(self.ask(&request).await?, CodeGood)
    }

    /// Has a grant made for `what`, in this session, on the strength of a fresh code.
    ///
    /// # Errors
    /// As [`AgentError`]; a wrong code is refused.
    pub async fn grant(
        &self,
        operator: &OperatorName,
        session: &SessionMark,
        code: Secret<String>,
        what: Request,
    ) -> Result<Grant, AgentError> {
        let (operator, session) = (operator.clone(), session.clone());
        let request = Request::MakeGrant {
            operator: operator.clone(),
            session: session.clone(),
            code: Carried(code),
            what: Box::new(what),
        };
        let token = expect_answer!(self.ask(&request).await?, Granted, token)?;
        Ok(Grant { operator, session, token })
    }

    /// Has a standing order placed; see [`with_grant`](Self::with_grant).
    ///
    /// # Errors
    /// As [`AgentError`].
    pub async fn place_standing_order(&self, order: StandingOrder) -> Result<(), AgentError> {
        self.done(&Request::PlaceStandingOrder { order }).await
    }

    /// Has a standing order ended; see [`with_grant`](Self::with_grant).
    ///
    /// # Errors
    /// As [`AgentError`].
    pub async fn end_standing_order(&self, order: StandingOrder) -> Result<(), AgentError> {
        self.done(&Request::EndStandingOrder { order }).await
    }

    /// Has a second factor forgotten; root may ask without a grant.
    ///
    /// # Errors
    /// As [`AgentError`].
    pub async fn forget_factor(&self, operator: &OperatorName) -> Result<(), AgentError> {
        self.done(&Request::ForgetFactor { operator: operator.clone() }).await
    }

    async fn done(&self, request: &Request) -> Result<(), AgentError> {
        match self.ask(request).await? {
            Answer::Done => Ok(()),
            other => Err(AgentError::Confused { reason: format!("it answered something else: {}", kind(&other)) }),
        }
    }
}
