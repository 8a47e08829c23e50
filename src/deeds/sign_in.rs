//! Signing in, step by step: the password is checked, then (where there is one) the second factor, and only then is
//! somebody signed in. The outcome is in the trail whichever way it went.

use crate::base::chain::printable;
use crate::base::ids::OperatorId;
use crate::base::rng::token;
use crate::base::secret::Secret;
use crate::deeds::Deeds;
use crate::deeds::password::{HashError, Lane};
use crate::store::StoreError;
use crate::store::devices::device_digest;
use crate::store::trail::{Act, Actor, Close};

/// Whose password it was. Nobody is signed in by this alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    /// The operator.
    pub operator: OperatorId,
    /// The operator's name.
    pub name: String,
    /// Whether a second factor has to be proved too before there is a session.
    pub second_factor: bool,
}

/// How a sign-in ended without a session.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The name or the password is wrong, or the account is disabled: which of them is not told to whoever asked.
    #[error("the name or the password is not right")]
    Wrong {
        /// The operator that was meant, if there is one of that name.
        known: Option<String>,
    },
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

/// What the trail calls somebody whose typed name is no operator's: it may be a password typed into the wrong field,
/// and is not kept.
const UNKNOWN: &str = "(unknown name)";

impl Deeds {
    /// The first step: checks a name and password. A refusal is in the trail before it is answered.
    ///
    /// # Errors
    /// See [`SignInError`].
    pub async fn sign_in(
        &self,
        name: &str,
        password: Secret<String>,
        lane: Lane,
        address: Option<String>,
    ) -> Result<Proved, SignInError> {
        let row = self.store.operator_named(name).await?;
        // A disabled account's own hash is compared too: it costs the same, and the trail can say what it was.
        let hash = row.as_ref().map(|row| row.password_hash.clone());
        let (reason, error) = match (self.hasher.verify(password, hash, lane).await, &row) {
            (Ok(true), Some(row)) if !row.disabled => {
                return Ok(Proved { operator: row.id, name: row.name.clone(), second_factor: false });
            }
            (Err(HashError::Busy), _) => return Err(SignInError::Busy),
            (Err(HashError::Failed), _) => ("the stored hash is damaged", SignInError::Damaged),
            (Ok(is_right), row) => {
                let reason = if is_right { "the account is disabled" } else { "wrong name or password" };
                (reason, SignInError::Wrong { known: row.as_ref().map(|row| row.name.clone()) })
            }
        };
        let known = row.as_ref().map_or(UNKNOWN, |row| row.name.as_str());
        self.sign_in_refused(known, address, reason).await?;
        Err(error)
    }

    /// The last step: every factor was right. Notes it in the trail, and makes the browser a known device; answers what
    /// its cookie is to hold. `device` is what it holds now, `browser` what it says of itself, printable.
    ///
    /// # Errors
    /// Our own store failed; then nobody is signed in.
    pub async fn signed_in(
        &self,
        proved: &Proved,
        address: Option<String>,
        device: Option<Secret<String>>,
        browser: &str,
    ) -> Result<Secret<String>, StoreError> {
        let actor = Actor { name: printable(&proved.name), address };
        let act = Act { act: "session.sign-in", subject: &proved.name, ..Act::default() };
        let entry = self.store.open_entry(&actor, act, self.clock.now()).await?;
        let now = self.clock.now();
        let mut cookie = token(self.random.as_ref());
        // Two operators may share a browser. Only what we handed out once is taken over.
        if let Some(device) = device
            && self.store.device_is_known(&device_digest(device.expose()), now).await?
        {
            cookie = device;
        }
        self.store.keep_device(proved.operator, &cookie, browser, now).await?;
        self.store.close_entry(entry, Close::Done { inverse: None }, now).await?;
        Ok(cookie)
    }

    /// Notes that somebody was turned away by a limit, before anything was looked at. `name` is what was typed.
    ///
    /// # Errors
    /// Our own store failed.
    pub async fn turned_away(&self, name: &str, address: Option<String>, reason: &str) -> Result<(), StoreError> {
        let row = self.store.operator_named(name).await?;
        self.sign_in_refused(row.as_ref().map_or(UNKNOWN, |row| row.name.as_str()), address, reason).await
    }

    /// Notes a sign-in that did not come to be. `known` is an operator's name.
    async fn sign_in_refused(&self, known: &str, address: Option<String>, reason: &str) -> Result<(), StoreError> {
        let _one = self.refusals.lock().await;
        let actor = Actor { name: printable(known), address };
        let act = Act { act: "session.sign-in", subject: known, ..Act::default() };
        let entry = self.store.open_entry(&actor, act, self.clock.now()).await?;
        self.store.close_entry(entry, Close::Refused { reason }, self.clock.now()).await
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
