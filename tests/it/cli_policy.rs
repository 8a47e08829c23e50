//! `rampart policy`: the same acts as the page, with nothing but FusionPBX's URL and a state directory.

use std::path::Path;
use std::process::{Command, Output};

use rampart::app::demo::fusionpbx::Generation;
use serde_json::Value;

use crate::agent_house::Scratch;
use crate::support::fusionpbx::Database;

/// Runs the program with nothing else in its surroundings.
fn policy(state: &Path, url: &str, arguments: &[&str]) -> Output {
    #[expect(clippy::disallowed_methods, reason = "the program as a person runs it")]
    let mut command = Command::new(env!("CARGO_BIN_EXE_rampart"));
    command.env_clear().env("RAMPART_FUSIONPBX_URL", url).env("RAMPART_STATE_DIR", state).env("RAMPART_LOG", "error");
    command.arg("policy").args(arguments).output().unwrap()
}

struct House {
    scratch: Scratch,
    database: Database,
    url: String,
}

impl House {
    async fn beside(generation: Generation) -> Self {
        let database = Database::town(generation).await;
        let url = database.url().await;
        let scratch = Scratch::new();
        std::fs::create_dir(scratch.path().join("state")).unwrap();
        Self { scratch, database, url }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        tokio::task::block_in_place(|| policy(&self.scratch.path().join("state"), &self.url, arguments))
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--format", "json"]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The exit code, and what was said of it.
    fn refused(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments);
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    fn setting(&self, key: &str) -> Value {
        let all = self.json(&["show"]);
        all["settings"].as_array().unwrap().iter().find(|one| one["key"] == key).cloned().unwrap_or(Value::Null)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn show_names_value_winner_rows_enforcement_and_weaker_overrides_in_every_generation() {
    for generation in Generation::ALL {
        let house = House::beside(generation).await;
        let (key, made) = match generation {
            Generation::V4_4 => ("user.password_length", "security.password_length"),
            _ => ("users.password_length", "extension.password_length"),
        };

        let users = house.setting(key);
        let made = house.setting(made);
        let double = house.setting("voicemail.password_length");

        assert_eq!(users["enforcement"]["kind"], "checked-on-save", "{generation:?}");
        assert_eq!((&users["weaker_overrides"], &users["overrides"]), (&1.into(), &4.into()), "{generation:?}");
        assert_eq!(users["winner"]["row"], users["rows"][0]["id"]);
        assert_eq!((&made["enforcement"]["kind"], &made["weaker_overrides"]), (&"generates-only".into(), &2.into()));
        assert_eq!((double["value"].as_str(), double["winner"]["unclear"].as_array().unwrap().len()), (Some("4"), 2));
        let text = String::from_utf8(house.run(&["show"]).stdout).unwrap();
        assert!(text.contains("checked on save, weaker in 1 overrides"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn set_preset_and_undo_change_what_the_page_shows_and_take_it_back() {
    let house = House::beside(Generation::V5_5).await;
    let value = |key: &str| house.setting(key)["value"].clone();

    let set = house.json(&["set", "users.password_length", "13", "--expect", "12"]);
    assert_eq!(set["changed"][0]["before"]["value"], "12");
    assert!(set["to_be_seen"].as_str().unwrap().contains("APCu"));
    assert_eq!(value("users.password_length"), "13");
    let planned = house.json(&["preset", "nist", "--dry-run"]);
    let keys: Vec<&str> =
        planned["would_change"].as_array().unwrap().iter().map(|one| one["key"].as_str().unwrap()).collect();
    assert!(keys.contains(&"users.password_length") && keys.contains(&"voicemail.password_length"), "{keys:?}");
    assert_eq!(value("users.password_length"), "13", "a dry run changes nothing");
    house.json(&["preset", "nist"]);
    assert_eq!(value("users.password_length"), "15");
    assert_eq!(house.json(&["preset", "nist"])["changed"], Value::Array(Vec::new()));

    house.json(&["undo"]);
    assert_eq!(value("users.password_length"), "13");
    house.json(&["undo"]);
    assert_eq!(value("users.password_length"), "12");
    assert_eq!(house.refused(&["undo"]), (1, "rampart: no change of the policy is left to take back\n".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenants_override_is_shown_and_changed_by_the_tenants_name() {
    let house = House::beside(Generation::V5_5).await;
    let east = ["--domain", "EAST.example.test"];

    let shown = house.json(&[&["show"][..], &east].concat());
    let users =
        shown["settings"].as_array().unwrap().iter().find(|one| one["key"] == "users.password_length").unwrap();
    assert_eq!((&users["value"], &users["winner"], &users["weaker"]), (&"8".into(), &"domain".into(), &true.into()));
    let changed = house.json(&[&["set", "users.password_length", "15"][..], &east].concat());
    let none = house.refused(&[&["set", "extension.password_length", "20"][..], &east].concat());
    let nobody = house.refused(&["set", "users.password_length", "20", "--domain", "nobody.example"]);

    assert_eq!(changed["changed"][0]["place"], "EAST.example.test");
    assert_eq!(none.0, 1);
    assert!(none.1.contains("has no extension.password_length of its own"), "{}", none.1);
    assert_eq!(nobody, (1, "rampart: FusionPBX has no enabled tenant of that name\n".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_done_ends_with_a_code_and_the_reason_and_changes_nothing() {
    let house = House::beside(Generation::V5_5).await;
    let before = house.json(&["show"]);
    let cases: [(&[&str], &str); 8] = [
        (&["set", "email.smtp_password", "x"], "is no password setting that Rampart knows"),
        (&["set", "provision.http_auth_password", "x"], "is no password setting that Rampart knows"),
        (&["set", "users.password_length", "twelve"], "a whole number is needed"),
        (&["set", "users.password_length", "1000000000"], "bcrypt"),
        (&["set", "users.password_length", "16", "--expect", "11"], "is 12, not 11; nothing was changed"),
        (&["set", "users.password_length\u{202e}", "16"], "u{202e}"),
        (&["preset", "loose"], "the presets are fusionpbx, nist and strict"),
        (&["undo", "1"], "there is nothing to take back"),
    ];

    for (arguments, reason) in cases {
        let (code, said) = house.refused(arguments);
        assert_eq!(code, 1, "{arguments:?}: {said}");
        assert!(said.contains(reason), "{arguments:?}: {said}");
    }

    assert_eq!(house.json(&["show"]), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_may_only_read_is_told_so_and_a_database_that_is_not_there_gives_two() {
    let house = House::beside(Generation::V5_5).await;
    let revoke = "REVOKE UPDATE ON v_default_settings FROM rampart; REVOKE UPDATE (default_setting_value, \
         default_setting_enabled, update_date) ON v_default_settings FROM rampart";
    house.database.run(revoke).await;
    let superuser = house.url.replacen("//rampart@", "//postgres@", 1);
    let state = house.scratch.path().join("state");

    let refused = house.refused(&["set", "users.password_length", "16"]);
    let as_superuser = tokio::task::block_in_place(|| policy(&state, &superuser, &["preset", "nist"]));
    let nowhere = "postgres://rampart@127.0.0.1:1/fusionpbx";
    let away = tokio::task::block_in_place(|| policy(&state, nowhere, &["show"]));

    assert_eq!(refused.0, 1, "{}", refused.1);
    assert!(refused.1.contains("may only be read"), "{}", refused.1);
    assert_eq!(as_superuser.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&as_superuser.stderr).contains("superuser"));
    assert_eq!(away.status.code(), Some(2));
    assert_eq!(house.setting("users.password_length")["value"], "12");
}
