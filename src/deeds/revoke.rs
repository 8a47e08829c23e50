//! Revoking a certificate: the CA is told, and what is in force is replaced at once.

use crate::acme::account::{AccountError, Reason};
use crate::base::chain::Chain;
use crate::base::ids::CertificateId;
use crate::base::role::Reach;
use crate::deeds::Deeds;
use crate::deeds::certificates::{Issuing, joined};
use crate::store::StoreError;
use crate::store::issued::IssuedRow;
use crate::store::trail::{Act, Actor, Close};
use crate::tls::leaf;

/// Why nothing was revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// There is no such certificate, or none of it is in force.
    #[error("there is no such certificate in force")]
    Unknown,
    /// It was signed before Rampart kept what is signed, so that it cannot be named to the CA.
    #[error("this certificate was signed before Rampart kept copies; renew it, then revoke the new one if need be")]
    NoCopy,
    /// The account that it was signed for is not in use any more.
    #[error(
        "the account that it was signed for is not in use any more; the CA takes a revocation with the certificate's own key"
    )]
    NoAccount,
    /// The CA refused.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// Our own store failed.
    #[error("the revocation could not be kept")]
    Store(#[from] StoreError),
}

impl Deeds {
    /// Revokes what is in force of a certificate. The renewal job replaces it within a minute.
    ///
    /// # Errors
    /// See [`RevokeError`].
    pub async fn revoke(
        &self,
        issuing: &Issuing,
        actor: &Actor,
        id: CertificateId,
        reason: Reason,
    ) -> Result<(), RevokeError> {
        let row = self.store.certificate(&Reach::Everything, id).await?.ok_or(RevokeError::Unknown)?;
        let in_force = row.in_force.as_ref().ok_or(RevokeError::Unknown)?;
        let issued = self.store.issued(id, in_force.generation).await?.ok_or(RevokeError::NoCopy)?;
        let (subject, before) = (joined(&row.names), format!("serial {}", in_force.serial));
        let act = Act {
            act: "certificate.revoke",
            subject: &subject,
            before: Some(&before),
            after: Some(reason.word()),
            ..Act::default()
        };
        let entry = self.store.open_entry(actor, act, self.clock.now()).await?;
        let outcome = self.tell_ca(issuing, &issued, reason).await;
        let words = outcome.as_ref().err().map(|error| Chain(error).to_string());
        if outcome.is_ok() {
            self.store.revoked(id, in_force.generation, reason.word(), self.clock.now()).await?;
        }
        let close = words.as_deref().map_or(Close::Done { inverse: None }, |reason| Close::Failed { reason });
        self.store.close_entry(entry, close, self.clock.now()).await?;
        outcome
    }

    async fn tell_ca(&self, issuing: &Issuing, issued: &IssuedRow, reason: Reason) -> Result<(), RevokeError> {
        let chain = leaf::chain_from_pem(&issued.chain_pem).map_err(|_| RevokeError::NoCopy)?;
        let der = chain.first().ok_or(RevokeError::NoCopy)?;
        let account = self.store.account_at(&issued.directory_url).await?.ok_or(RevokeError::NoAccount)?;
        let ca = self.ca_of(issuing, &account).map_err(|_| RevokeError::NoAccount)?;
        let open = self.open_account(issuing, &ca, &account).await?;
        Ok(open.revoke(der, reason).await?)
    }
}
