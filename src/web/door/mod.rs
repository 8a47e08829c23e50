//! The door: who may try to sign in and how often, what strangers can tell from it, and what is noted of those who were
//! turned away. Limits stand before anything that costs a hash or a write, in this order: the source (an IPv4 address
//! or an IPv6 network), then the name as it was typed, whether it exists or not. A known device that names its own
//! operator passes by both and has a bucket of its own, so that a storm cannot lock the owner out.

mod accounts;
mod bounded;
mod log;
mod notes;
mod sources;
pub mod tell;

use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::HeaderValue;
use tokio::sync::{Semaphore, SemaphorePermit, TryAcquireError};

use crate::base::clock::Clock;
use crate::base::encoding::short_digest;
use crate::base::ids::OperatorId;
use crate::store::{Store, StoreError};
use crate::web::door::accounts::Accounts;
pub use crate::web::door::log::{Refused, SignInLog};
use crate::web::door::notes::Notes;
pub(super) use crate::web::door::notes::{Limit, Note, Told};
use crate::web::door::sources::Sources;

/// In production a refused sign-in is answered this long after it arrived, or twice or three times as long if that was
/// not enough, so that time does not tell which names exist.
pub const FLOOR: Duration = Duration::from_millis(400);

/// So many strangers' tries are looked at or wait for it at one time.
const MOST_STRANGERS: usize = 20;

/// So long somebody waits who came while all places at the hash function were taken.
pub(super) const BUSY: Duration = Duration::from_secs(2);

/// Everything that stands between a stranger and the hash function. Shared by all requests.
pub struct Door {
    clock: Arc<dyn Clock>,
    strangers: Semaphore,
    onlooker: tokio::sync::Mutex<()>,
    floor: Duration,
    log: SignInLog,
    limits: Mutex<Limits>,
}

#[derive(Default)]
struct Limits {
    sources: Sources<Option<IpAddr>>,
    devices: Sources<u128>,
    names: Accounts,
    known: Accounts,
    notes: Notes,
}

/// Who tries, and whose password or code it is said to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Try<'a> {
    /// The client's address, where it is known.
    pub(super) address: Option<IpAddr>,
    /// The name as it was typed.
    pub(super) name: &'a str,
    /// The digest of a known device, if it is one of the operator who is named.
    pub(super) device: Option<&'a str>,
}

/// A try that was not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TurnedAway {
    /// When the next one will be.
    pub(super) wait: Duration,
    /// Which limit it was.
    pub(super) limit: Limit,
}

impl Door {
    /// A door whose refusals take `floor`, and are written down in `sign-in.log` of `directory`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, floor: Duration, directory: &Path) -> Self {
        let strangers = Semaphore::new(MOST_STRANGERS);
        let onlooker = tokio::sync::Mutex::default();
        Self { clock, strangers, onlooker, floor, log: SignInLog::in_directory(directory), limits: Mutex::default() }
    }

    /// Lets a try at a password or a code pass, or says when the next one may. One that passes counts as failed until
    /// it is told otherwise: of many at once on one account one is looked at.
    ///
    /// # Errors
    /// The limit that was reached, and how long.
    pub(super) fn admit(self: &Arc<Self>, attempt: Try<'_>) -> Result<Admission, TurnedAway> {
        let now = self.clock.running();
        let mut limits = self.limits();
        let name = short_digest(attempt.name.as_bytes());
        let account = if let Some(device) = attempt.device {
            let device = short_digest(device.as_bytes());
            limits.devices.take(device, now).map_err(|wait| TurnedAway { wait, limit: Limit::Device(device) })?;
            Account::Device(device)
        } else {
            let source = attempt.address.map(sources::network);
            limits.sources.take(source, now).map_err(|wait| TurnedAway { wait, limit: Limit::Source(source) })?;
            Account::Name(name)
        };
        let before = limits
            .account(account)
            .begin(account.key(), now)
            .map_err(|wait| TurnedAway { wait, limit: account.limit() })?;
        drop(limits);
        Ok(Admission { door: self.clone(), account, before })
    }

    /// Whether anybody can sign in yet. Strangers who only look ask the store one after the other, so that a crowd of
    /// them leaves it to those who are let in.
    ///
    /// # Errors
    /// The store failed.
    pub(super) async fn somebody_can_sign_in(&self, store: &Store) -> Result<bool, StoreError> {
        let _one = self.onlooker.lock().await;
        Ok(store.count_operators().await? > 0)
    }

    /// A place for a try that was admitted, from the hash to the trail. A known device needs none.
    ///
    /// # Errors
    /// All are taken.
    pub(super) fn place(&self, admission: &Admission) -> Result<Option<SemaphorePermit<'_>>, TryAcquireError> {
        if admission.is_known() { Ok(None) } else { self.strangers.try_acquire().map(Some) }
    }

    /// Lets someone try who has no account yet: only the source counts.
    ///
    /// # Errors
    /// The source's bucket is empty.
    pub(super) fn admit_newcomer(&self, address: Option<IpAddr>) -> Result<(), TurnedAway> {
        let source = address.map(sources::network);
        let taken = self.limits().sources.take(source, self.clock.running());
        taken.map_err(|wait| TurnedAway { wait, limit: Limit::Source(source) })
    }

    /// Lets a signed-in operator try the present password once more, as before a change of it: by account alone, apart
    /// from the sign-ins of that account.
    ///
    /// # Errors
    /// The account has to wait.
    pub(super) fn admit_operator(self: &Arc<Self>, operator: OperatorId) -> Result<Admission, TurnedAway> {
        let account = Account::Device(short_digest(format!("operator {operator}").as_bytes()));
        let begun = self.limits().account(account).begin(account.key(), self.clock.running());
        let before = begun.map_err(|wait| TurnedAway { wait, limit: account.limit() })?;
        Ok(Admission { door: self.clone(), account, before })
    }

    /// Writes a refusal down for fail2ban.
    pub(super) fn write_down(&self, address: Option<IpAddr>, why: Refused, operator: Option<&str>) {
        self.log.write(self.clock.now(), address, why, operator);
    }

    /// Keeps in mind, for the trail, that somebody was turned away. Answers whether it is the first by its limit in a
    /// minute.
    pub(super) fn note(&self, limit: Limit, note: &Note) -> bool {
        self.limits().notes.count(limit, note, self.clock.running())
    }

    /// What the trail is to be told since the last time.
    pub(super) fn untold(&self) -> Vec<Told> {
        self.limits().notes.untold(self.clock.running())
    }

    /// Waits until a refusal may be answered: the floor, or the next multiple of it, after `arrived`.
    pub(super) async fn wait_for_floor(&self, arrived: tokio::time::Instant) {
        if self.floor.is_zero() {
            return;
        }
        let (spent, floor) = (arrived.elapsed().as_micros(), self.floor.as_micros());
        let steps = u32::try_from(spent.div_ceil(floor).max(1)).unwrap_or(u32::MAX);
        tokio::time::sleep_until(arrived + self.floor.saturating_mul(steps)).await;
    }

    /// Forgets sources that have their whole burst again.
    pub fn tidy(&self) {
        let now = self.clock.running();
        let mut limits = self.limits();
        limits.sources.tidy(now);
        limits.devices.tidy(now);
    }

    fn limits(&self) -> MutexGuard<'_, Limits> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Limits {
    fn account(&mut self, account: Account) -> &mut Accounts {
        match account {
            Account::Name(_) => &mut self.names,
            Account::Device(_) => &mut self.known,
        }
    }
}

/// Whose failures are counted together.
#[derive(Clone, Copy, Debug)]
enum Account {
    Name(u128),
    Device(u128),
}

impl Account {
    const fn key(self) -> u128 {
        match self {
            Self::Name(key) | Self::Device(key) => key,
        }
    }

    const fn limit(self) -> Limit {
        match self {
            Self::Name(key) => Limit::Account(key),
            Self::Device(key) => Limit::Device(key),
        }
    }
}

/// A try that is looked at. It counts as a failure unless it says otherwise, also when its request is given up.
#[must_use = "a try counts as failed until it says otherwise"]
pub(super) struct Admission {
    door: Arc<Door>,
    account: Account,
    before: Option<Duration>,
}

impl Admission {
    /// Whether it comes from a known device, which has a place of its own at the hash function.
    pub(super) const fn is_known(&self) -> bool {
        matches!(self.account, Account::Device(_))
    }

    /// It was wrong: the wait counts from now.
    pub(super) fn failed(self) {
        let now = self.door.clock.running();
        self.door.limits().account(self.account).failed(self.account.key(), now);
    }

    /// The sign-in is complete: the next failure is the first again.
    pub(super) fn passed(self) {
        self.door.limits().account(self.account).passed(self.account.key());
    }

    /// Nothing was looked at after all, or it was right and another step follows: as if it had not been.
    pub(super) fn uncounted(self) {
        self.door.limits().account(self.account).uncounted(self.account.key(), self.before);
    }
}

/// `wait` in whole seconds, at least one, for the header Retry-After (RFC 9110 section 10.2.3).
pub(super) fn retry_after(wait: Duration) -> HeaderValue {
    HeaderValue::from(whole_seconds(wait))
}

/// `wait` rounded up to whole seconds, at least one: who waits so long is heard.
pub(super) fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}
