//! The data of Passwords and of its conflict page.

use rampart::web::pages::passwords::{
    Control, Enforced, OverrideRow, Overrides, PasswordsPage, Policy, Raise, ReadOnly, SettingForm, SettingGroup,
    SettingRow,
};
use rampart::web::pages::passwords_conflict::PasswordsConflictPage;
use rampart::web::parts::{Choice, Mark};

use super::Town;

pub(super) fn page(town: Town) -> PasswordsPage {
    let superuser = ReadOnly {
        reason: town.name("Rampart is signed in to PostgreSQL as the superuser fusionpbx, so it only reads."),
        remedy: "Make the role that Rampart ships, then restart it.".into(),
        commands: "sudo -u postgres psql fusionpbx -f /usr/share/rampart/fusionpbx-role.sql".into(),
    };
    PasswordsPage {
        may_rotate: town != Town::Empty,
        frame: town.frame("Passwords", "passwords"),
        head: town.head(
            "Passwords",
            "What FusionPBX generates and what it checks. A weak rule here makes every phone and mailbox weak.",
            Mark::Fail,
            "3 fail, 1 accepted, 4 pass",
        ),
        read_only: (town == Town::Hostile).then(|| superuser.clone()),
        policy: if town == Town::Empty {
            Err(ReadOnly { reason: "FusionPBX’s database does not answer at 127.0.0.1:5432.".into(), ..superuser })
        } else {
            Ok(policy(town))
        },
        findings: town.list(vec![
            town.finding("CR-07", Mark::Fail, "high", "New SIP secrets have 8 characters"),
            town.finding("US-01", Mark::NotTested, "high", "Old password hashes could not be looked for"),
        ]),
        history: town.trail(),
    }
}

pub(super) fn policy(town: Town) -> Policy {
    Policy {
        groups: vec![
            SettingGroup {
                anchor: "extension".into(),
                title: "Extensions".into(),
                words: "The SIP secrets of phones. Nobody types them often, so long is free.".into(),
                rows: vec![length(town), strength(town)],
            },
            SettingGroup {
                anchor: "voicemail".into(),
                title: "Voicemail".into(),
                words: "The digits that open a mailbox from any phone.".into(),
                rows: vec![complexity(town)],
            },
        ],
        overrides: Overrides {
            words: "31 overrides in 12 tenants, 4 of them weaker than the global value.".into(),
            search: town.search("tenant", "Tenant"),
            rows: ["north.example.test", "south.example.test"]
                .iter()
                .zip([Mark::Fail, Mark::Pass])
                .enumerate()
                .map(|(nth, (tenant, mark))| OverrideRow {
                    anchor: format!("override-{nth}"),
                    tenant: town.name(tenant),
                    key: "extension.password_length".into(),
                    value: town.name("8"),
                    global: town.name("12"),
                    mark,
                    words: if mark == Mark::Fail { "weaker".into() } else { "stronger".into() },
                    edit: Some(form(&format!("override-{nth}-value"), number(town), None)),
                })
                .collect(),
            pager: town.pager(),
        },
        to_be_seen:
            "FusionPBX keeps settings in each signed-in session: a change holds for whoever signs in next, or \
                     after Advanced, Default Settings, Reload."
                .into(),
        to_be_seen_commands: String::new(),
    }
}

fn form(field: &str, control: Control, raise: Option<Raise>) -> SettingForm {
    SettingForm {
        field: field.into(),
        scope: "global".into(),
        key: "extension.password_length".into(),
        row: "2f0c9a52-9c5f-4f0d-9d5a-1f0a2a6ad0c1".into(),
        base_value: "12".into(),
        base_enabled: "true".into(),
        base_xmin: "771".into(),
        control,
        label: "New length, in characters".into(),
        button: "Save the length".into(),
        raise,
        fault: None,
        open: false,
    }
}

fn number(town: Town) -> Control {
    Control::Number { typed: town.text("12"), least: 4, most: 128 }
}

fn length(town: Town) -> SettingRow {
    SettingRow {
        anchor: "extension-password_length".into(),
        title: "Length of generated secrets".into(),
        key: "extension.password_length".into(),
        value: town.text("12"),
        mark: Mark::Fail,
        source: town.text("default setting"),
        floor: "20 or more".into(),
        enforced: Enforced {
            badge: "generates only".into(),
            is_enforced: false,
            words: "New extensions get this length. What an administrator types by hand is not checked.".into(),
        },
        notes: vec![
            town.text("2 enabled rows for this setting: FusionPBX takes whichever the database hands out last."),
        ],
        edit: Some(SettingForm {
            fault: town.fault("A length is a number from 4 to 128."),
            open: town == Town::Hostile,
            ..form(
                "extension-password_length-value",
                number(town),
                Some(Raise { value: "20".into(), label: "Raise to 20".into() }),
            )
        }),
    }
}

fn strength(town: Town) -> SettingRow {
    let kinds = ["1: digits", "2: and lower case", "3: and upper case", "4: and signs"];
    let choices = (1..).zip(kinds).map(|(value, label)| Choice {
        value: format!("{value}"),
        label: label.into(),
        chosen: value == 4,
    });
    SettingRow {
        anchor: "extension-password_strength".into(),
        title: "Kinds of characters in generated secrets".into(),
        key: "extension.password_strength".into(),
        value: town.text("4"),
        mark: Mark::Pass,
        source: "default setting".into(),
        floor: "3 or 4".into(),
        enforced: Enforced {
            badge: "generates only".into(),
            is_enforced: false,
            words: "Chooses the alphabet of new secrets.".into(),
        },
        notes: Vec::new(),
        edit: Some(SettingForm {
            label: "Kinds of characters".into(),
            button: "Save the alphabet".into(),
            ..form("extension-password_strength-value", Control::OneOf(choices.collect()), None)
        }),
    }
}

fn complexity(town: Town) -> SettingRow {
    SettingRow {
        anchor: "voicemail-password_complexity".into(),
        title: "Refuse simple mailbox codes".into(),
        key: "voicemail.password_complexity".into(),
        value: town.text("off"),
        mark: Mark::Fail,
        source: "no row".into(),
        floor: "on".into(),
        enforced: Enforced {
            badge: "checked when saved".into(),
            is_enforced: true,
            words: "The voicemail menu on the phone checks it; the web page only by a script in the browser.".into(),
        },
        notes: Vec::new(),
        edit: None,
    }
}

pub(super) fn conflict(town: Town) -> PasswordsConflictPage {
    PasswordsConflictPage {
        frame: town.frame("Conflict", "passwords"),
        title: "Length of generated secrets".into(),
        key: "extension.password_length".into(),
        place: town.name("all tenants"),
        saw: town.name("12"),
        wanted: town.name("20"),
        now: town.name("16"),
        changed: town.text("FusionPBX recorded the change at 2026-11-22 18:44 UTC."),
        scope: "global".into(),
        row: "2f0c9a52-9c5f-4f0d-9d5a-1f0a2a6ad0c1".into(),
        value: town.text("20"),
        base_value: town.text("16"),
        base_enabled: "true".into(),
        base_xmin: "802".into(),
        keep_href: "/passwords#extension-password_length".into(),
    }
}
