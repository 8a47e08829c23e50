//! The policy as the Passwords page shows it: rows, forms, where FusionPBX enforces what.

use crate::base::chain::printable;
use crate::fusionpbx::overrides::{Override, OverridesPage};
use crate::fusionpbx::{Effective, Level, PolicyReading, SettingRow as StoredRow, Winner};
use crate::policy::{Enforcement, Era, PasswordSetting, Shape, Treatment};
use crate::web::handlers::trail::form_encoded;
use crate::web::pages::own_passwords::OwnPolicy;
use crate::web::pages::passwords::{
    Control, Enforced, OverrideRow, Overrides, Policy, Raise, SettingForm, SettingGroup, SettingRow,
};
use crate::web::parts::{Choice, Mark, Pager, Search};
use crate::web::routes;

/// A refused form: what was typed, where, and what is wrong with it.
pub(super) struct Typed {
    pub(super) scope: String,
    pub(super) key: String,
    pub(super) value: String,
    pub(super) fault: String,
}

/// Category, heading, what passwords these are.
const GROUPS: [(&str, &str, &str); 6] = [
    ("extension", "Extensions", "SIP passwords of phones: FusionPBX generates them, nobody needs to remember them."),
    ("users", "Users", "Passwords with which people sign in to FusionPBX."),
    ("voicemail", "Voicemail", "PINs with which people listen to their messages, typed on a phone's keys."),
    (
        "provision",
        "Phones",
        "What a phone must show before it is given its configuration, with its SIP password in it.",
    ),
    ("user", "Users (FusionPBX 4.4)", "Passwords with which people sign in to FusionPBX."),
    ("security", "Generated passwords (FusionPBX 4.4)", "SIP passwords of phones."),
];

/// Everything for the page.
pub(super) fn policy(
    global: &[PolicyReading],
    overrides: &OverridesPage,
    find: &str,
    is_later_page: bool,
    (typed, may_write): (Option<&Typed>, bool),
) -> Policy {
    let mut groups = Vec::new();
    for (category, title, words) in GROUPS {
        let readings = global.iter().filter(|reading| reading.key.category() == category && reading.is_shown());
        let mut rows: Vec<SettingRow> = readings.map(|reading| setting_row(reading, typed, may_write)).collect();
        say_once(&mut rows);
        if !rows.is_empty() {
            let (anchor, title, words) = (category.to_owned(), title.to_owned(), words.to_owned());
            groups.push(SettingGroup { anchor, title, words, rows, preview: None });
        }
    }
    Policy {
        groups,
        overrides: overrides_view(global, overrides, find, is_later_page, (typed, may_write)),
        evidence: String::new(),
        presets: Vec::new(),
        secrets: Vec::new(),
        to_be_seen: global.first().map_or(Era::Unclear, |reading| reading.era).to_be_seen().to_owned(),
    }
}

/// Everything for a tenant's own page: what holds there, and the rows it has for itself.
pub(super) fn own(
    global: &[PolicyReading],
    effective: &[Effective],
    overrides: &OverridesPage,
    forms: (Option<&Typed>, bool),
) -> OwnPolicy {
    let mut groups = Vec::new();
    for (category, title, words) in GROUPS {
        let shown = global.iter().filter(|reading| reading.key.category() == category);
        let shown = shown.filter_map(|reading| {
            let winner = effective.iter().find(|one| one.key == reading.key)?;
            (reading.is_shown() || winner.value.is_some()).then_some(winner)
        });
        let mut rows: Vec<SettingRow> = shown.map(own_row).collect();
        say_once(&mut rows);
        if !rows.is_empty() {
            let (anchor, title, words) = (category.to_owned(), title.to_owned(), words.to_owned());
            groups.push(SettingGroup { anchor, title, words, rows, preview: None });
        }
    }
    OwnPolicy {
        groups,
        overrides: overrides.overrides.iter().map(|one| override_row(global, one, forms)).collect(),
        to_be_seen:
            "FusionPBX reads a change when someone signs in again, at the latest when an operator reloads its \
                     settings."
                .to_owned(),
    }
}

fn own_row(winner: &Effective) -> SettingRow {
    let setting = winner.key.setting();
    let value = winner.value.as_ref().map(|(value, _)| value.as_str());
    SettingRow {
        anchor: anchor(setting),
        title: setting.title.to_owned(),
        key: setting.key.to_string(),
        value: value.map_or_else(|| "not set".to_owned(), |value| shown(setting, value)),
        mark: mark(setting, value),
        source: match &winner.value {
            Some((_, Level::Domain | Level::User)) => "set by your domain",
            Some((_, Level::Default)) => "what holds for everyone",
            None => "set nowhere",
        }
        .to_owned(),
        floor: floor(setting),
        enforced: enforced(winner.key.treatment(winner.era)),
        notes: Vec::new(),
        edit: None,
    }
}

fn mark(setting: &PasswordSetting, value: Option<&str>) -> Mark {
    match setting.floor {
        None => Mark::Plain,
        Some(_) if setting.is_below_floor(value) => Mark::Fail,
        Some(_) => Mark::Pass,
    }
}

/// Neighbours are often enforced in the same way: that is said for the first of them.
fn say_once(rows: &mut [SettingRow]) {
    let mut said = String::new();
    for row in rows {
        if row.enforced.words == said {
            "As above.".clone_into(&mut row.enforced.words);
        } else {
            said.clone_from(&row.enforced.words);
        }
    }
}

fn setting_row(reading: &PolicyReading, typed: Option<&Typed>, may_write: bool) -> SettingRow {
    let setting = reading.key.setting();
    let value = reading.value();
    let mark = mark(setting, value);
    SettingRow {
        anchor: anchor(setting),
        title: setting.title.to_owned(),
        key: setting.key.to_string(),
        value: value.map_or_else(|| "not set".to_owned(), |value| shown(setting, value)),
        mark,
        source: source(reading),
        floor: floor(setting),
        enforced: enforced(reading.treatment()),
        notes: notes(reading),
        edit: may_write.then(|| {
            let row = reading.row();
            let raise = setting.floor.filter(|_| mark == Mark::Fail).map(|floor| Raise {
                value: floor.to_string(),
                label: match setting.shape {
                    Shape::Flag => "Switch on".to_owned(),
                    _ => format!("Raise to {floor}"),
                },
            });
            SettingForm { raise, ..form(setting, row, ("global", &anchor(setting)), typed) }
        }),
    }
}

fn anchor(setting: &PasswordSetting) -> String {
    format!("{}-{}", setting.key.category(), setting.key.subcategory())
}

/// Hostile text is cut and made printable; a flag is said in words.
fn shown(setting: &PasswordSetting, value: &str) -> String {
    match (setting.shape, value) {
        (Shape::Flag, "true") => "on".to_owned(),
        (Shape::Flag, "false") => "off".to_owned(),
        _ => printable(&value.chars().take(80).collect::<String>()),
    }
}

fn source(reading: &PolicyReading) -> String {
    match (&reading.winner, reading.rows.last()) {
        (Winner::Row(_), _) => "default setting",
        (Winner::Unclear(_), _) => "several rows, which one wins is chance",
        (Winner::Nobody, None) => "no row",
        (Winner::Nobody, Some(row)) if row.stored.enabled => "default setting, empty",
        (Winner::Nobody, Some(_)) => "default setting, switched off",
    }
    .to_owned()
}

fn floor(setting: &PasswordSetting) -> String {
    match (setting.floor, setting.shape) {
        (None, _) => String::new(),
        (Some(_), Shape::Flag) => "on".to_owned(),
        (Some(floor), _) => format!("{floor} or more"),
    }
}

fn enforced(treatment: Treatment) -> Enforced {
    Enforced {
        badge: treatment.enforcement.words().to_owned(),
        is_enforced: matches!(treatment.enforcement, Enforcement::CheckedOnSave),
        words: format!("{} ({})", treatment.words, treatment.source),
    }
}

fn notes(reading: &PolicyReading) -> Vec<String> {
    let mut notes = Vec::new();
    if reading.enabled_rows() > 1 {
        notes.push(format!(
            "There are {} enabled rows of this setting; FusionPBX means to have one. Delete the others in its Default Settings.",
            reading.enabled_rows()
        ));
    }
    if let Some(row) = reading.rows.iter().find(|row| reading.winner == Winner::Nobody && !row.stored.enabled) {
        let value = row.stored.value.as_deref().unwrap_or_default();
        notes.push(format!("The row says {} but is switched off.", shown(reading.key.setting(), value)));
    }
    notes
}

fn form(
    setting: &PasswordSetting,
    row: Option<&StoredRow>,
    (scope, anchor): (&str, &str),
    typed: Option<&Typed>,
) -> SettingForm {
    let typed = typed.filter(|typed| typed.scope == scope && typed.key == setting.key.to_string());
    let stored = row.and_then(|row| row.stored.value.clone()).unwrap_or_default();
    let in_field = typed.map_or_else(|| printable(&stored), |typed| typed.value.clone());
    let (label, button) = match setting.shape {
        Shape::Length { .. } => ("New length", "Save the length"),
        Shape::Strength => ("New alphabet", "Save the alphabet"),
        Shape::Flag => ("New state", "Save the state"),
        Shape::OneOf(_) => ("New way", "Save the way"),
    };
    SettingForm {
        field: format!("{anchor}-value"),
        scope: scope.to_owned(),
        key: setting.key.to_string(),
        row: row.map_or_else(|| "missing".to_owned(), |row| row.id.to_string()),
        base_value: stored,
        base_enabled: row.is_some_and(|row| row.stored.enabled).to_string(),
        base_xmin: row.map(|row| row.xmin.clone()).unwrap_or_default(),
        control: control(setting, in_field),
        label: label.to_owned(),
        button: button.to_owned(),
        raise: None,
        fault: typed.map(|typed| typed.fault.clone()),
        open: typed.is_some(),
    }
}

fn control(setting: &PasswordSetting, typed: String) -> Control {
    let choice = |value: &str, label: &str| Choice {
        value: value.to_owned(),
        label: label.to_owned(),
        chosen: value == typed,
    };
    match setting.shape {
        Shape::Length { min, max } => Control::Number { typed, least: min, most: max },
        Shape::Strength => Control::OneOf(vec![
            choice("1", "1: digits"),
            choice("2", "2: digits and lower case"),
            choice("3", "3: digits, lower and upper case"),
            choice("4", "4: digits, letters and !^$%*?."),
        ]),
        Shape::Flag => Control::OneOf(vec![choice("true", "on"), choice("false", "off")]),
        Shape::OneOf(words) => Control::OneOf(words.iter().map(|word| choice(word, word)).collect()),
    }
}

fn overrides_view(
    global: &[PolicyReading],
    page: &OverridesPage,
    find: &str,
    is_later_page: bool,
    forms: (Option<&Typed>, bool),
) -> Overrides {
    let link = |after: &str| format!("{}?find={}{after}#overrides", routes::PASSWORDS, form_encoded(find));
    Overrides {
        words: match page.total {
            0 if find.is_empty() => "No tenant overrides a password setting.".to_owned(),
            0 => "No override of such a tenant.".to_owned(),
            total => format!(
                "{total} overrides; {} of them, in {} tenants, are weaker than the global value.{}",
                page.weaker,
                page.weaker_tenants,
                match page.age.as_secs() {
                    0 => String::new(),
                    seconds => format!(" Read {seconds} s ago."),
                }
            ),
        },
        search: Search {
            action: routes::PASSWORDS.to_owned(),
            name: "find".to_owned(),
            label: "Find a tenant".to_owned(),
            typed: find.to_owned(),
        },
        rows: page.overrides.iter().map(|one| override_row(global, one, forms)).collect(),
        pager: Pager {
            words: format!("{} shown of {}", page.overrides.len(), page.total),
            previous: is_later_page.then(|| link("")),
            next: page.next.map(|next| link(&format!("&after={next}"))),
        },
    }
}

fn override_row(global: &[PolicyReading], one: &Override, (typed, may_write): (Option<&Typed>, bool)) -> OverrideRow {
    let setting = one.key.setting();
    let above = global.iter().find(|reading| reading.key == one.key).and_then(PolicyReading::value);
    let value = one.row.stored.value.as_deref().unwrap_or_default();
    let (mark, words) = match one.row.stored.counting() {
        None if one.row.stored.enabled => (Mark::Plain, "the global value counts"),
        None => (Mark::Plain, "switched off: the global value counts"),
        Some(_) if !one.tenant.enabled => (Mark::Plain, "the tenant is switched off"),
        Some(_) if one.is_weaker => (Mark::Fail, "weaker"),
        Some(own) if setting.is_below_floor(Some(own)) => (Mark::Fail, "below the floor"),
        Some(own) if setting.is_weaker(above, Some(own)) => (Mark::Pass, "stronger"),
        Some(_) => (Mark::Pass, "as strong"),
    };
    let (scope, anchor) = (one.tenant.id.to_string(), format!("override-{}", one.row.id));
    OverrideRow {
        tenant: printable(&one.tenant.name),
        key: setting.key.to_string(),
        value: if value.is_empty() { "empty".to_owned() } else { shown(setting, value) },
        global: above.map_or_else(|| "not set".to_owned(), |above| shown(setting, above)),
        mark,
        words: words.to_owned(),
        edit: may_write.then(|| form(setting, Some(&one.row), (&scope, &anchor), typed)),
        anchor,
    }
}
