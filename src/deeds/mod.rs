//! Floor 3.5: everything that changes anything, one file for each act: the trail is opened, the change made, the
//! trail closed, the inverse kept. `jobs`, `web` and `cli` change nothing but through here.

pub mod account;
mod agent_turn;
pub mod ca_accounts;
pub mod certificates;
pub mod coverage;
pub mod credentials;
pub mod dns;
pub mod issue;
mod open_account;
pub mod operators;
pub mod password;
pub mod policy;
pub mod policy_drift;
pub mod revoke;
pub mod roster;
pub mod rotation;
pub mod second_factor;
pub mod secrets;
pub mod served;
pub mod sign_in;
pub mod step_up;
pub mod switch;
pub mod switch_certificate;
pub mod trail;
pub mod trail_check;
pub mod windows;

use std::sync::Arc;

use crate::base::clock::Clock;
use crate::base::rng::Random;
use crate::deeds::password::Hasher;
use crate::store::Store;

/// What every act needs.
#[derive(Clone)]
pub struct Deeds {
    /// Our own tables.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// Hashes passwords, one at a time.
    pub hasher: Hasher,
    /// One refused sign-in at a time is written into the trail: a storm of them leaves the store to everyone else.
    refusals: Arc<tokio::sync::Mutex<()>>,
    /// One change at a time is asked of the agent.
    agent_turn: Arc<tokio::sync::Mutex<()>>,
    /// Accounts at CAs that are open.
    open_accounts: open_account::OpenAccounts,
}

impl Deeds {
    /// The acts on `store`.
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        let hasher = Hasher::new(random.clone());
        Self {
            store,
            clock,
            random,
            hasher,
            refusals: Arc::default(),
            agent_turn: Arc::default(),
            open_accounts: Arc::default(),
        }
    }
}
