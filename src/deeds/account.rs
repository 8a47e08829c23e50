//! What operators do with their own account: change the password, end sessions, forget devices.

use crate::base::ids::OperatorId;
use crate::base::secret::Secret;
use crate::deeds::Deeds;
use crate::deeds::password::{HashError, Lane, NewPassword};
use crate::store::StoreError;
use crate::store::trail::{Act, Actor, Close};

/// Why a password was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The present password was not right, or is another one by now.
    #[error("this is not your present password")]
    Wrong,
    /// Too many wait for the hash function.
    #[error("too many sign-ins at this moment")]
    Busy,
    /// The hash function failed, or the stored hash is damaged.
    #[error("the password could not be changed")]
    Failed,
    /// Our own store failed.
    #[error("the password could not be kept")]
    Store(#[from] StoreError),
}

impl From<HashError> for ChangeError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Self::Busy,
            HashError::Failed => Self::Failed,
        }
    }
}

/// Whose account, and which of its sessions asks.
#[derive(Clone, Debug)]
pub struct Own<'a> {
    /// Who acts, as the trail names them.
    pub actor: &'a Actor,
    /// The same, by id.
    pub operator: OperatorId,
    /// The digest of the session that asks: it goes on.
    pub session: &'a str,
}

impl Deeds {
    /// Gives the operator a new password, if `present` is the one that is in force, and ends every other session of the
    /// operator. Answers how many ended.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub async fn change_password(
        &self,
        own: &Own<'_>,
        present: Secret<String>,
        fresh: NewPassword,
    ) -> Result<u64, ChangeError> {
        let former = self.store.operator(own.operator).await?.map(|row| row.password_hash);
        let is_right = self.hasher.verify(present, former.clone(), Lane::Known).await?;
        let fresh = if is_right { Some(self.hasher.hash(fresh, Lane::Known).await?) } else { None };
        let act = Act {
            act: "operator.password",
            subject: &own.actor.name,
            after: Some("password changed"),
            ..Act::default()
        };
        let entry = self.store.open_entry(own.actor, act, self.clock.now()).await?;
        let ended = match former.as_ref().zip(fresh.as_ref()) {
            Some(change) => self.store.change_password(own.operator, change, own.session).await?,
            None => None,
        };
        let close = match ended {
            Some(_) => Close::Done { inverse: None },
            None => Close::Refused { reason: "wrong present password" },
        };
        self.store.close_entry(entry, close, self.clock.now()).await?;
        ended.ok_or(ChangeError::Wrong)
    }

    /// Ends one session of the operator's, named by its handle. `false` if there is none.
    ///
    /// # Errors
    /// Our own store failed.
    pub async fn end_session(&self, own: &Own<'_>, handle: &str) -> Result<bool, StoreError> {
        let act = Act { act: "session.end", subject: &own.actor.name, ..Act::default() };
        let entry = self.store.open_entry(own.actor, act, self.clock.now()).await?;
        let found = self.store.end_session(own.operator, handle).await?;
        let close = if found { Close::Done { inverse: None } } else { Close::Refused { reason: "no such session" } };
        self.store.close_entry(entry, close, self.clock.now()).await?;
        Ok(found)
    }

    /// Ends every session of the operator's but the one that asks. Answers how many.
    ///
    /// # Errors
    /// Our own store failed.
    pub async fn end_other_sessions(&self, own: &Own<'_>) -> Result<u64, StoreError> {
        let act = Act { act: "session.end-others", subject: &own.actor.name, ..Act::default() };
        let entry = self.store.open_entry(own.actor, act, self.clock.now()).await?;
        let ended = self.store.end_other_sessions(own.operator, own.session).await?;
        self.store.close_entry(entry, Close::Done { inverse: None }, self.clock.now()).await?;
        Ok(ended)
    }

    /// Forgets one known device of the operator's, named by its handle. `false` if there is none.
    ///
    /// # Errors
    /// Our own store failed.
    pub async fn forget_device(&self, own: &Own<'_>, handle: &str) -> Result<bool, StoreError> {
        let act = Act { act: "session.forget-device", subject: &own.actor.name, ..Act::default() };
        let entry = self.store.open_entry(own.actor, act, self.clock.now()).await?;
        let found = self.store.forget_device(own.operator, handle).await?;
        let close = if found { Close::Done { inverse: None } } else { Close::Refused { reason: "no such device" } };
        self.store.close_entry(entry, close, self.clock.now()).await?;
        Ok(found)
    }
}
