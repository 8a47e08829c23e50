//! Presets, as a whole: what one would change is shown first, all of it is saved or nothing, one undo takes all back.

use rampart::app::demo::fusionpbx::Generation;
use rampart::base::role::Role;
use rampart::fusionpbx::plan::PresetPlan;
use rampart::fusionpbx::{ChangeError, FusionPbx};
use rampart::policy::preset::Preset;
use reqwest::StatusCode;

use crate::support::app::TestApp;
use crate::support::fusionpbx::Database;

const PRESET: &str = "/passwords/preset";

/// Every settings row, as FusionPBX has it, but for its dates.
async fn rows(database: &Database) -> Vec<(String, Option<String>, bool)> {
    let owner = database.owner().await;
    let sql = "SELECT default_setting_category || '.' || default_setting_subcategory, default_setting_value, \
         coalesce(default_setting_enabled::text = 'true', false) FROM v_default_settings \
         ORDER BY default_setting_uuid";
    let rows = sqlx::query_as(sql).fetch_all(&owner).await.unwrap();
    owner.close().await;
    rows
}

async fn plan(fusionpbx: &FusionPbx, preset: Preset) -> PresetPlan {
    PresetPlan::of(preset, &fusionpbx.global_policy().await.unwrap())
}

#[tokio::test]
async fn what_each_generation_ships_is_its_own_preset() {
    for generation in Generation::ALL {
        let fusionpbx = Database::shipped(generation).await.fusionpbx().await;

        let plan = plan(&fusionpbx, Preset::FusionPbx).await;

        assert!(plan.steps.is_empty(), "{generation:?}: {:?}", plan.steps);
        assert!(plan.settled >= 14, "{generation:?}: {}", plan.settled);
    }
}

#[tokio::test]
async fn a_preset_is_shown_saved_whole_as_one_entry_and_taken_back_by_one_undo() {
    for generation in Generation::ALL {
        let database = Database::shipped(generation).await;
        let app = TestApp::start(database.fusionpbx().await.into()).await;
        let operator = app.operator().await;
        let before = rows(&database).await;

        let page = operator.get("/passwords/preset?name=nist").await;
        assert_eq!(rows(&database).await, before, "{generation:?}: looking changes nothing");
        let shown = page.page().select(&scraper::Selector::parse("tbody tr").unwrap()).count();
        operator.press(&page.form(PRESET, &[]), &[]).await.assert_redirect("/passwords");
        let after = plan(&database.fusionpbx().await, Preset::Nist).await;

        assert!(shown >= 6, "{generation:?}: {shown} rows");
        assert!(after.steps.is_empty(), "{generation:?}: {:?}", after.steps);
        let entry = &app.trail("policy.").await[0];
        assert_eq!((entry.act.as_str(), entry.outcome.as_str()), ("policy.preset", "done"));
        assert_eq!(entry.subject, format!("the preset nist: {shown} settings"));
        let length =
            if generation == Generation::V4_4 { "user.password_length 10" } else { "users.password_length 12" };
        assert!(entry.before.as_deref().unwrap().contains(length), "{entry:?}");
        assert_eq!(app.trail("policy.").await.len(), 1);

        let undo = operator.get("/passwords").await.forms("/passwords/undo", &[]).remove(0);
        operator.press(&undo, &[]).await.assert_redirect("/passwords");

        assert_eq!(rows(&database).await, before, "{generation:?}");
        assert!(
            operator.get("/passwords").await.forms("/passwords/undo", &[("entry", &entry.id.to_string())]).is_empty()
        );
    }
}

#[tokio::test]
async fn a_setting_changed_since_the_page_was_drawn_stops_all_of_it() {
    let database = Database::shipped(Generation::V5_5).await;
    let app = TestApp::start(database.fusionpbx().await.into()).await;
    let operator = app.operator().await;
    let form = operator.get("/passwords/preset?name=strict").await.form(PRESET, &[]);
    let theirs = "UPDATE v_default_settings SET default_setting_value = '9' \
         WHERE default_setting_category = 'voicemail' AND default_setting_subcategory = 'password_length'";
    database.run(theirs).await;
    let before = rows(&database).await;

    let answer = operator.press(&form, &[]).await;

    answer.assert_says(StatusCode::CONFLICT, "nothing was saved");
    assert_eq!(rows(&database).await, before);
    assert!(app.trail("policy.").await.is_empty());
    // The page that came back shows what it would change now, and can be sent.
    operator.press(&answer.form(PRESET, &[]), &[]).await.assert_redirect("/passwords");
    assert!(plan(&database.fusionpbx().await, Preset::Strict).await.steps.is_empty());
}

/// ASVS 2.3.3.
#[tokio::test]
async fn a_row_that_cannot_be_written_leaves_every_other_as_it_was() {
    let database = Database::shipped(Generation::V5_5).await;
    let fusionpbx = database.fusionpbx().await;
    let before = rows(&database).await;
    let plan = plan(&fusionpbx, Preset::Strict).await;
    assert!(plan.changes().len() > 5);
    let theirs = "UPDATE v_default_settings SET default_setting_description = 'seen' \
         WHERE default_setting_category = 'voicemail' AND default_setting_subcategory = 'password_complexity'";
    database.run(theirs).await;

    let outcome = fusionpbx.change_settings(&plan.changes()).await;

    let Err(ChangeError::Conflict { key, .. }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(key.to_string(), "voicemail.password_complexity");
    assert_eq!(rows(&database).await, before);
}

#[tokio::test]
async fn a_locked_row_stops_all_of_it_within_three_seconds() {
    let database = Database::shipped(Generation::V5_5).await;
    let app = TestApp::start(database.fusionpbx().await.into()).await;
    let operator = app.operator().await;
    let form = operator.get("/passwords/preset?name=nist").await.form(PRESET, &[]);
    let before = rows(&database).await;
    let owner = database.owner().await;
    let mut holder = owner.begin().await.unwrap();
    let lock = "SELECT FROM v_default_settings WHERE default_setting_category = 'users' FOR UPDATE";
    sqlx::query(lock).execute(&mut *holder).await.unwrap();

    let start = std::time::Instant::now();
    let answer = operator.press(&form, &[]).await;

    answer.assert_says(StatusCode::CONFLICT, "try again");
    assert!(start.elapsed().as_secs() < 4);
    holder.rollback().await.unwrap();
    assert_eq!(rows(&database).await, before);
}

#[tokio::test]
async fn missing_rows_are_made_under_fusionpbxs_own_keys_and_doubles_are_brought_to_agree() {
    for generation in [Generation::V5_0, Generation::V5_5] {
        let database = Database::shipped(generation).await;
        database.run("DELETE FROM v_default_settings WHERE default_setting_category IN ('users', 'voicemail')").await;
        let double = "INSERT INTO v_default_settings (default_setting_uuid, default_setting_category, \
             default_setting_subcategory, default_setting_value, default_setting_enabled) \
             SELECT gen_random_uuid(), 'extension', 'password_length', v, true FROM unnest(ARRAY['8', '9']) AS v";
        database.run(double).await;
        let fusionpbx = database.fusionpbx().await;

        let plan = plan(&fusionpbx, Preset::Nist).await;
        fusionpbx.change_settings(&plan.changes()).await.unwrap();

        let made: Vec<(String, String, Option<String>)> = sqlx::query_as(
            "SELECT default_setting_uuid::text, app_uuid::text, default_setting_name FROM v_default_settings \
             WHERE default_setting_category IN ('users', 'voicemail') \
                AND default_setting_subcategory = 'password_length' ORDER BY default_setting_category",
        )
        .fetch_all(&database.owner().await)
        .await
        .unwrap();
        let numeric = Some("numeric".to_owned());
        assert_eq!(
            made,
            [
                (
                    "e3f5f4cd-0f17-428a-b788-2f2db91b6dc7".to_owned(),
                    "112124b3-95c2-5352-7e9d-d14c0b88f207".to_owned(),
                    numeric.clone()
                ),
                (
                    "bfe802b1-fcad-41a3-9da2-6b0efdb0c05f".to_owned(),
                    "b523c2d2-64cd-46f1-9520-ca4b4098e044".to_owned(),
                    numeric
                ),
            ],
            "{generation:?}"
        );
        assert!(PresetPlan::of(Preset::Nist, &fusionpbx.global_policy().await.unwrap()).steps.is_empty());
    }
}

#[tokio::test]
async fn fusionpbxs_own_key_under_another_name_is_not_written_over_nor_shown() {
    let database = Database::shipped(Generation::V5_5).await;
    let renamed = "INSERT INTO v_default_settings (default_setting_uuid, default_setting_category, \
         default_setting_subcategory, default_setting_value, default_setting_enabled) \
         VALUES ('e3f5f4cd-0f17-428a-b788-2f2db91b6dc7', 'email', 'smtp_password', 'never shown', true)";
    database.run("DELETE FROM v_default_settings WHERE default_setting_category = 'users'").await;
    database.run(renamed).await;
    let fusionpbx = database.fusionpbx().await;

    let outcome = fusionpbx.change_settings(&plan(&fusionpbx, Preset::Nist).await.changes()).await;

    assert!(matches!(outcome, Err(ChangeError::NotASetting)), "{outcome:?}");
}

#[tokio::test]
async fn whoever_may_not_change_the_policy_is_shown_no_button_and_a_tenant_is_not_shown_the_page() {
    let database = Database::shipped(Generation::V5_5).await;
    let app = TestApp::start(database.fusionpbx().await.into()).await;
    let viewer = app.signed_in_as(Role::Viewer).await;
    let tenant = app.signed_in_as(Role::Tenant).await;
    let operator = app.operator().await;

    let page = viewer.get("/passwords/preset?name=nist").await;

    assert!(page.words().contains("users.password_length") && page.forms(PRESET, &[]).is_empty());
    assert_eq!(tenant.get("/passwords/preset?name=nist").await.status, StatusCode::FORBIDDEN);
    let forged = tenant.submit(PRESET, &[("name", "nist"), ("seen", "x")]).await.status;
    assert!([StatusCode::FORBIDDEN, StatusCode::NOT_FOUND].contains(&forged), "{forged}");
    assert_eq!(operator.get("/passwords/preset?name=worst").await.status, StatusCode::NOT_FOUND);
}
