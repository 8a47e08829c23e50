//! Who has an account and what it is for: inviting, changing the role, shutting out and letting in again.

use std::time::Duration;

use crate::base::ids::OperatorId;
use crate::base::names::OperatorName;
use crate::base::rng::token;
use crate::base::role::Post;
use crate::base::secret::Secret;
use crate::deeds::Deeds;
use crate::deeds::operators::OperatorError;
use crate::deeds::password::{Lane, NewPassword};
use crate::store::StoreError;
use crate::store::roster::Rostered;
use crate::store::trail::{Act, Actor, Close};

/// An invitation works for this long.
pub const INVITATION_LIFETIME: Duration = Duration::from_hours(24);

/// Why an account was not changed.
#[derive(Debug, thiserror::Error)]
pub enum RosterError {
    /// There is no such account.
    #[error("there is no such account")]
    Unknown,
    /// Nobody could manage the accounts any more.
    #[error("this is the last operator that can sign in; make another one first")]
    LastOperator,
    /// The account has a password already, or is disabled.
    #[error("nobody is invited under this account")]
    NotInvited,
    /// Our own store failed.
    #[error("the account could not be changed")]
    Store(#[from] StoreError),
}

impl Deeds {
    /// Adds an account that has no password yet. Answers the token of the link that sets one: it is kept nowhere.
    ///
    /// # Errors
    /// See [`OperatorError`].
    pub async fn invite(
        &self,
        actor: &Actor,
        name: &OperatorName,
        post: &Post,
    ) -> Result<Secret<String>, OperatorError> {
        let after = post.to_string();
        let act = Act { act: "operator.invite", subject: name.as_str(), after: Some(&after), ..Act::default() };
        let entry = self.store.open_entry(actor, act, self.clock.now()).await?;
        let (token, now) = (token(self.random.as_ref()), self.clock.now());
        let added = self.store.invite(name.as_str(), post, &token, (now, now.plus(INVITATION_LIFETIME))).await?;
        let close = match &added {
            Ok(_) => Close::Done { inverse: None },
            Err(_) => Close::Refused { reason: "the name is in use" },
        };
        self.store.close_entry(entry, close, self.clock.now()).await?;
        added?;
        Ok(token)
    }

    /// Makes another link for an account that was invited; the former one opens nothing any more.
    ///
    /// # Errors
    /// See [`RosterError`].
    pub async fn invite_again(&self, actor: &Actor, id: OperatorId) -> Result<Secret<String>, RosterError> {
        let (name, _) = self.store.post_of(id).await?.ok_or(RosterError::Unknown)?;
        let act = Act { act: "operator.invite-again", subject: &name, ..Act::default() };
        let entry = self.store.open_entry(actor, act, self.clock.now()).await?;
        let token = token(self.random.as_ref());
        let is_made = self.store.invite_again(id, &token, self.clock.now().plus(INVITATION_LIFETIME)).await?;
        let close = if is_made {
            Close::Done { inverse: None }
        } else {
            Close::Refused { reason: "nobody is invited under this account" }
        };
        self.store.close_entry(entry, close, self.clock.now()).await?;
        is_made.then_some(token).ok_or(RosterError::NotInvited)
    }

    /// Sets the password of an invited account; the link is used up.
    ///
    /// # Errors
    /// See [`OperatorError`].
    pub async fn accept_invitation(
        &self,
        token: &str,
        password: NewPassword,
        address: Option<String>,
    ) -> Result<OperatorId, OperatorError> {
        // Look before hashing: a stranger's guess must not cost a hash.
        let name = self.store.invited(token, self.clock.now()).await?.ok_or(OperatorError::Link)?;
        let hash = self.hasher.hash(password, Lane::Stranger).await?;
        let actor = Actor { name: "invitation".to_owned(), address };
        let act = Act { act: "operator.accept", subject: &name, after: Some("password set"), ..Act::default() };
        let entry = self.store.open_entry(&actor, act, self.clock.now()).await?;
        let id = self.store.accept_invitation(token, &hash, self.clock.now()).await?;
        let close = match id {
            Some(_) => Close::Done { inverse: None },
            None => Close::Refused { reason: "the link is not open" },
        };
        self.store.close_entry(entry, close, self.clock.now()).await?;
        id.ok_or(OperatorError::Link)
    }

    /// Gives an account another role. Sessions that run have it with their next request.
    ///
    /// # Errors
    /// See [`RosterError`].
    pub async fn change_post(&self, actor: &Actor, id: OperatorId, post: &Post) -> Result<(), RosterError> {
        let (name, former) = self.store.post_of(id).await?.ok_or(RosterError::Unknown)?;
        let (before, after) = (former.to_string(), post.to_string());
        let (before, after) = (Some(before.as_str()), Some(after.as_str()));
        let act = Act { act: "operator.role", subject: &name, before, after, domain: None };
        let entry = self.store.open_entry(actor, act, self.clock.now()).await?;
        let outcome = self.store.give_post(id, post).await?;
        self.close_rostered(entry, outcome).await
    }

    /// Shuts an account out and ends its sessions.
    ///
    /// # Errors
    /// See [`RosterError`].
    pub async fn disable_account(&self, actor: &Actor, id: OperatorId) -> Result<(), RosterError> {
        let (name, _) = self.store.post_of(id).await?.ok_or(RosterError::Unknown)?;
        let (before, after) = (Some("enabled"), Some("disabled"));
        let act = Act { act: "operator.disable", subject: &name, before, after, domain: None };
        let entry = self.store.open_entry(actor, act, self.clock.now()).await?;
        let outcome = self.store.disable_account(id, self.clock.now()).await?;
        self.close_rostered(entry, outcome).await
    }

    /// Lets an account in again.
    ///
    /// # Errors
    /// See [`RosterError`].
    pub async fn enable_account(&self, actor: &Actor, id: OperatorId) -> Result<(), RosterError> {
        let (name, _) = self.store.post_of(id).await?.ok_or(RosterError::Unknown)?;
        let (before, after) = (Some("disabled"), Some("enabled"));
        let act = Act { act: "operator.enable", subject: &name, before, after, domain: None };
        let entry = self.store.open_entry(actor, act, self.clock.now()).await?;
        let outcome = self.store.enable_account(id).await?;
        self.close_rostered(entry, outcome).await
    }

    /// Ends every session of an account. Answers how many there were.
    ///
    /// # Errors
    /// See [`RosterError`].
    pub async fn end_sessions(&self, actor: &Actor, id: OperatorId) -> Result<u64, RosterError> {
        let (name, _) = self.store.post_of(id).await?.ok_or(RosterError::Unknown)?;
        let act = Act { act: "operator.end-sessions", subject: &name, ..Act::default() };
        let entry = self.store.open_entry(actor, act, self.clock.now()).await?;
        let ended = self.store.end_sessions_of(id).await?;
        self.store.close_entry(entry, Close::Done { inverse: None }, self.clock.now()).await?;
        Ok(ended)
    }

    async fn close_rostered(&self, entry: crate::base::ids::TrailId, outcome: Rostered) -> Result<(), RosterError> {
        let (close, answer) = match outcome {
            Rostered::Done => (Close::Done { inverse: None }, Ok(())),
            Rostered::LastOperator => (
                Close::Refused { reason: "it is the last operator that can sign in" },
                Err(RosterError::LastOperator),
            ),
            Rostered::Unknown => (Close::Refused { reason: "there is no such account" }, Err(RosterError::Unknown)),
        };
        self.store.close_entry(entry, close, self.clock.now()).await?;
        answer
    }
}
