//! Rampart's own file: its migrations both ways, and what happens when someone else holds it.

use std::time::{Duration, Instant};

use rampart::base::clock::Clock as _;
use rampart::store::sessions::Sessions;
use reqwest::StatusCode;
use sqlx::{Connection as _, SqliteConnection};
use tower_sessions::SessionStore as _;
use tower_sessions::session::{Id, Record};

use crate::agent_house::Scratch;
use crate::support::app::TestApp;

#[tokio::test]
async fn every_migration_can_be_taken_back_and_made_again() {
    let house = Scratch::new();
    let url = format!("sqlite://{}?mode=rwc", house.path().join("own.sqlite").display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let all = sqlx::migrate!();
    let tables = "SELECT coalesce(group_concat(sql, char(10)), '') FROM \
                  (SELECT sql FROM sqlite_schema WHERE name NOT LIKE '\\_sqlx%' ESCAPE '\\' \
                   AND name NOT LIKE 'sqlite_%' ORDER BY name)";

    all.run_direct(None, &mut connection, false).await.unwrap();
    let up: String = sqlx::query_scalar(tables).fetch_one(&mut connection).await.unwrap();
    all.undo(&mut connection, 0).await.unwrap();
    let down: String = sqlx::query_scalar(tables).fetch_one(&mut connection).await.unwrap();
    all.run_direct(None, &mut connection, false).await.unwrap();
    let again: String = sqlx::query_scalar(tables).fetch_one(&mut connection).await.unwrap();

    assert!(up.contains("CREATE TABLE operators"), "{up}");
    assert_eq!(down, "");
    assert_eq!(up, again);
}

/// The figures are printed: `cargo test --test it ten_thousand -- --ignored --nocapture`.
#[tokio::test]
#[ignore = "measures; part of make test-long"]
async fn ten_thousand_sessions_are_found_and_removed() {
    let app = TestApp::alone().await;
    app.add_operator("ann", "a quiet stone wall").await;
    let store = &app.state.deeds.store;
    let sessions = Sessions::new(store.clone(), app.clock.clone());
    let now = app.clock.now().unix();
    let ids: Vec<Id> = (0..10_000).map(|_| Id::default()).collect();
    let pool = app.own_tables().await;
    let mut transaction = pool.begin().await.unwrap();
    for id in &ids {
        sqlx::query("INSERT INTO sessions (digest, data, created_at, last_seen_at) VALUES (?, '{}', ?, ?)")
            .bind(rampart::store::sessions::digest(id))
            .bind(now)
            .bind(now)
            .execute(&mut *transaction)
            .await
            .unwrap();
    }
    transaction.commit().await.unwrap();
    pool.close().await;

    let mut times = Vec::new();
    for id in ids.iter().step_by(10) {
        let start = Instant::now();
        assert!(sessions.load(id).await.unwrap().is_some());
        times.push(start.elapsed());
    }
    times.sort();
    app.clock.advance(Duration::from_mins(15));
    let start = Instant::now();
    let gone = store.purge_sessions(app.clock.now()).await.unwrap();

    assert_eq!(gone, 10_000);
    eprintln!("look-up: median {:?}, p99 {:?}; purge: {:?}", times[500], times[990], start.elapsed());
}

#[tokio::test]
async fn a_session_that_was_ended_is_not_brought_back_by_a_slow_request() {
    let app = TestApp::alone().await;
    let sessions = Sessions::new(app.state.deeds.store.clone(), app.clock.clone());
    let expiry_date = time::OffsetDateTime::UNIX_EPOCH;
    let mut record = Record { id: Id::default(), data: std::collections::HashMap::new(), expiry_date };
    sessions.create(&mut record).await.unwrap();
    assert!(sessions.load(&record.id).await.unwrap().is_some());

    sessions.delete(&record.id).await.unwrap();
    sessions.save(&record).await.unwrap();

    assert_eq!(sessions.load(&record.id).await.unwrap(), None);
}

#[tokio::test]
async fn while_someone_else_holds_the_file_nobody_signs_in_and_afterwards_all_is_well() {
    let app = TestApp::alone().await;
    let operator = app.operator().await;
    let csrf = operator.csrf().await;
    let stranger = app.stranger();
    let strangers = stranger.csrf().await;
    let pool = app.own_tables().await;
    let mut holder = pool.begin_with("BEGIN EXCLUSIVE").await.unwrap();

    let fields = [("name", "ann"), ("password", "a quiet stone wall")];
    let (sign_out, sign_in) = tokio::join!(
        operator.submit_with(&csrf, "/sign-out", &[]),
        stranger.submit_with(&strangers, "/sign-in", &fields)
    );
    sqlx::query("SELECT 1").execute(&mut *holder).await.unwrap();
    holder.rollback().await.unwrap();

    sign_out.assert_says(StatusCode::SERVICE_UNAVAILABLE, "Rampart cannot reach its own store");
    sign_in.assert_says(StatusCode::SERVICE_UNAVAILABLE, "Rampart cannot reach its own store");
    assert_eq!(operator.get("/").await.status, StatusCode::OK);
    stranger.sign_in("ann", "a quiet stone wall").await.assert_redirect("/");
    pool.close().await;
}
