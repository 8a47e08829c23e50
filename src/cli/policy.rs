//! `rampart policy show|set|preset|undo`: the password policy, through the same acts as the page.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::base::chain::{Chain, printable};
use crate::base::ids::{TenantId, TrailId};
use crate::base::role::Reach;
use crate::cli::check::Format;
use crate::cli::policy_show;
use crate::deeds::Deeds;
use crate::deeds::policy::{PolicyChange, PolicyError, spoken};
use crate::fusionpbx::overrides::OverridesWanted;
use crate::fusionpbx::plan::{PlanStep, PresetPlan};
use crate::fusionpbx::{
    Change, ChangeError, Changed, Expected, FusionPbx, FusionPbxError, Scope, SettingRow, Stored,
};
use crate::policy::preset::Preset;
use crate::policy::{Era, Key};
use crate::store::StoreError;
use crate::store::trail::{Actor, TrailQuery};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub enum PolicyCommand<'a> {
    /// Says what holds, for all or for one tenant.
    Show {
        /// The tenant, by name.
        domain: Option<&'a str>,
    },
    /// Changes one setting.
    Set {
        /// `category.subcategory`.
        key: &'a str,
        /// The new value.
        value: &'a str,
        /// The tenant whose override it is, by name.
        domain: Option<&'a str>,
        /// Only if this is the value there.
        expect: Option<&'a str>,
    },
    /// Applies a preset.
    Preset {
        /// `fusionpbx`, `nist` or `strict`.
        name: &'a str,
        /// Only says what it would change.
        dry_run: bool,
    },
    /// Takes a change back.
    Undo {
        /// The entry of the trail; without it, the last change that was not taken back.
        entry: Option<i64>,
    },
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum PolicyCommandError {
    /// There is no FusionPBX.
    #[error("FusionPBX's settings cannot be read: {0}")]
    NoFusionPbx(String),
    /// FusionPBX's database failed.
    #[error("FusionPBX's settings cannot be read")]
    FusionPbx(#[from] FusionPbxError),
    /// The change was not made.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Our own store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No such setting.
    #[error("{} is no password setting that Rampart knows; `rampart policy show` names them", printable(.0))]
    NoSetting(String),
    /// No such preset.
    #[error("the presets are fusionpbx, nist and strict")]
    NoPreset,
    /// A value that nobody should save.
    #[error("{key}: {source}")]
    Value {
        /// Which setting.
        key: Key,
        /// What is wrong with it.
        source: crate::policy::PolicyError,
    },
    /// No tenant, or several.
    #[error("FusionPBX has {} of that name", if *.0 == 0 { "no enabled tenant" } else { "several tenants" })]
    NotOneTenant(usize),
    /// A tenant has no row to change.
    #[error("the tenant has no {0} of its own; Rampart changes such rows and never makes one")]
    NoOverride(Key),
    /// The value is another one.
    #[error("{key} is {now}, not {expected}; nothing was changed")]
    NotAsExpected {
        /// Which setting.
        key: Key,
        /// What is there.
        now: String,
        /// What was expected.
        expected: String,
    },
    /// Nothing to take back.
    #[error("no change of the policy is left to take back")]
    NothingToUndo,
    /// Whoever reads is gone.
    #[error("the answer could not be printed")]
    Print(#[from] io::Error),
}

impl PolicyCommandError {
    /// The exit code: 1 nothing was changed, for a reason that can be mended; 2 FusionPBX's settings could not be read, or
    /// it is not known whether something was changed.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match self {
            Self::NoFusionPbx(_)
            | Self::FusionPbx(_)
            | Self::Policy(PolicyError::Change(ChangeError::Unreachable(_) | ChangeError::OutcomeUnknown)) => 2,
            _ => 1,
        }
    }
}

/// Does it, and prints what was done to `out`.
///
/// # Errors
/// See [`PolicyCommandError`].
pub async fn run(
    deeds: &Deeds,
    fusionpbx: Result<FusionPbx, String>,
    command: PolicyCommand<'_>,
    format: Format,
    out: &mut (impl Write + Send),
) -> Result<(), PolicyCommandError> {
    let fusionpbx = fusionpbx.map_err(PolicyCommandError::NoFusionPbx)?;
    let (document, lines) = match command {
        PolicyCommand::Show { domain: None } => policy_show::all(&fusionpbx).await?,
        PolicyCommand::Show { domain: Some(name) } => {
            policy_show::one(&fusionpbx, tenant(&fusionpbx, name).await?, name).await?
        }
        PolicyCommand::Set { key, value, domain, expect } => {
            set(deeds, &fusionpbx, (key, value), (domain, expect)).await?
        }
        PolicyCommand::Preset { name, dry_run } => {
            let preset = Preset::parse(name).ok_or(PolicyCommandError::NoPreset)?;
            apply(deeds, &fusionpbx, preset, dry_run).await?
        }
        PolicyCommand::Undo { entry } => undo(deeds, &fusionpbx, entry).await?,
    };
    if format == Format::Json {
        writeln!(out, "{document:#}")?;
    } else {
        for line in lines {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

fn actor() -> Actor {
    Actor { name: "command line".to_owned(), address: None }
}

async fn set(
    deeds: &Deeds,
    fusionpbx: &FusionPbx,
    (name, text): (&str, &str),
    (domain, expect): (Option<&str>, Option<&str>),
) -> Result<(Value, Vec<String>), PolicyCommandError> {
    let key = Key::parse(name).ok_or_else(|| PolicyCommandError::NoSetting(name.to_owned()))?;
    let value = key.setting().parse(text).map_err(|source| PolicyCommandError::Value { key, source })?;
    let global = fusionpbx.global_policy().await?;
    let era = global.first().map_or(Era::Unclear, |reading| reading.era);
    let (scope, row, place): (Scope, Option<SettingRow>, String) = match domain {
        None => {
            let reading = global.iter().find(|reading| reading.key == key);
            (Scope::Global, reading.and_then(|reading| reading.row()).cloned(), "Global".to_owned())
        }
        Some(name) => {
            let tenant = tenant(fusionpbx, name).await?;
            let wanted =
                OverridesWanted { key: Some(key), search: name.to_owned(), limit: 200, ..Default::default() };
            let page = fusionpbx.overrides(&Reach::Everything, &global, &wanted).await?;
            let row = page.overrides.into_iter().find(|one| one.tenant.id == tenant).map(|one| one.row);
            let row = row.ok_or(PolicyCommandError::NoOverride(key))?;
            (Scope::Tenant(tenant), Some(row), printable(name))
        }
    };
    if let Some(expected) = expect {
        let now = row.as_ref().and_then(|row| row.stored.value.clone()).unwrap_or_default();
        if now != expected {
            let now = row.as_ref().map_or_else(|| "not there".to_owned(), |row| spoken(&row.stored));
            return Err(PolicyCommandError::NotAsExpected {
                key,
                now: printable(&now),
                expected: printable(expected),
            });
        }
    }
    let expected = row.as_ref().map_or(Expected::Missing, Expected::from);
    let new = Stored { value: Some(value.to_string()), enabled: true };
    let wanted = PolicyChange { change: Change { scope, key, expected, new }, place };
    let changed = deeds.change_policy(fusionpbx, &actor(), &Reach::Everything, &wanted).await?;
    Ok(done(&[(key, wanted.place, changed)], era))
}

async fn apply(
    deeds: &Deeds,
    fusionpbx: &FusionPbx,
    preset: Preset,
    dry_run: bool,
) -> Result<(Value, Vec<String>), PolicyCommandError> {
    let plan = PresetPlan::of(preset, &fusionpbx.global_policy().await?);
    if dry_run {
        let mut lines: Vec<String> = plan.steps.iter().map(step_line).collect();
        lines.push(format!("{} settings would change, {} are so already.", plan.steps.len(), plan.settled));
        let steps: Vec<Value> = plan.steps.iter().map(step).collect();
        return Ok((json!({ "preset": preset.word(), "would_change": steps, "settled": plan.settled }), lines));
    }
    let changed = deeds.apply_preset(fusionpbx, &actor(), &Reach::Everything, &plan).await?;
    let keys = plan.changes().into_iter().map(|change| change.key);
    let changed: Vec<(Key, String, Changed)> =
        keys.zip(changed).map(|(key, changed)| (key, "Global".to_owned(), changed)).collect();
    Ok(done(&changed, plan.era))
}

async fn undo(
    deeds: &Deeds,
    fusionpbx: &FusionPbx,
    entry: Option<i64>,
) -> Result<(Value, Vec<String>), PolicyCommandError> {
    let entry = match entry {
        Some(entry) => TrailId(entry),
        None => last(deeds).await?.ok_or(PolicyCommandError::NothingToUndo)?,
    };
    let era = fusionpbx.evidence().await?.era();
    let changed = deeds.undo_policy(fusionpbx, &actor(), &Reach::Everything, entry).await?;
    let put: Vec<Value> = changed.iter().map(|one| json!({ "row": one.id, "after": one.after.stored })).collect();
    let lines = vec![
        format!("Entry {entry} was taken back: {} rows are as they were.", changed.len()),
        era.to_be_seen().to_owned(),
    ];
    Ok((json!({ "undone": entry.0, "changed": put, "to_be_seen": era.to_be_seen() }), lines))
}

/// The last change that can be taken back.
async fn last(deeds: &Deeds) -> Result<Option<TrailId>, StoreError> {
    let query = TrailQuery {
        act_prefix: "policy.".to_owned(),
        outcome: "done".to_owned(),
        limit: 200,
        ..TrailQuery::default()
    };
    let entries = deeds.store.entries(&Reach::Everything, &query).await?;
    let is_open = |act: &str| act == "policy.change" || act == "policy.preset";
    let found = entries.into_iter().find(|one| is_open(&one.act) && one.undone_by.is_none() && one.inverse.is_some());
    Ok(found.map(|entry| entry.id))
}

/// The enabled tenant of that name.
async fn tenant(fusionpbx: &FusionPbx, name: &str) -> Result<TenantId, PolicyCommandError> {
    let found = fusionpbx.tenants_called(name).await?;
    match found.as_slice() {
        [one] => Ok(one.id),
        several => Err(PolicyCommandError::NotOneTenant(several.len())),
    }
}

fn done(changed: &[(Key, String, Changed)], era: Era) -> (Value, Vec<String>) {
    let was = |changed: &Changed| changed.before.as_ref().map_or_else(|| "no row".to_owned(), spoken);
    let row = |(key, place, changed): &(Key, String, Changed)| {
        json!({
            "key": key.to_string(), "place": place, "row": changed.id, "before": changed.before,
            "after": changed.after.stored,
        })
    };
    let line = |(key, place, changed): &(Key, String, Changed)| {
        let now = spoken(&changed.after.stored);
        printable(&format!("{key} ({place}): {} -> {now}", was(changed)))
    };
    let mut lines: Vec<String> = changed.iter().map(line).collect();
    if lines.is_empty() {
        lines.push("Nothing to change: every setting is so already.".to_owned());
    } else {
        lines.push(era.to_be_seen().to_owned());
    }
    let rows: Vec<Value> = changed.iter().map(row).collect();
    (json!({ "changed": rows, "to_be_seen": era.to_be_seen() }), lines)
}

fn step(step: &PlanStep) -> Value {
    json!({
        "key": step.key.to_string(), "now": step.now, "wanted": step.wanted,
        "enforcement": step.treatment.enforcement.word(), "rows": step.changes.len(),
    })
}

fn step_line(step: &PlanStep) -> String {
    let now = step.now.as_deref().unwrap_or("not set");
    printable(&format!("{}: {now} -> {} ({})", step.key, spoken(&step.wanted), step.treatment.enforcement.words()))
}

/// What is said of an error, with its causes.
#[must_use]
pub fn said(error: &PolicyCommandError) -> String {
    Chain(error).to_string()
}
