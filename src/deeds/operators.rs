//! Letting operators in: by the command line, or by a link that is shown once on a terminal.

use std::time::Duration;

use crate::base::ids::{OperatorId, TrailId};
use crate::base::names::{NameError, OperatorName};
use crate::base::rng::token;
use crate::base::role::Post;
use crate::base::secret::Secret;
use crate::deeds::Deeds;
use crate::deeds::password::{HashError, Lane, NewPassword};
use crate::deeds::sign_in::Proved;
use crate::store::StoreError;
use crate::store::operators::NameTaken;
use crate::store::trail::{Act, Actor, Close};

/// A setup link works for this long.
pub const SETUP_LINK_LIFETIME: Duration = Duration::from_mins(30);

/// Why no operator was added or changed.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The name breaks a rule.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The name is in use.
    #[error(transparent)]
    Taken(#[from] NameTaken),
    /// There is no operator of that name.
    #[error("there is no operator of that name")]
    Unknown,
    /// The link was used, has expired, or never was.
    #[error("this link has been used or has expired; `rampart operator add` lets someone in")]
    Link,
    /// The password could not be hashed now.
    #[error("the password could not be kept")]
    Hash(#[from] HashError),
    /// Our own store failed.
    #[error("the operator could not be kept")]
    Store(#[from] StoreError),
}

impl Deeds {
    /// Adds an account with everything an operator may.
    ///
    /// # Errors
    /// See [`OperatorError`].
    pub async fn add_operator(
        &self,
        actor: &Actor,
        name: &OperatorName,
        password: NewPassword,
    ) -> Result<OperatorId, OperatorError> {
        self.add_account(actor, name, &Post::Operator, password).await
    }

    /// Adds an account.
    ///
    /// # Errors
    /// See [`OperatorError`].
    pub async fn add_account(
        &self,
        actor: &Actor,
        name: &OperatorName,
        post: &Post,
        password: NewPassword,
    ) -> Result<OperatorId, OperatorError> {
        let hash = self.hasher.hash(password, Lane::Known).await?;
        let after = post.to_string();
        let act = Act { act: "operator.add", subject: name.as_str(), after: Some(&after), ..Act::default() };
        let entry = self.store.open_entry(actor, act, self.clock.now()).await?;
        let added = self.store.add_operator(name.as_str(), post, &hash, self.clock.now()).await?;
        let close = match &added {
            Ok(_) => Close::Done { inverse: None },
            Err(_) => Close::Refused { reason: "the name is in use" },
        };
        self.store.close_entry(entry, close, self.clock.now()).await?;
        Ok(added?)
    }

    /// Gives an operator a new password and ends all sessions of that operator. `factor_forgotten` says that the agent has
    /// forgotten the second factor already.
    ///
    /// # Errors
    /// See [`OperatorError`].
    pub async fn reset_operator(
        &self,
        actor: &Actor,
        name: &OperatorName,
        password: NewPassword,
        factor_forgotten: bool,
    ) -> Result<(), OperatorError> {
        let hash = self.hasher.hash(password, Lane::Known).await?;
        let after = if factor_forgotten { "password changed, second factor forgotten" } else { "password changed" };
        let act = Act { act: "operator.reset", subject: name.as_str(), after: Some(after), ..Act::default() };
        let entry = self.store.open_entry(actor, act, self.clock.now()).await?;
        let found = self.store.reset_operator(name.as_str(), &hash).await?;
        if factor_forgotten {
            self.store.forget_factor(name.as_str()).await?;
        }
        self.close_found(entry, found).await
    }

    async fn close_found(&self, entry: TrailId, found: bool) -> Result<(), OperatorError> {
        let close = if found { Close::Done { inverse: None } } else { Close::Refused { reason: "no such operator" } };
        self.store.close_entry(entry, close, self.clock.now()).await?;
        if found { Ok(()) } else { Err(OperatorError::Unknown) }
    }

    /// Makes a setup link's token, if nobody can sign in yet.
    ///
    /// # Errors
    /// Our own store failed.
    pub async fn offer_setup(&self) -> Result<Option<Secret<String>>, StoreError> {
        if self.store.count_operators().await? > 0 {
            return Ok(None);
        }
        let act = Act { act: "operator.offer-link", subject: "the first operator", ..Act::default() };
        let entry = self.store.open_entry(&Actor::rampart(), act, self.clock.now()).await?;
        let token = token(self.random.as_ref());
        self.store.add_setup_link(&token, self.clock.now().plus(SETUP_LINK_LIFETIME)).await?;
        self.store.close_entry(entry, Close::Done { inverse: None }, self.clock.now()).await?;
        Ok(Some(token))
    }

    /// Adds the first operator by a setup link, which is used up. Answers who has thereby proved a password.
    ///
    /// # Errors
    /// See [`OperatorError`].
    pub async fn set_up(
        &self,
        token: &str,
        name: &OperatorName,
        password: NewPassword,
        address: Option<String>,
    ) -> Result<Proved, OperatorError> {
        // Look before hashing: a stranger's guess must not cost a hash.
        let actor = Actor { name: "setup link".to_owned(), address };
        let act = Act { act: "operator.add", subject: name.as_str(), ..Act::default() };
        if !self.store.setup_link_is_open(token, self.clock.now()).await? {
            self.refused(&actor, act, "the link is not open").await?;
            return Err(OperatorError::Link);
        }
        let hash = self.hasher.hash(password, Lane::Stranger).await?;
        let entry = self.store.open_entry(&actor, act, self.clock.now()).await?;
        let added = self.store.add_operator_by_link(token, name.as_str(), &hash, self.clock.now()).await?;
        let close = match &added {
            Some(Ok(_)) => Close::Done { inverse: None },
            Some(Err(_)) => Close::Refused { reason: "the name is in use" },
            None => Close::Refused { reason: "the link is not open" },
        };
        self.store.close_entry(entry, close, self.clock.now()).await?;
        let operator = added.ok_or(OperatorError::Link)??;
        Ok(Proved { operator, name: name.as_str().to_owned(), second_factor: false })
    }
}
