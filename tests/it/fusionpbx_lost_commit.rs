//! The connection breaks at COMMIT, before the server has it or before we have its answer.

use rampart::app::demo::fusionpbx::Generation;
use rampart::fusionpbx::plan::PresetPlan;
use rampart::fusionpbx::{Change, ChangeError, Changed, Scope, Stored};
use rampart::policy::Key;
use rampart::policy::preset::Preset;

use crate::support::cutting::{Lost, cutting_proxy};
use crate::support::fusionpbx::{Database, cluster, open};

/// Changes `users.password_length` from 12 to 15 through such a proxy; what came of it, and what is there then.
async fn change_through(lost: Lost) -> (Result<Changed, ChangeError>, String) {
    let database = Database::shipped(Generation::V5_5).await;
    database.grant("ALTER ROLE rampart PASSWORD 'right'").await;
    let port = cutting_proxy(cluster().await.port(), lost).await;
    let fusionpbx = open(format!("postgres://rampart:right@127.0.0.1:{port}/{}", database.name));
    let key = Key::find("users", "password_length").unwrap();
    let readings = fusionpbx.global_policy().await.unwrap();
    let row = readings.iter().find(|reading| reading.key == key).unwrap().row().unwrap().clone();
    let new = Stored { value: Some("15".to_owned()), enabled: true };

    let outcome = fusionpbx.change_setting(&Change { scope: Scope::Global, key, expected: (&row).into(), new }).await;

    let readings = database.fusionpbx().await.global_policy().await.unwrap();
    let now = readings.iter().find(|reading| reading.key == key).unwrap().value().unwrap().to_owned();
    (outcome, now)
}

/// ASVS 2.3.3.
#[tokio::test]
async fn an_answer_lost_after_the_commit_is_found_out_and_told_as_a_success() {
    let (outcome, now) = change_through(Lost::OnTheWayBack).await;

    assert_eq!(outcome.unwrap().after.stored.value.as_deref(), Some("15"));
    assert_eq!(now, "15");
}

#[tokio::test]
async fn a_commit_that_never_arrived_is_told_as_nothing_changed() {
    let (outcome, now) = change_through(Lost::OnTheWayThere).await;

    assert!(matches!(outcome, Err(ChangeError::Unreachable(_))), "{outcome:?}");
    assert_eq!(now, "12");
}

/// Applies a preset of several rows, one of them missing, through such a proxy; what came of it, and how many of its
/// settings are not so then.
async fn preset_through(lost: Lost) -> (Result<Vec<Changed>, ChangeError>, usize) {
    let database = Database::shipped(Generation::V5_5).await;
    database.grant("ALTER ROLE rampart PASSWORD 'right'").await;
    database.run("DELETE FROM v_default_settings WHERE default_setting_subcategory = 'password_min_length'").await;
    let port = cutting_proxy(cluster().await.port(), lost).await;
    let fusionpbx = open(format!("postgres://rampart:right@127.0.0.1:{port}/{}", database.name));
    let plan = PresetPlan::of(Preset::Nist, &fusionpbx.global_policy().await.unwrap());
    assert_eq!(plan.steps.len(), 6);

    let outcome = fusionpbx.change_settings(&plan.changes()).await;

    let after = PresetPlan::of(Preset::Nist, &database.fusionpbx().await.global_policy().await.unwrap());
    (outcome, after.steps.len())
}

/// ASVS 2.3.3.
#[tokio::test]
async fn a_preset_whose_commit_gets_no_answer_is_told_as_what_it_was_whole_or_nothing() {
    let (made, left) = preset_through(Lost::OnTheWayBack).await;
    let (not_made, all) = preset_through(Lost::OnTheWayThere).await;

    assert_eq!((made.unwrap().len(), left), (6, 0));
    assert!(matches!(not_made, Err(ChangeError::Unreachable(_))), "{not_made:?}");
    assert_eq!(all, 6);
}
