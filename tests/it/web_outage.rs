//! What goes on, and what does not, while a database is away; and that it comes back by itself.

use std::time::{Duration, Instant};

use rampart::app::demo::fusionpbx::Generation;
use reqwest::StatusCode;

use crate::support::app::{NAME, PASSWORD, TestApp};
use crate::support::browser::Browser;
use crate::support::fusionpbx::{Database, cluster};
use crate::support::routes;

/// A page that must be there again within this time.
const PATIENCE: Duration = Duration::from_secs(30);

async fn allow_connections(database: &Database, allowed: bool) {
    let sql = format!("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {allowed}", database.name);
    cluster().await.run_sql("postgres", &sql).await.unwrap();
    if !allowed {
        let end =
            format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'", database.name);
        cluster().await.run_sql("postgres", &end).await.unwrap();
    }
}

async fn again(browser: &Browser, path: &str, status: StatusCode, words: &str) {
    let start = Instant::now();
    loop {
        let answer = browser.get(path).await;
        if answer.status == status && answer.body.contains(words) {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{path}: {} {}", answer.status, answer.words());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// ASVS 16.5.2: decision 10, FusionPBX's database down.
#[tokio::test]
async fn without_fusionpbxs_database_its_pages_say_so_and_the_rest_goes_on() {
    let database = Database::town(Generation::V5_5).await;
    let app = TestApp::start(database.fusionpbx().await.into()).await;
    let operator = app.operator().await;
    let form = operator.get("/passwords").await.form("/passwords/settings", &[("key", "users.password_length")]);

    allow_connections(&database, false).await;

    operator.get("/passwords").await.assert_says(StatusCode::OK, "not tested");
    let refused = operator.press(&form, &[("value", "20")]).await;
    assert!(!refused.status.is_success() || refused.words().contains("not tested"), "{}", refused.words());
    for route in routes::all().iter().filter(|route| route.is_page() && !route.path.contains('{')) {
        let answer = operator.get(&route.path).await;
        assert!(matches!(answer.status, StatusCode::OK | StatusCode::SEE_OTHER), "{}: {}", route.path, answer.status);
    }
    assert_eq!(operator.get("/api/policy").await.status, StatusCode::SERVICE_UNAVAILABLE);
    app.signed_in().await.get("/trail").await.assert_says(StatusCode::OK, NAME);

    allow_connections(&database, true).await;
    again(&operator, "/passwords", StatusCode::OK, "users-password_length-value").await;
    let owner = database.owner().await;
    let sql = "SELECT default_setting_value FROM v_default_settings
         WHERE default_setting_category = 'users' AND default_setting_subcategory = 'password_length'";
    let value: String = sqlx::query_scalar(sql).fetch_one(&owner).await.unwrap();
    owner.close().await;
    assert_eq!(value, "12", "the change was made after all");
}

/// ASVS 16.5.3: nobody comes in, nothing is written, and it is back by itself.
#[tokio::test]
async fn a_store_that_comes_back_is_found_again_and_nothing_was_written() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;
    let csrf = operator.csrf().await;
    let stranger = app.stranger_from([127, 0, 9, 1].into());
    let token = stranger.csrf().await;
    let before = app.everything_kept().await;
    let pool = app.own_tables().await;
    sqlx::query("ALTER TABLE operators RENAME TO away").execute(&pool).await.unwrap();

    for route in routes::all().iter().filter(|route| !route.is_open && route.path != "/sign-out") {
        let answer = if route.has("get") {
            operator.get(&route.example()).await
        } else {
            operator.submit_with(&csrf, &route.example(), &[("entry", "1"), ("code", "000000")]).await
        };
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}: {}", route.path, answer.words());
    }
    let form = [("name", NAME), ("password", PASSWORD)];
    let answer = stranger.submit_with(&token, "/sign-in", &form).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.words());

    sqlx::query("ALTER TABLE away RENAME TO operators").execute(&pool).await.unwrap();
    pool.close().await;
    again(&operator, "/", StatusCode::OK, "The walls of").await;
    assert_eq!(app.everything_kept().await, before);
}
