//! Password settings, changed through the page and read back over a connection of our own.

use rampart::app::demo::fusionpbx::Generation;
use rampart::app::demo::town::HOSTILE_NAME;
use rampart::fusionpbx::FusionPbx;
use rampart::policy::Key;
use reqwest::StatusCode;

use crate::support::app::TestApp;
use crate::support::browser::{Answer, Browser, PageForm};
use crate::support::fusionpbx::{Database, open};

const SAVE: &str = "/passwords/settings";
const UNDO: &str = "/passwords/undo";
const BOTH: [Generation; 2] = [Generation::V5_0, Generation::V5_5];

/// A console beside a FusionPBX, and an operator who looks at the page.
struct House {
    app: TestApp,
    database: Database,
    operator: Browser,
}

impl House {
    async fn beside(database: Database) -> Self {
        let app = TestApp::start(database.fusionpbx().await.into()).await;
        let operator = app.operator().await;
        Self { app, database, operator }
    }

    /// The form that changes a global setting.
    async fn form(&self, key: &str) -> PageForm {
        self.operator.get("/passwords").await.form(SAVE, &[("key", key), ("scope", "global")])
    }

    /// Types `value` into the form of a global setting and saves it.
    async fn save(&self, key: &str, value: &str) -> Answer {
        self.operator.press(&self.form(key).await, &[("value", value)]).await
    }

    /// The value in force, past the console.
    async fn value(&self, key: &str) -> Option<String> {
        value(&self.database.fusionpbx().await, key).await
    }

    async fn undo_buttons(&self) -> Vec<PageForm> {
        self.operator.get("/passwords").await.forms(UNDO, &[])
    }
}

async fn value(fusionpbx: &FusionPbx, key: &str) -> Option<String> {
    let readings = fusionpbx.global_policy().await.unwrap();
    let reading = readings.iter().find(|reading| reading.key == Key::parse(key).unwrap()).unwrap();
    let value = reading.value().map(str::to_owned);
    fusionpbx.close().await;
    value
}

#[tokio::test]
async fn a_change_is_written_to_fusionpbx_noted_in_the_trail_and_taken_back_once() {
    for generation in BOTH {
        let house = House::beside(Database::shipped(generation).await).await;
        let before = house.value("users.password_length").await.unwrap();

        house.save("users.password_length", "21").await.assert_redirect("/passwords");

        assert_eq!(house.value("users.password_length").await.as_deref(), Some("21"));
        let page = house.operator.get("/passwords").await;
        assert!(page.text(".flash").contains("users.password_length is 21 now"), "{}", page.text(".flash"));
        assert_eq!(house.operator.get("/passwords").await.text(".flash"), "", "it is said once");
        let entry = &house.app.trail("policy.").await[0];
        assert_eq!((entry.actor.as_str(), entry.address.as_deref()), ("ann", Some("127.0.0.1")));
        assert_eq!((entry.before.as_deref(), entry.after.as_deref()), (Some(before.as_str()), Some("21")));
        assert_eq!(entry.outcome, "done");
        let undo = house.undo_buttons().await.remove(0);

        house.operator.press(&undo, &[]).await.assert_redirect("/passwords");

        assert_eq!(house.value("users.password_length").await.as_ref(), Some(&before));
        assert!(house.operator.get("/passwords").await.text(".flash").contains(&format!("Put back: {before}")));
        house.operator.press(&undo, &[]).await.assert_redirect("/passwords");
        let said = house.operator.get("/passwords").await.text(".flash");
        assert!(said.contains("Not put back: there is nothing to take back"), "{said}");
        assert_eq!(house.value("users.password_length").await.as_ref(), Some(&before));
    }
}

#[tokio::test]
async fn an_undo_after_someone_else_changed_it_again_changes_nothing() {
    let house = House::beside(Database::shipped(Generation::V5_5).await).await;
    house.save("users.password_length", "21").await.assert_redirect("/passwords");
    let undo = house.undo_buttons().await.remove(0);
    house.database.run(&theirs("30")).await;

    house.operator.press(&undo, &[]).await.assert_redirect("/passwords");

    let said = house.operator.get("/passwords").await.text(".flash");
    assert!(said.contains("Not put back: it was changed again since, and is now 30"), "{said}");
    assert_eq!(house.value("users.password_length").await.as_deref(), Some("30"));
}

/// FusionPBX's own way of changing the length: last writer wins.
fn theirs(value: &str) -> String {
    format!(
        "UPDATE v_default_settings SET default_setting_value = '{value}' \
         WHERE default_setting_category = 'users' AND default_setting_subcategory = 'password_length'"
    )
}

#[tokio::test]
async fn a_change_made_meanwhile_gives_the_three_values_and_mine_can_still_be_written() {
    for generation in BOTH {
        let house = House::beside(Database::shipped(generation).await).await;
        let form = house.form("users.password_length").await;
        let saw = house.value("users.password_length").await.unwrap();
        house.database.run(&theirs("30")).await;

        let answer = house.operator.press(&form, &[("value", "24")]).await;

        answer.assert_says(StatusCode::CONFLICT, "Someone else changed this setting");
        let three = answer.text("dl.three");
        assert_eq!(three, format!("What you saw {saw} What you want 24 What is there now 30"));
        assert_eq!(house.value("users.password_length").await.as_deref(), Some("30"));
        assert_eq!(house.app.trail("policy.").await[0].outcome, "failed");
        let mine = answer.form(SAVE, &[("value", "24")]);
        house.database.run(&theirs("31")).await;
        let again = house.operator.press(&mine, &[]).await;
        assert!(again.text("dl.three").contains("What you saw 30"), "{}", again.words());
        let mine = again.form(SAVE, &[("value", "24")]);

        house.operator.press(&mine, &[]).await.assert_redirect("/passwords");

        assert_eq!(house.value("users.password_length").await.as_deref(), Some("24"));
    }
}

#[tokio::test]
async fn the_same_value_written_by_someone_else_is_still_a_change() {
    let house = House::beside(Database::shipped(Generation::V5_5).await).await;
    let form = house.form("users.password_length").await;
    let saw = house.value("users.password_length").await.unwrap();
    house.database.run(&theirs(&saw)).await;

    let answer = house.operator.press(&form, &[("value", "24")]).await;

    assert_eq!(answer.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_row_that_was_deleted_meanwhile_says_so_and_can_be_made_again() {
    let house = House::beside(Database::shipped(Generation::V5_5).await).await;
    let form = house.form("users.password_length").await;
    let gone = "DELETE FROM v_default_settings \
                WHERE default_setting_category = 'users' AND default_setting_subcategory = 'password_length'";
    house.database.run(gone).await;

    let answer = house.operator.press(&form, &[("value", "24")]).await;

    answer.assert_says(StatusCode::CONFLICT, "the row is gone");
    let mine = answer.form(SAVE, &[("value", "24")]);
    house.operator.press(&mine, &[]).await.assert_redirect("/passwords");
    assert_eq!(house.value("users.password_length").await.as_deref(), Some("24"));
}

#[tokio::test]
async fn a_missing_row_is_inserted_and_its_undo_switches_it_off() {
    for generation in BOTH {
        let database = Database::shipped(generation).await;
        let gone = "DELETE FROM v_default_settings \
                    WHERE default_setting_category = 'extension' AND default_setting_subcategory = 'password_length'";
        database.run(gone).await;
        let house = House::beside(database).await;
        assert_eq!(house.value("extension.password_length").await, None);

        house.save("extension.password_length", "20").await.assert_redirect("/passwords");

        assert_eq!(house.value("extension.password_length").await.as_deref(), Some("20"));
        let undo = house.undo_buttons().await.remove(0);
        house.operator.press(&undo, &[]).await.assert_redirect("/passwords");
        assert_eq!(house.value("extension.password_length").await, None);
        let page = house.operator.get("/passwords").await;
        assert!(page.words().contains("The row says 20 but is switched off"), "{}", page.words());
    }
}

#[tokio::test]
async fn a_row_without_a_value_can_be_given_one() {
    for (stored, name) in [("NULL", "no value"), ("''", "an empty one"), ("E' 12\\r\\n'", "white space")] {
        let house = House::beside(Database::shipped(Generation::V5_5).await).await;
        let sql = theirs("X").replace("'X'", stored);
        house.database.run(&sql).await;

        let answer = house.save("users.password_length", "20").await;

        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{name}: {}", answer.words());
        assert_eq!(house.value("users.password_length").await.as_deref(), Some("20"));
    }
}

#[tokio::test]
async fn a_value_that_cannot_be_comes_back_with_the_reason_at_its_field() {
    let house = House::beside(Database::shipped(Generation::V5_5).await).await;
    let before = house.value("users.password_length").await;
    let cases = [
        ("", "a value is needed"),
        ("twelve", "a whole number is needed"),
        ("7", "at least 8 is needed"),
        ("73", "reads 72 bytes"),
        ("<b>9</b>", "a whole number is needed"),
    ];

    for (typed, words) in cases {
        let answer = house.save("users.password_length", typed).await;

        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{typed}");
        assert!(answer.text("#users-password_length .fault").contains(words), "{typed}: {}", answer.words());
        let back = answer.form(SAVE, &[("key", "users.password_length"), ("scope", "global")]);
        assert!(back.fields.contains(&("value".to_owned(), typed.to_owned())), "{typed}: {back:?}");
        let marked = answer.page();
        let invalid = scraper::Selector::parse("#users-password_length [aria-invalid=true]").unwrap();
        assert_eq!(marked.select(&invalid).count(), 1, "{typed}");
    }

    assert_eq!(house.value("users.password_length").await, before);
    assert!(house.app.trail("policy.").await.is_empty());
}

#[tokio::test]
async fn a_tenants_override_is_changed_and_taken_back_without_touching_the_global_value() {
    for generation in BOTH {
        let house = House::beside(Database::town(generation).await).await;
        let global = house.value("users.password_length").await;
        let page = house.operator.get("/passwords?find=east.example").await;
        let forms = page.forms(SAVE, &[("key", "users.password_length")]);
        let of_tenant = forms.iter().find(|form| !form.fields.contains(&("scope".to_owned(), "global".to_owned())));
        let form = of_tenant.unwrap_or_else(|| panic!("{}", page.words())).clone();
        assert!(form.fields.contains(&("base_value".to_owned(), "8".to_owned())), "{form:?}");

        house.operator.press(&form, &[("value", "18")]).await.assert_redirect("/passwords");

        assert_eq!(tenants_value(&house.database).await, "18");
        assert_eq!(house.value("users.password_length").await, global);
        let entry = &house.app.trail("policy.").await[0];
        assert_eq!(entry.subject, "users.password_length of east.example.test");
        let undo = house.undo_buttons().await.remove(0);
        house.operator.press(&undo, &[]).await.assert_redirect("/passwords");
        assert_eq!(tenants_value(&house.database).await, "8");
    }
}

async fn tenants_value(database: &Database) -> String {
    let owner = database.owner().await;
    let sql = "SELECT domain_setting_value FROM v_domain_settings AS s JOIN v_domains AS d USING (domain_uuid) \
               WHERE domain_name = 'east.example.test' AND domain_setting_category = 'users' \
               AND domain_setting_subcategory = 'password_length'";
    let value = sqlx::query_scalar(sql).fetch_one(&owner).await.unwrap();
    owner.close().await;
    value
}

#[tokio::test]
async fn a_form_that_names_another_row_changes_nothing() {
    let house = House::beside(Database::town(Generation::V5_5).await).await;
    let owner = house.database.owner().await;
    let all = "SELECT string_agg(t::text, ' ' ORDER BY t::text) FROM v_default_settings AS t";
    let before: String = sqlx::query_scalar(all).fetch_one(&owner).await.unwrap();
    let form = house.form("users.password_length").await;
    let another: String = sqlx::query_scalar(
        "SELECT default_setting_uuid::text FROM v_default_settings WHERE default_setting_category = 'provision' LIMIT 1",
    )
    .fetch_one(&owner)
    .await
    .unwrap();

    let answer = house.operator.press(&form, &[("row", &another), ("value", "20")]).await;

    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.words());
    assert!(answer.words().contains("there is no such password setting to change"));
    let after: String = sqlx::query_scalar(all).fetch_one(&owner).await.unwrap();
    assert_eq!(after, before);
    owner.close().await;
}

#[tokio::test]
async fn with_a_superusers_role_the_page_is_read_only_and_says_why() {
    let database = Database::shipped(Generation::V5_5).await;
    let app = TestApp::start(database.as_superuser().await.into()).await;
    let operator = app.operator().await;
    let early = operator.get("/passwords").await.form(SAVE, &[("key", "users.password_length")]);

    app.sweep.look(true).await;
    let page = operator.get("/passwords").await;
    let refused = operator.press(&early, &[("value", "20")]).await;

    page.assert_says(StatusCode::OK, "The database role postgres is a superuser");
    assert!(page.forms(SAVE, &[]).is_empty());
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.words().contains("may only be read"), "{}", refused.words());
    assert_ne!(value(&database.fusionpbx().await, "users.password_length").await.as_deref(), Some("20"));
}

#[tokio::test]
async fn a_tenant_with_a_hostile_name_is_shown_as_text_with_its_marks_visible() {
    let house = House::beside(Database::town(Generation::V5_5).await).await;
    house.app.sweep.look(true).await;

    for path in ["/passwords", "/certificates", "/", "/trail"] {
        let page = house.operator.get(path).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(!page.body.contains("<img"), "{path}: an element was made of data");
        assert!(!page.body.contains('\u{202e}'), "{path}: a mark turns the text around");
    }
    let page = house.operator.get("/passwords").await;
    let form = page.forms(SAVE, &[("key", "extension.password_length"), ("base_value", "6")]).remove(0);
    house.operator.press(&form, &[("value", "20")]).await.assert_redirect("/passwords");
    for path in ["/passwords", "/trail"] {
        let page = house.operator.get(path).await;
        assert!(page.words().contains("<img src=x onerror=alert(1)>"), "{path}: {}", page.words());
        assert!(!page.body.contains("<img") && !page.body.contains(HOSTILE_NAME), "{path}");
        assert!(!page.body.contains('\u{202e}'), "{path}");
    }
}

#[tokio::test]
async fn a_hostile_value_of_a_setting_is_shown_as_text() {
    let house = House::beside(Database::shipped(Generation::V5_5).await).await;
    house.database.run(&theirs("\"><script>alert(1)</script>\u{202e}99")).await;

    let page = house.operator.get("/passwords").await;

    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.body.contains("<script>alert"));
    house.save("users.password_length", "20").await.assert_redirect("/passwords");
    for path in ["/passwords", "/trail"] {
        let page = house.operator.get(path).await;
        assert!(!page.body.contains("<script>alert") && !page.body.contains('\u{202e}'), "{path}");
    }
}

/// The page and the rest of the console, with a database of which nothing can be read.
async fn assert_not_tested(fusionpbx: FusionPbx, reason: &str) {
    let app = TestApp::start(fusionpbx.into()).await;
    let operator = app.operator().await;
    app.sweep.look(true).await;

    let page = operator.get("/passwords").await;

    page.assert_says(StatusCode::OK, "not tested");
    assert!(page.words().contains(reason), "{reason:?}: {}", page.words());
    assert!(!page.body.contains("hunter2"));
    for path in ["/", "/certificates", "/ssh", "/upgrades", "/trail", "/firewall"] {
        assert_eq!(operator.get(path).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(operator.json("/api/walls").await["sources"]["fusionpbx"]["state"], "unknown");
    let fields = [("scope", "global"), ("key", "users.password_length"), ("row", "missing"), ("value", "20")];
    let answer = operator.submit(SAVE, &fields).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.words());
    assert!(answer.text(".flash").contains("users.password_length was not set to 20"), "{}", answer.words());
    assert!(app.trail("policy.").await.iter().all(|entry| entry.outcome == "failed"));
}

#[tokio::test]
async fn a_database_that_is_not_there_leaves_the_page_not_tested_and_the_rest_alive() {
    let nobody = rampart::app::demo::process::free_port().unwrap();
    let url = format!("postgres://rampart:hunter2@127.0.0.1:{nobody}/fusionpbx");

    assert_not_tested(open(url), "FusionPBX's database cannot be reached").await;
}

#[tokio::test]
async fn a_wrong_password_is_said_and_never_shown() {
    let database = Database::shipped(Generation::V5_5).await;
    let url = crate::support::fusionpbx::cluster().await.tcp_url("rampart", "hunter2", &database.name);

    assert_not_tested(open(url), "FusionPBX's database refuses the sign-in").await;
}

#[tokio::test]
async fn a_missing_column_is_named() {
    let database = Database::shipped(Generation::V5_5).await;
    database.run("ALTER TABLE v_default_settings DROP COLUMN default_setting_value").await;
    let app = TestApp::start(database.fusionpbx().await.into()).await;
    let operator = app.operator().await;
    app.sweep.look(true).await;

    let page = operator.get("/passwords").await;

    page.assert_says(StatusCode::OK, "this FusionPBX has no column v_default_settings.default_setting_value");
    assert!(page.forms(SAVE, &[]).is_empty());
    assert_eq!(operator.get("/").await.status, StatusCode::OK);
    assert_eq!(operator.get("/api/policy").await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn without_any_fusionpbx_the_page_says_what_was_looked_for() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;

    let page = operator.get("/passwords").await;

    page.assert_says(StatusCode::OK, "no FusionPBX was found");
}

#[tokio::test]
async fn of_two_saves_of_the_same_form_at_once_one_is_made_and_the_other_told() {
    let house = House::beside(Database::shipped(Generation::V5_5).await).await;
    let form = house.form("users.password_length").await;

    let (one, other) = tokio::join!(
        house.operator.press(&form, &[("value", "24")]),
        house.operator.press(&form, &[("value", "25")])
    );

    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [StatusCode::SEE_OTHER, StatusCode::CONFLICT]);
    let kept = if one.status == StatusCode::SEE_OTHER { "24" } else { "25" };
    assert_eq!(house.value("users.password_length").await.as_deref(), Some(kept));
    let mut outcomes: Vec<String> = house.app.trail("policy.").await.into_iter().map(|entry| entry.outcome).collect();
    outcomes.sort_unstable();
    assert_eq!(outcomes, ["done", "failed"]);
}

#[tokio::test]
async fn a_row_that_someone_else_holds_is_not_waited_for_and_what_was_typed_stays() {
    let house = House::beside(Database::shipped(Generation::V5_5).await).await;
    let form = house.form("users.password_length").await;
    let before = house.value("users.password_length").await;
    let owner = house.database.owner().await;
    let mut holder = owner.begin().await.unwrap();
    let all = "SELECT default_setting_uuid FROM v_default_settings FOR UPDATE";
    sqlx::query(all).execute(&mut *holder).await.unwrap();

    let answer = house.operator.press(&form, &[("value", "24")]).await;
    holder.rollback().await.unwrap();

    assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.words());
    assert!(answer.text("#users-password_length .fault").contains("changed by someone else at this moment"));
    let back = answer.form(SAVE, &[("key", "users.password_length"), ("scope", "global")]);
    assert!(back.fields.contains(&("value".to_owned(), "24".to_owned())), "{back:?}");
    assert_eq!(house.value("users.password_length").await, before);
    house.operator.press(&back, &[]).await.assert_redirect("/passwords");
    owner.close().await;
}
