//! The data of Passwords and of its conflict page.

use rampart::web::pages::passwords::{
    Control, DriftRow, Enforced, OverrideRow, Overrides, PasswordsPage, Policy, Raise, ReadOnly, SecretRow,
    SettingForm, SettingGroup, SettingRow,
};
use rampart::web::pages::passwords_conflict::PasswordsConflictPage;
use rampart::web::pages::preset::{PresetForm, PresetLink, PresetPage, PresetStep};
use rampart::web::pages::preview::{PreviewForm, PreviewPage, PreviewView, Tick};
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
        drifted: town.list(vec![drift(town)]),
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
                preview: Some((preview_form(town), yields(town))),
            },
            SettingGroup {
                anchor: "voicemail".into(),
                title: "Voicemail".into(),
                words: "The digits that open a mailbox from any phone.".into(),
                rows: vec![complexity(town)],
                preview: None,
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
        evidence: "The tables are those of FusionPBX 5.0: no v_event_guard_logs, no v_users.user_totp_secret.".into(),
        presets: vec![PresetLink {
            href: "/passwords/preset?name=nist".into(),
            title: "NIST SP 800-63B-4".into(),
            words: "People\u{2019}s passwords have 15 characters or more.".into(),
        }],
        secrets: vec![SecretRow {
            title: "Menu of Fanvil phones".into(),
            key: "provision.fanvil_menu_password".into(),
            mark: Mark::Fail,
            state: "shipped default".into(),
            rows: String::new(),
            tenants: "Tenants with their own: 3, weak or shipped in 1 of them.".into(),
            words: "Written into each Fanvil\u{2019}s configuration.".into(),
        }],
        to_be_seen:
            "FusionPBX keeps settings in each signed-in session: a change holds for whoever signs in next, or \
                     after Advanced, Default Settings, Reload."
                .into(),
    }
}

fn preview_form(town: Town) -> PreviewForm {
    PreviewForm {
        kind: "extension".into(),
        title: "SIP passwords".into(),
        length: town.text("20"),
        strengths: vec![Choice { value: "4".into(), label: "and !^$%*?.".into(), chosen: true }],
        ticks: vec![Tick { name: "special".into(), label: "needs a special character".into(), on: true }],
        least: Some(town.text("4")),
    }
}

fn yields(town: Town) -> PreviewView {
    PreviewView {
        examples: vec!["xT7!kQ2mVr9$uWc4Zb8*".into(), town.text("aaaa")],
        facts: vec![("Entropy".into(), "121.3 bits, where it is drawn at random".into())],
    }
}

pub(super) fn preview(town: Town) -> PreviewPage {
    PreviewPage {
        frame: town.frame("Preview", "passwords"),
        form: preview_form(town),
        result: if town == Town::Empty {
            Err("The length is a whole number from 1 to 128.".into())
        } else {
            Ok(yields(town))
        },
    }
}

pub(super) fn preset(town: Town) -> PresetPage {
    PresetPage {
        frame: town.frame("NIST SP 800-63B-4", "passwords"),
        title: "NIST SP 800-63B-4".into(),
        words: "People\u{2019}s passwords have 15 characters or more and no rules of letters.".into(),
        fault: town.fault("A setting was changed meanwhile, so nothing was saved."),
        steps: town.list(vec![PresetStep {
            title: "Least length of a user's password".into(),
            key: "users.password_length".into(),
            now: town.text("12"),
            wanted: "15".into(),
            badge: "checked on save".into(),
            is_enforced: true,
            words: "Checked when a user is saved.".into(),
        }]),
        settled: "9 of its settings are so already.".into(),
        weaker: "Overrides in 3 tenants would be weaker than this; a preset leaves them alone.".into(),
        to_be_seen: "This FusionPBX reads a change with its next request.".into(),
        apply: (town != Town::Empty).then(|| PresetForm {
            name: "nist".into(),
            seen: "0f".repeat(32),
            button: "Change 6 settings".into(),
        }),
    }
}

pub(super) fn drift(town: Town) -> DriftRow {
    DriftRow {
        subject: town.name("users.password_length of north.example.test"),
        left: town.text("15"),
        now: town.text("8"),
        words: "Noticed 2026-11-22 14:03. FusionPBX does not note by whom or when.".into(),
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
