//! Changing XML RPC and the event socket: the agent writes, proves or takes back; what it made is said once.

use crate::deeds::Deeds;
use crate::deeds::step_up::{StepUp, StepUpError};
use crate::host::Agent;
use crate::store::trail::{Act, Actor};
use crate::wire::request::Request;
use crate::wire::switch::{SwitchChange, SwitchChanged};

impl Deeds {
    /// Has the agent carry out `change`, on the strength of the operator's code.
    ///
    /// # Errors
    /// See [`StepUpError`]; what did not prove itself was taken back, and the agent's refusal says so.
    pub async fn change_switch(
        &self,
        agent: &Agent,
        actor: &Actor,
        change: SwitchChange,
        step_up: StepUp,
    ) -> Result<SwitchChanged, StepUpError> {
        let text = change.to_string();
        let act = Act { act: "switch.change", subject: &text, ..Act::default() };
        let what = Request::ChangeSwitch { change: change.clone() };
        let carry_out = |agent: Agent| async move { agent.change_switch(change).await };
        self.with_grant(agent, (actor, act), step_up, what, carry_out).await
    }
}
