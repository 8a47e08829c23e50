//! Runs of the audit of credentials: how many places have what, and of the newest run where they are. Never a secret.

mod read;
mod write;

use std::collections::BTreeMap;

use crate::base::clock::Timestamp;
use crate::base::ids::TenantId;
use crate::base::role::Reach;
use crate::store::StoreError;

/// Places that are kept; the others are only counted.
pub const MOST_PLACES: usize = 100_000;

/// Runs of which each tenant's counts are kept.
const RUNS_WITH_TENANTS: i64 = 30;
/// Runs of which the counts of all tenants together are kept.
const MOST_RUNS: i64 = 400;

/// Stands for all tenants together.
const ALL: &str = "*";

/// Stands for a place of which the tenant itself may know nothing.
const NOTHING: u8 = 5;

/// Rows that are written at once: nobody waits long for the store.
const PIECE: usize = 1_000;

/// The reason that speaks of other tenants' secrets. A tenant who could see it could try out secrets of its own until
/// one is another's.
pub const OF_OTHERS: &str = "reused-across-tenants";

/// One place with something wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialPlace {
    /// The table as FusionPBX names it.
    pub table: String,
    /// Whose it is.
    pub tenant: Option<TenantId>,
    /// The tenant's domain. Hostile text.
    pub domain: String,
    /// The extension, the mailbox, the phone and its line. Hostile text.
    pub place: String,
    /// How bad the worst is: 0 is critical, 4 worth knowing.
    pub severity: u8,
    /// The same of what the tenant itself may know: not whether another tenant has the same secret.
    pub own_severity: Option<u8>,
    /// What is wrong, by name.
    pub reasons: Vec<String>,
}

/// Whose places are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Whose {
    /// All together.
    All,
    /// Those that belong to no tenant.
    Nobody,
    /// One tenant's.
    One(TenantId),
}

impl Whose {
    fn text(self) -> String {
        match self {
            Self::All => ALL.to_owned(),
            Self::Nobody => String::new(),
            Self::One(tenant) => tenant.to_string(),
        }
    }
}

/// What is counted together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CountKey {
    /// Whose.
    pub whose: Whose,
    /// The table; empty with an empty reason.
    pub table: String,
    /// The reason; empty where places are counted by the worst that each has.
    pub reason: String,
    /// How bad, as [`CredentialPlace::severity`].
    pub severity: u8,
}

/// One run, to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialRun {
    /// When it began and ended.
    pub times: (Timestamp, Timestamp),
    /// Rows that were judged.
    pub judged: u64,
    /// Places that were found.
    pub found: u64,
    /// Counts.
    pub counts: BTreeMap<CountKey, u64>,
    /// What was not looked at, and why not: table and words.
    pub gaps: Vec<(String, String)>,
    /// The places, worst first, at most [`MOST_PLACES`].
    pub places: Vec<CredentialPlace>,
}

/// The newest run, without its places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunHead {
    /// Its id.
    pub id: i64,
    /// When it ended.
    pub ended: Timestamp,
    /// How long it took, in seconds.
    pub seconds: u64,
    /// Rows that were judged, of all tenants.
    pub judged: u64,
    /// Places that were found, of all tenants.
    pub found: u64,
    /// Places that are kept, of all tenants.
    pub kept: u64,
}

/// How many places of a run have a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReasonCount {
    /// The table.
    pub table: String,
    /// The reason by name.
    pub reason: String,
    /// How bad.
    pub severity: u8,
    /// How many places.
    pub places: u64,
}

/// Which places are wanted; an empty text means any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlacesWanted {
    /// With this reason.
    pub reason: String,
    /// In this table.
    pub table: String,
    /// Of this tenant.
    pub tenant: Option<TenantId>,
    /// Whose place or domain contains this, in any case.
    pub find: String,
    /// Only those after this row.
    pub after: i64,
    /// At most so many.
    pub limit: u32,
}

/// One moment of the trend: places by the worst that each has, critical first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrendPoint {
    /// When.
    pub at: Timestamp,
    /// How many, by severity.
    pub places: [u64; 5],
}

fn tenant_text(tenant: Option<TenantId>) -> String {
    tenant.map(|tenant| tenant.to_string()).unwrap_or_default()
}

/// The tenant whose counts and places are in reach; `*` for everyone's.
fn reach_text(reach: &Reach) -> String {
    reach.tenant().map_or_else(|| ALL.to_owned(), |tenant| tenant.to_string())
}

/// The reason that this visitor may not see; empty where all may be seen.
const fn hidden(reach: &Reach) -> &'static str {
    match reach {
        Reach::Everything => "",
        Reach::Domain(_) | Reach::Nothing => OF_OTHERS,
    }
}

fn json<T: serde::Serialize>(rows: &T) -> Result<String, StoreError> {
    serde_json::to_string(rows)
        .map_err(|error| StoreError::Damaged { table: "credential_places", reason: error.to_string() })
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn severity(stored: i64) -> u8 {
    u8::try_from(stored).unwrap_or(4).min(4)
}
