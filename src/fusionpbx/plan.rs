//! What a preset would change here, row by row, before anything is saved.

use crate::base::encoding::sha256_hex;
use crate::fusionpbx::change::{Change, Expected, Scope};
use crate::fusionpbx::settings::{PolicyReading, SettingRow, Stored, Winner};
use crate::policy::preset::{Preset, Target};
use crate::policy::{Era, Key, Treatment};

/// What a preset would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresetPlan {
    /// Which preset.
    pub preset: Preset,
    /// The generation it was made for.
    pub era: Era,
    /// The settings that are not yet as it wants them.
    pub steps: Vec<PlanStep>,
    /// How many are so already.
    pub settled: usize,
}

/// One setting of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanStep {
    /// Which setting.
    pub key: Key,
    /// What is in force now.
    pub now: Option<String>,
    /// What would be.
    pub wanted: Stored,
    /// What FusionPBX does with it.
    pub treatment: Treatment,
    /// The rows that are changed for it; several where it is left to chance which one wins.
    pub changes: Vec<Change>,
}

impl PresetPlan {
    /// Compares `preset` with the settings as they were read.
    #[must_use]
    pub fn of(preset: Preset, global: &[PolicyReading]) -> Self {
        let era = global.first().map_or(Era::Unclear, |reading| reading.era);
        let (mut steps, mut settled) = (Vec::new(), 0);
        for target in preset.targets(era) {
            let Some(reading) = global.iter().find(|reading| reading.key == target.key) else { continue };
            let changes = changes(preset, reading, &target);
            if changes.is_empty() {
                settled += 1;
                continue;
            }
            steps.push(PlanStep {
                key: target.key,
                now: reading.value().map(str::to_owned),
                wanted: wanted(&target),
                treatment: reading.treatment(),
                changes,
            });
        }
        Self { preset, era, steps, settled }
    }

    /// Every change, in the order of the page.
    #[must_use]
    pub fn changes(&self) -> Vec<Change> {
        self.steps.iter().flat_map(|step| step.changes.clone()).collect()
    }

    /// The settings as they would be afterwards.
    #[must_use]
    pub fn afterwards(&self, global: &[PolicyReading]) -> Vec<PolicyReading> {
        let after = |reading: &PolicyReading| {
            let step = self.steps.iter().find(|step| step.key == reading.key);
            let Some((step, row)) = step.and_then(|step| Some((step, reading.row()?))) else {
                return reading.clone();
            };
            let row = SettingRow { stored: step.wanted.clone(), ..row.clone() };
            PolicyReading::new(reading.key, vec![row], reading.era)
        };
        global.iter().map(after).collect()
    }

    /// A word that another plan has only if it would change the same rows, from the same versions, to the same values.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut text = self.preset.word().to_owned();
        for change in self.changes() {
            let row = match &change.expected {
                Expected::Row { id, xmin, .. } => format!("{id} {xmin}"),
                Expected::Missing => "missing".to_owned(),
            };
            let Stored { value, enabled } = &change.new;
            let value = value.as_deref().unwrap_or_default();
            text.extend(["\n", &change.key.to_string(), " ", &row, " ", &enabled.to_string(), " ", value]);
        }
        sha256_hex(text.as_bytes())
    }
}

fn wanted(target: &Target) -> Stored {
    Stored { value: Some(target.value.to_string()), enabled: target.enabled }
}

fn changes(preset: Preset, reading: &PolicyReading, target: &Target) -> Vec<Change> {
    let shape = target.key.setting().shape;
    let is_so = |row: &SettingRow| preset.is_met(target, row.stored.counting().and_then(|value| shape.read(value)));
    let of = |row: &SettingRow| Change {
        scope: Scope::Global,
        key: target.key,
        expected: Expected::from(row),
        new: wanted(target),
    };
    if !target.enabled {
        // Whatever a row says that does not count, it changes nothing.
        return reading.rows.iter().filter(|row| row.stored.counting().is_some()).map(of).collect();
    }
    match &reading.winner {
        Winner::Row(place) => reading.rows.get(*place).filter(|row| !is_so(row)).map(of).into_iter().collect(),
        Winner::Unclear(places) => {
            let rivals = places.iter().filter_map(|place| reading.rows.get(*place));
            rivals.filter(|row| !is_so(row)).map(of).collect()
        }
        Winner::Nobody => match reading.rows.last() {
            Some(row) => vec![of(row)],
            None => vec![Change {
                scope: Scope::Global,
                key: target.key,
                expected: Expected::Missing,
                new: wanted(target),
            }],
        },
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::base::ids::SettingId;
    use crate::policy::SETTINGS;

    fn readings(rows: impl Fn(&str) -> Vec<(&'static str, bool)>) -> Vec<PolicyReading> {
        let reading = |key: Key| {
            let row = |(value, enabled): (&str, bool)| SettingRow {
                id: SettingId(Uuid::new_v4()),
                stored: Stored { value: Some(value.to_owned()), enabled },
                order: None,
                xmin: "7".to_owned(),
            };
            PolicyReading::new(key, rows(&key.to_string()).into_iter().map(row).collect(), Era::V5_5)
        };
        SETTINGS.iter().map(|setting| reading(setting.key)).collect()
    }

    fn shipped(key: &str) -> Vec<(&'static str, bool)> {
        match key {
            "extension.password_length" => vec![("20", true)],
            "extension.password_strength" => vec![("4", true)],
            "users.password_length" => vec![("12", true)],
            "users.password_special" => vec![("false", true)],
            "voicemail.password_length" => vec![("8", true)],
            "voicemail.password_min_length" => vec![("4", false)],
            "voicemail.password_complexity" | "extension.password_uppercase" | "extension.password_special" => {
                vec![("true", false)]
            }
            _ => vec![("TRUE", true)],
        }
    }

    fn told(plan: &PresetPlan) -> Vec<String> {
        let step = |step: &PlanStep| {
            let now = step.now.as_deref().unwrap_or("nothing");
            format!(
                "{} {now} -> {} {} x{}",
                step.key,
                step.wanted.value.as_deref().unwrap(),
                step.wanted.enabled,
                step.changes.len()
            )
        };
        plan.steps.iter().map(step).collect()
    }

    #[test]
    fn what_fusionpbx_ships_is_settled_and_nist_asks_for_six_changes_of_it() {
        let global = readings(shipped);

        let defaults = PresetPlan::of(Preset::FusionPbx, &global);
        let nist = PresetPlan::of(Preset::Nist, &global);

        assert_eq!(told(&defaults), Vec::<String>::new());
        assert_eq!(
            told(&nist),
            [
                "users.password_length 12 -> 15 true x1",
                "voicemail.password_min_length nothing -> 6 true x1",
                "voicemail.password_complexity nothing -> true true x1",
                "users.password_number TRUE -> false true x1",
                "users.password_lowercase TRUE -> false true x1",
                "users.password_uppercase TRUE -> false true x1",
            ]
        );
    }

    #[test]
    fn rivals_are_brought_to_agree_a_missing_row_is_made_and_switched_off_rows_stay() {
        let global = readings(|key| match key {
            "users.password_length" => vec![("8", true), ("15", true), ("9", true)],
            "voicemail.password_length" => vec![],
            "voicemail.password_min_length" => vec![("5", true), ("4", false)],
            _ => shipped(key),
        });

        let nist = told(&PresetPlan::of(Preset::Nist, &global));
        let defaults = told(&PresetPlan::of(Preset::FusionPbx, &global));

        assert!(nist.contains(&"users.password_length 8 -> 15 true x2".to_owned()), "{nist:?}");
        assert!(nist.contains(&"voicemail.password_length nothing -> 8 true x1".to_owned()), "{nist:?}");
        assert!(defaults.contains(&"voicemail.password_min_length 5 -> 4 false x1".to_owned()), "{defaults:?}");
    }

    #[test]
    fn a_fingerprint_knows_rows_versions_and_values() {
        let global = readings(shipped);
        let plan = PresetPlan::of(Preset::Nist, &global);
        let mut moved = global.clone();
        for reading in &mut moved {
            reading.rows.iter_mut().for_each(|row| row.xmin = "8".to_owned());
        }

        assert_eq!(plan.fingerprint(), PresetPlan::of(Preset::Nist, &global).fingerprint());
        assert_ne!(plan.fingerprint(), PresetPlan::of(Preset::Strict, &global).fingerprint());
        assert_ne!(plan.fingerprint(), PresetPlan::of(Preset::Nist, &moved).fingerprint());
    }
}
