//! Asking for FreeSWITCH's certificate: one for every name that SIP devices and browsers call FreeSWITCH by, with a key that
//! nothing else has.

use crate::base::names::{CertificateName, Fqdn};
use crate::base::rng::below;
use crate::base::role::Reach;
use crate::deeds::Deeds;
use crate::deeds::certificates::{Issuing, OrderError, Queued};
use crate::deeds::step_up::{StepUp, StepUpError, is_kept};
use crate::store::certificates::Choices;
use crate::store::trail::Actor;
use crate::wire::grant::Consumer;
use crate::wire::request::KeyKind;

/// The most names of one certificate.
const MOST: usize = 100;

/// What is wanted.
#[derive(Clone, Debug)]
pub struct SwitchWish {
    /// The names, the first of them the common name.
    pub names: Vec<CertificateName>,
    /// The kind of key.
    pub key: KeyKind,
}

impl Deeds {
    /// Queues an order for FreeSWITCH's certificate. `own` are the console's names: whoever owns PHP can read FreeSWITCH's key,
    /// so it must not cover one of them.
    ///
    /// # Errors
    /// See [`OrderError`].
    pub async fn order_for_switch(
        &self,
        issuing: &Issuing,
        actor: &Actor,
        (wish, own): (&SwitchWish, &[Fqdn]),
        step_up: StepUp,
    ) -> Result<Queued, OrderError> {
        let names = &wish.names;
        judge(names, own)?;
        for name in names {
            self.may_order(issuing, actor, ("certificate.order", &Choices::default()), name.base(), names).await?;
        }
        if step_up.code.is_none() {
            let orders = issuing.agent.standing_orders().await.map_err(StepUpError::from)?;
            if !is_kept(&orders, names, Consumer::FreeSwitch, None) {
                return Err(StepUpError::CodeNeeded.into());
            }
        }
        let jitter = below(self.random.as_ref(), u32::MAX);
        let kind = (wish.key, jitter);
        let id = self.store.consumers_certificate(Consumer::FreeSwitch, names, kind, self.clock.now()).await?;
        let row = self.store.certificate(&Reach::Everything, id).await?.ok_or(OrderError::Unknown)?;
        if let Err(error) = self.let_agent_keep(&issuing.agent, actor, &row, step_up).await {
            self.store.drop_unordered(id).await?;
            return Err(error.into());
        }
        self.queue(id, actor, "certificate.order", None).await
    }
}

fn judge(names: &[CertificateName], own: &[Fqdn]) -> Result<(), OrderError> {
    if names.is_empty() || names.len() > MOST {
        return Err(OrderError::Names(format!("between 1 and {MOST} names")));
    }
    let covered = own.iter().find(|own| names.iter().any(|name| name.covers(own)));
    match covered {
        Some(own) => Err(OrderError::Names(format!(
            "{own} is the console's own name; whoever owns PHP can read FreeSWITCH's key, so leave it out"
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_consoles_own_name_is_left_out_even_under_a_wildcard() {
        let name = |text| CertificateName::parse(text).unwrap();
        let own = [Fqdn::parse("console.example.com").unwrap()];

        assert!(judge(&[name("sip.example.com"), name("*.a.example.com")], &own).is_ok());
        assert!(matches!(judge(&[name("*.example.com")], &own), Err(OrderError::Names(_))));
        assert!(matches!(judge(&[name("console.example.com")], &own), Err(OrderError::Names(_))));
        assert!(matches!(judge(&[], &own), Err(OrderError::Names(_))));
        assert!(matches!(judge(&vec![name("sip.example.com"); 101], &own), Err(OrderError::Names(_))));
    }
}
