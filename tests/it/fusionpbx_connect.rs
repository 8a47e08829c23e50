//! A database that is down, far away, or does not know us: a clear answer, soon.

use std::time::{Duration, Instant};

use rampart::app::demo::fusionpbx::Generation;
use rampart::app::demo::postgres::{Listen, Postgres};
use rampart::app::demo::process::free_port;
use rampart::base::chain::Chain;
use rampart::fusionpbx::{ChangeError, FusionPbxError};

use crate::support::fusionpbx::{Database, cluster, open};

const SOON: Duration = Duration::from_secs(3);

#[tokio::test]
async fn a_wrong_password_is_denied_and_nothing_of_it_is_shown() {
    let database = Database::shipped(Generation::V5_5).await;
    database.grant("ALTER ROLE rampart PASSWORD 'right'").await;
    let right = open(cluster().await.tcp_url("rampart", "right", &database.name));
    let wrong = open(cluster().await.tcp_url("rampart", "hunter2", &database.name));

    right.ping().await.unwrap();
    let error = wrong.global_policy().await.unwrap_err();

    assert!(matches!(error, FusionPbxError::Denied { .. }), "{error:?}");
    let shown = format!("{} {error:?} {wrong:?} {}", Chain(&error), wrong.place());
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[tokio::test]
async fn a_role_or_a_database_that_does_not_exist_is_denied() {
    let database = Database::shipped(Generation::V5_5).await;
    let stranger = open(cluster().await.socket_url("stranger", &database.name));
    let nowhere = open(cluster().await.socket_url("rampart", "nowhere"));

    for fusionpbx in [stranger, nowhere] {
        let error = fusionpbx.ping().await.unwrap_err();
        assert!(matches!(error, FusionPbxError::Denied { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_is_unreachable_within_three_seconds() {
    let port = free_port().unwrap();
    let closed_port = format!("postgres://rampart@127.0.0.1:{port}/fusionpbx");
    let no_socket = "postgres://rampart@%2Fthere%2Fis%2Fnothing/fusionpbx".to_owned();
    let name = "postgres://rampart@there.is.nothing.invalid/fusionpbx".to_owned();

    for url in [closed_port, no_socket, name] {
        let start = Instant::now();
        let error = open(url).survey().await.unwrap_err();

        assert!(matches!(error, FusionPbxError::Unreachable(_)), "{error:?}");
        assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    }
}

#[tokio::test]
async fn a_server_that_accepts_and_never_answers_is_unreachable_within_three_seconds() {
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = silent.local_addr().unwrap().port();

    let start = Instant::now();
    let error = open(format!("postgres://rampart@127.0.0.1:{port}/fusionpbx")).ping().await.unwrap_err();

    assert!(matches!(error, FusionPbxError::Unreachable(_)), "{error:?}");
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_empty_database_is_no_fusionpbx() {
    let url = cluster().await.socket_url("rampart", "empty");

    let error = open(url).global_policy().await.unwrap_err();

    assert_eq!(error.to_string(), "this FusionPBX has no table v_default_settings");
}

#[tokio::test]
async fn after_a_crash_of_the_server_the_pool_heals_and_what_was_saved_is_there() {
    let directory = std::path::PathBuf::from(format!("/tmp/rampart-pg-{}-crash", std::process::id()));
    let place = directory.clone();
    let start = tokio::task::spawn_blocking(move || Postgres::start(&place, Listen::SocketOnly));
    let postgres = start.await.unwrap().unwrap();
    postgres.run_sql("postgres", Generation::V5_5.schema()).await.unwrap();
    let fusionpbx = open(postgres.socket_url("postgres", "postgres"));
    let before = fusionpbx.global_policy().await.unwrap();

    postgres.pause().unwrap();
    let down = fusionpbx.global_policy().await.unwrap_err();
    postgres.resume().unwrap();
    let after = fusionpbx.global_policy().await.unwrap();

    assert!(matches!(down, FusionPbxError::Unreachable(_)), "{down:?}");
    assert_eq!(before, after);
    drop(postgres);
    assert!(!directory.exists());
}

#[tokio::test]
async fn a_change_of_an_unreachable_database_says_that_nothing_was_changed() {
    let database = Database::shipped(Generation::V5_5).await;
    let fusionpbx = database.fusionpbx().await;
    let readings = fusionpbx.global_policy().await.unwrap();
    let row = readings.iter().find_map(|reading| reading.row().map(|row| (reading.key, row.clone()))).unwrap();
    let change = rampart::fusionpbx::Change {
        scope: rampart::fusionpbx::Scope::Global,
        key: row.0,
        expected: (&row.1).into(),
        new: row.1.stored.clone(),
    };
    let gone = open("postgres://rampart@%2Fthere%2Fis%2Fnothing/fusionpbx".to_owned());

    let error = gone.change_setting(&change).await.unwrap_err();

    assert!(matches!(error, ChangeError::Unreachable(_)), "{error:?}");
    assert_eq!(error.to_string(), "FusionPBX's database cannot be reached, nothing was changed");
}
