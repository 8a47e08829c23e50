//! The watch over what was saved here: a change by somebody else is noted once, on the page and in the trail.

use rampart::app::demo::fusionpbx::Generation;
use rampart::jobs::policy_drift::{PAUSE, run};
use rampart::store::trail::{Act, Actor, Close};

use crate::support::app::TestApp;
use crate::support::browser::Browser;
use crate::support::fusionpbx::Database;

const SAVE: &str = "/passwords/settings";

async fn save(operator: &Browser, key: &str, value: &str) {
    let form = operator.get("/passwords").await.form(SAVE, &[("key", key), ("scope", "global")]);
    operator.press(&form, &[("value", value)]).await.assert_redirect("/passwords");
}

fn theirs(value: &str) -> String {
    format!(
        "UPDATE v_default_settings SET default_setting_value = '{value}' \
         WHERE default_setting_category IN ('users', 'user') AND default_setting_subcategory = 'password_length'"
    )
}

/// The acts of the watch, newest first, with what was before and after.
async fn noted(app: &TestApp) -> Vec<(String, String, String)> {
    let all = app.trail("policy.").await.into_iter().filter(|entry| entry.actor == "rampart");
    all.map(|entry| (entry.act, entry.before.unwrap_or_default(), entry.after.unwrap_or_default())).collect()
}

fn note(act: &str, before: &str, after: &str) -> (String, String, String) {
    (act.to_owned(), before.to_owned(), after.to_owned())
}

#[tokio::test]
async fn a_value_that_someone_else_changes_is_noted_once_and_again_when_it_changes_again() {
    for generation in Generation::ALL {
        let database = Database::shipped(generation).await;
        let fusionpbx = database.fusionpbx().await;
        let app = TestApp::start(database.fusionpbx().await.into()).await;
        let operator = app.operator().await;
        let key = if generation == Generation::V4_4 { "user.password_length" } else { "users.password_length" };
        let watch = async || app.state.deeds.watch_policy(&fusionpbx).await.unwrap();
        assert_eq!(watch().await, 0, "nothing was saved yet");
        save(&operator, key, "15").await;
        assert_eq!(watch().await, 0, "it is as it was left");

        database.run(&theirs("9")).await;
        assert_eq!((watch().await, watch().await), (1, 0));
        let page = operator.get("/passwords").await.words();
        assert!(page.contains("Changed by someone else since"), "{page}");
        database.run(&theirs("8")).await;
        assert_eq!((watch().await, watch().await), (1, 0));
        database.run(&theirs("15")).await;
        assert_eq!((watch().await, watch().await), (1, 0));

        assert_eq!(
            noted(&app).await,
            [note("policy.as-left", "8", "15"), note("policy.drift", "9", "8"), note("policy.drift", "15", "9")],
            "{generation:?}"
        );
        assert!(!operator.get("/passwords").await.words().contains("Changed by someone else since"));
    }
}

#[tokio::test]
async fn a_row_that_is_deleted_or_renamed_is_noted_as_gone() {
    let database = Database::shipped(Generation::V5_5).await;
    let fusionpbx = database.fusionpbx().await;
    let app = TestApp::start(database.fusionpbx().await.into()).await;
    let operator = app.operator().await;
    save(&operator, "users.password_length", "15").await;
    save(&operator, "extension.password_length", "24").await;

    let rename = "UPDATE v_default_settings SET default_setting_category = 'email', \
         default_setting_subcategory = 'smtp_password', default_setting_value = 'hunter2' \
         WHERE default_setting_category = 'extension' AND default_setting_subcategory = 'password_length'";
    database.run(rename).await;
    database.run("DELETE FROM v_default_settings WHERE default_setting_category = 'users'").await;
    app.state.deeds.watch_policy(&fusionpbx).await.unwrap();

    let noted = noted(&app).await;
    assert_eq!(noted, [note("policy.drift", "15", "no row"), note("policy.drift", "24", "no row")]);
    assert!(!operator.get("/passwords").await.body.contains("hunter2"));
}

#[tokio::test]
async fn a_save_of_our_own_is_nobody_elses_however_it_falls() {
    let database = Database::shipped(Generation::V5_5).await;
    let fusionpbx = database.fusionpbx().await;
    let app = TestApp::start(database.fusionpbx().await.into()).await;
    let operator = app.operator().await;
    let deeds = &app.state.deeds;
    save(&operator, "users.password_length", "15").await;

    // A save is under way: FusionPBX has it already, our own note is not there yet.
    let actor = Actor { name: "ann".to_owned(), address: None };
    let act = Act { act: "policy.change", subject: "users.password_length", ..Act::default() };
    let entry = deeds.store.open_entry(&actor, act, deeds.clock.now()).await.unwrap();
    database.run(&theirs("20")).await;
    assert_eq!(deeds.watch_policy(&fusionpbx).await.unwrap(), 0);
    deeds.store.close_entry(entry, Close::Done { inverse: None }, deeds.clock.now()).await.unwrap();
    // Once it is over and the note is still another, somebody else did it.
    assert_eq!(deeds.watch_policy(&fusionpbx).await.unwrap(), 1);

    save(&operator, "users.password_length", "21").await;
    let undo = operator.get("/passwords").await.forms("/passwords/undo", &[]).remove(0);
    operator.press(&undo, &[]).await.assert_redirect("/passwords");

    assert_eq!(deeds.watch_policy(&fusionpbx).await.unwrap(), 0, "an undo is our own too");
}

#[tokio::test]
async fn the_watch_looks_by_itself_and_often_enough_for_a_minute() {
    assert!(PAUSE.as_secs() <= 30);
    let database = Database::shipped(Generation::V5_5).await;
    let app = TestApp::start(database.fusionpbx().await.into()).await;
    let operator = app.operator().await;
    save(&operator, "users.password_length", "15").await;
    database.run(&theirs("9")).await;
    let (stop, stopping) = tokio::sync::watch::channel(false);

    let watch = tokio::spawn(run(app.state.deeds.clone(), database.fusionpbx().await, stopping));
    let noticed = async {
        while noted(&app).await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), noticed).await.unwrap();
    stop.send_replace(true);
    watch.await.unwrap();

    assert_eq!(noted(&app).await, [note("policy.drift", "15", "9")]);
}

#[tokio::test]
async fn who_and_when_are_told_where_fusionpbx_notes_them() {
    let database = Database::shipped(Generation::V5_5).await;
    let fusionpbx = database.fusionpbx().await;
    let app = TestApp::start(database.fusionpbx().await.into()).await;
    let operator = app.operator().await;
    save(&operator, "users.password_length", "15").await;
    let with_date = "UPDATE v_default_settings SET default_setting_value = '8', \
         update_date = '2026-11-22 10:11:12+00', update_user = '00000000-0000-4000-8000-000000000001' \
         WHERE default_setting_category = 'users' AND default_setting_subcategory = 'password_length'";
    database.run(with_date).await;

    app.state.deeds.watch_policy(&fusionpbx).await.unwrap();

    let page = operator.get("/passwords").await.words();
    assert!(page.contains("by its account 00000000-0000-4000-8000-000000000001"), "{page}");
    assert!(page.contains("2026-11-22 10:11:12"), "{page}");
}
