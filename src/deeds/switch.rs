//! Changing XML RPC and the event socket: the agent writes, proves or takes back; what it made is said once. Then FusionPBX's
//! own copy in its database follows, so that its next save does not bring the former values back.

use crate::base::chain::Chain;
use crate::base::secret::Secret;
use crate::deeds::Deeds;
use crate::deeds::step_up::{StepUp, StepUpError};
use crate::fusionpbx::FusionPbx;
use crate::fusionpbx::switch_copy::{CopySeen, SwitchValues};
use crate::host::Agent;
use crate::store::StoreError;
use crate::store::trail::{Act, Actor, Close};
use crate::wire::request::Request;
use crate::wire::switch::{FusionPbxSide, NewSecret, SwitchChange, SwitchChanged, XmlRpcChange};

/// What became of FusionPBX's own copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyOutcome {
    /// FusionPBX's database keeps none of it.
    NotKept,
    /// It says the same now.
    Written,
    /// It still says what it said before, and why.
    Stale(String),
}

impl Deeds {
    /// Has the agent carry out `change`, on the strength of the operator's code; then writes FusionPBX's own copy.
    ///
    /// # Errors
    /// See [`StepUpError`]; what did not prove itself was taken back, and the agent's refusal says so.
    pub async fn change_switch(
        &self,
        agent: &Agent,
        fusionpbx: &Result<FusionPbx, String>,
        actor: &Actor,
        change: SwitchChange,
        step_up: StepUp,
    ) -> Result<(SwitchChanged, CopyOutcome), StepUpError> {
        let seen = match fusionpbx {
            // Seen first: what somebody saves in FusionPBX meanwhile is not overwritten.
            Ok(fusionpbx) => fusionpbx.see_switch_copy().await.map_err(|error| Chain(&error).to_string()),
            Err(reason) => Err(reason.clone()),
        };
        let text = change.to_string();
        let act = Act { act: "switch.change", subject: &text, ..Act::default() };
        let what = Request::ChangeSwitch { change: change.clone() };
        let wanted = change.clone();
        let carry_out = |agent: Agent| async move { agent.change_switch(wanted).await };
        let changed = self.with_grant(agent, (actor, act), step_up, what, carry_out).await?;
        let values = values(&change, &changed);
        let copy = self.write_copy(fusionpbx, seen, actor, &text, values).await?;
        Ok((changed, copy))
    }

    async fn write_copy(
        &self,
        fusionpbx: &Result<FusionPbx, String>,
        seen: Result<CopySeen, String>,
        actor: &Actor,
        subject: &str,
        values: Option<SwitchValues>,
    ) -> Result<CopyOutcome, StoreError> {
        let Some(values) = values else { return Ok(CopyOutcome::NotKept) };
        let (Ok(fusionpbx), Ok(seen)) = (fusionpbx, &seen) else {
            return Ok(CopyOutcome::Stale(seen.err().unwrap_or_default()));
        };
        match fusionpbx.keeps_copy_of(&values).await {
            Ok(true) => {}
            Ok(false) => return Ok(CopyOutcome::NotKept),
            Err(error) => return Ok(CopyOutcome::Stale(Chain(&error).to_string())),
        }
        let act = Act { act: "switch.copy", subject, after: Some("FusionPBX's own copy"), ..Act::default() };
        let entry = self.store.open_entry(actor, act, self.clock.now()).await?;
        let written = fusionpbx.write_switch_copy(seen, &values).await;
        let reason = written.as_ref().err().map(|error| Chain(error).to_string());
        let close = reason.as_deref().map_or(Close::Done { inverse: None }, |reason| Close::Failed { reason });
        self.store.close_entry(entry, close, self.clock.now()).await?;
        Ok(reason.map_or(CopyOutcome::Written, CopyOutcome::Stale))
    }
}

/// What of a change FusionPBX's database keeps too.
fn values(change: &SwitchChange, changed: &SwitchChanged) -> Option<SwitchValues> {
    let secret = |wanted: &NewSecret| -> Option<Secret<String>> {
        match wanted {
            NewSecret::Made => changed.secret.as_ref().map(|secret| secret.0.clone()),
            NewSecret::Typed(typed) => Some(typed.0.clone()),
        }
    };
    match change {
        SwitchChange::XmlRpc(XmlRpcChange { port, realm, user, password }) => Some(SwitchValues {
            xml_rpc_port: *port,
            xml_rpc_realm: realm.as_ref().map(ToString::to_string),
            xml_rpc_user: user.as_ref().map(ToString::to_string),
            xml_rpc_password: password.as_ref().and_then(secret),
            ..SwitchValues::default()
        }),
        SwitchChange::EventSocket { password, fusionpbx: FusionPbxSide::Database } => {
            Some(SwitchValues { event_socket_password: secret(password), ..SwitchValues::default() })
        }
        SwitchChange::AtStart { is_loaded } => {
            Some(SwitchValues { at_start: Some(*is_loaded), ..SwitchValues::default() })
        }
        SwitchChange::EventSocket { .. }
        | SwitchChange::Load
        | SwitchChange::Unload
        | SwitchChange::RestartProfiles { .. } => None,
    }
}
