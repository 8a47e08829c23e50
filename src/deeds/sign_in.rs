//! Signing in: the password is checked, and the outcome is in the trail whichever way it went.

use crate::base::chain::printable;
use crate::base::ids::OperatorId;
use crate::base::secret::Secret;
use crate::deeds::Deeds;
use crate::deeds::password::HashError;
use crate::store::StoreError;
use crate::store::trail::{Act, Actor, Close};

/// How a sign-in ended without a session.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The name or the password is wrong, or the account is disabled: which of them is not told.
    #[error("the name or the password is not right")]
    Wrong,
    /// Too many sign-ins are under way.
    #[error("too many sign-ins at this moment")]
    Busy,
    /// Our own store failed.
    #[error("the sign-in could not be checked")]
    Store(#[from] StoreError),
    /// The stored hash is damaged.
    #[error("the stored password cannot be checked; use `rampart operator reset`")]
    Damaged,
}

impl Deeds {
    /// Checks a name and password. A success is in the trail before it is answered.
    ///
    /// # Errors
    /// See [`SignInError`].
    pub async fn sign_in(
        &self,
        name: &str,
        password: Secret<String>,
        address: Option<String>,
    ) -> Result<OperatorId, SignInError> {
        let row = self.store.operator_named(name).await?;
        let usable = row.as_ref().filter(|row| !row.disabled);
        let hash = usable.map(|row| row.password_hash.clone());
        let outcome = self.hasher.verify(password, hash).await;
        if outcome == Err(HashError::Busy) {
            return Err(SignInError::Busy);
        }
        // A name that is not an operator's may be a password typed into the wrong field: it is not kept.
        let known = row.as_ref().map_or("(unknown name)", |row| row.name.as_str());
        let actor = Actor { name: printable(known), address };
        let act = Act { act: "session.sign-in", subject: known, ..Act::default() };
        let entry = self.store.open_entry(&actor, act, self.clock.now()).await?;
        let (close, result) = match (outcome, usable) {
            (Ok(true), Some(row)) => (Close::Done { inverse: None }, Ok(row.id)),
            (Err(_), _) => (Close::Failed { reason: "the stored hash is damaged" }, Err(SignInError::Damaged)),
            _ => (Close::Refused { reason: "wrong name or password" }, Err(SignInError::Wrong)),
        };
        self.store.close_entry(entry, close, self.clock.now()).await?;
        result
    }

    /// Notes a sign-out.
    ///
    /// # Errors
    /// Our own store failed.
    pub async fn sign_out(&self, actor: &Actor) -> Result<(), StoreError> {
        let act = Act { act: "session.sign-out", subject: &actor.name, ..Act::default() };
        let entry = self.store.open_entry(actor, act, self.clock.now()).await?;
        self.store.close_entry(entry, Close::Done { inverse: None }, self.clock.now()).await
    }
}
