//! What the role of `packaging/fusionpbx-role.sql` may do, and what it may not.

use nix::unistd::{Uid, User};
use rampart::app::demo::fusionpbx::{Generation, ROLE};
use rampart::app::demo::postgres::{Listen, Postgres};
use rampart::app::demo::process::Start;
use rampart::fusionpbx::plan::PresetPlan;
use rampart::fusionpbx::rights::Purpose;
use rampart::fusionpbx::{Change, ChangeError, Expected, Scope, Stored};
use rampart::policy::preset::Preset;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection, Executor};

use crate::agent_house::Scratch;
use crate::support::fusionpbx::{Database, cluster, open};

const GENERATIONS: [Generation; 2] = [Generation::V5_0, Generation::V5_5];

async fn as_rampart(database: &Database) -> PgConnection {
    let options = cluster().await.superuser(&database.name).username("rampart");
    options.connect().await.unwrap()
}

/// In both generations; each must be refused for want of a right, not for another reason.
const FORBIDDEN: [&str; 40] = [
    "CREATE TABLE mine (id int)",
    "CREATE SCHEMA mine",
    "CREATE ROLE mine",
    "CREATE DATABASE mine",
    "CREATE EXTENSION adminpack",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "ALTER TABLE v_default_settings ADD mine int",
    "ALTER ROLE rampart SUPERUSER",
    "ALTER ROLE postgres PASSWORD 'mine'",
    "ALTER SYSTEM SET log_statement = 'all'",
    "DROP TABLE v_software",
    "TRUNCATE v_default_settings",
    "BEGIN; LOCK TABLE v_default_settings IN EXCLUSIVE MODE",
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION postgres",
    "GRANT postgres TO rampart",
    "COPY v_domains (domain_name) TO PROGRAM 'cat'",
    "COPY v_domains (domain_name) FROM PROGRAM 'id'",
    "COPY v_domains (domain_name) TO '/tmp/never'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_ls_dir('/')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT pg_reload_conf()",
    "SELECT rolpassword FROM pg_authid",
    "UPDATE v_extensions SET extension = '1'",
    "DELETE FROM v_voicemails",
    "UPDATE v_gateways SET password = 'mine'",
    "INSERT INTO v_extensions (extension_uuid) VALUES (gen_random_uuid())",
    "UPDATE v_devices SET device_vendor = 'mine'",
    "SELECT contact_uuid FROM v_users",
    "SELECT * FROM v_users",
    "SELECT * FROM v_default_settings",
    "UPDATE v_users SET password = 'mine'",
    "UPDATE v_user_groups SET group_name = 'superadmin'",
    "UPDATE v_default_settings SET default_setting_category = 'users'",
    "UPDATE v_domain_settings SET domain_uuid = NULL",
    "DELETE FROM v_default_settings",
    "DELETE FROM v_domain_settings",
    "INSERT INTO v_domain_settings (domain_setting_uuid) VALUES (gen_random_uuid())",
    "INSERT INTO v_user_groups (user_group_uuid) VALUES (gen_random_uuid())",
];

#[tokio::test]
async fn forty_forbidden_statements_are_all_refused() {
    for generation in GENERATIONS {
        let database = Database::town(generation).await;
        let mut connection = as_rampart(&database).await;

        for statement in FORBIDDEN {
            let outcome = connection.execute(sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))).await;
            connection.execute("ROLLBACK").await.unwrap();

            let refused = outcome.as_ref().err().and_then(|error| error.as_database_error()?.code());
            assert_eq!(refused.as_deref(), Some("42501"), "{generation:?}: {statement}: {outcome:?}");
        }
        connection.close().await.unwrap();
    }
}

#[tokio::test]
async fn with_the_script_everything_is_permitted_and_nothing_beyond() {
    for generation in GENERATIONS {
        let database = Database::town(generation).await;

        let permitted = database.fusionpbx().await.permitted().await.unwrap();

        assert_eq!(permitted.role, "rampart");
        assert_eq!(permitted.beyond, Vec::<String>::new(), "{generation:?}");
        for one in &permitted.purposes {
            assert!(one.missing.is_empty(), "{generation:?}: {one:?}");
        }
        assert!(permitted.is_right(), "{generation:?}");
        let has_switch = permitted.purposes.iter().any(|one| one.purpose == Purpose::Unblock && one.applies);
        assert_eq!(has_switch, generation == Generation::V5_5);
    }
}

#[tokio::test]
async fn without_the_optional_grant_only_accounts_are_not_permitted() {
    let database = Database::town(Generation::V5_5).await;
    database.grant(ROLE).await;

    let permitted = database.fusionpbx().await.permitted().await.unwrap();

    let missing: Vec<_> = permitted.purposes.iter().filter(|one| !one.missing.is_empty()).collect();
    assert_eq!(missing.len(), 1, "{missing:?}");
    assert_eq!(missing[0].purpose, Purpose::Accounts);
    assert!(missing[0].missing[1].starts_with("SELECT v_users (password"), "{missing:?}");
    assert!(permitted.is_right());
}

#[tokio::test]
async fn what_was_taken_away_is_missing_and_what_was_given_is_beyond() {
    let database = Database::town(Generation::V5_5).await;
    database
        .grant("REVOKE UPDATE (password) ON v_extensions FROM rampart; GRANT DELETE ON v_gateways TO rampart")
        .await;

    let permitted = database.fusionpbx().await.permitted().await.unwrap();

    let rotation = permitted.purposes.iter().find(|one| one.purpose == Purpose::Rotation).unwrap();
    assert_eq!(rotation.missing, ["UPDATE v_extensions (password)"]);
    assert_eq!(permitted.beyond, ["may DELETE v_gateways"]);
    assert!(!permitted.is_right());
}

/// A cluster of its own: a standby follows all databases of its primary.
#[tokio::test]
async fn on_a_standby_everything_is_read_and_nothing_written() {
    let house = Scratch::new();
    let place = |name: &str| house.path().join(name);
    let primary = Postgres::start(&place("primary"), Listen::SocketOnly).unwrap();
    primary.create_database("pbx", None).await.unwrap();
    primary.run_sql("pbx", Generation::V5_5.schema()).await.unwrap();
    primary.run_sql("pbx", ROLE).await.unwrap();
    let me = User::from_uid(Uid::effective()).unwrap().unwrap().name;
    primary.allow(&me, "rampart").await.unwrap();
    let standby = primary.standby(&place("standby")).unwrap();
    let fusionpbx = open(standby.socket_url("rampart", "pbx"));

    let permitted = fusionpbx.permitted().await.unwrap();
    let policy = fusionpbx.global_policy().await.unwrap();
    let length = policy.iter().find(|reading| reading.key.to_string() == "users.password_length").unwrap();
    let expected = Expected::from(length.row().unwrap());
    let new = Stored { value: Some("16".to_owned()), enabled: true };
    let change = Change { scope: Scope::Global, key: length.key, expected, new };
    let outcome = fusionpbx.change_setting(&change).await;
    let preset = PresetPlan::of(Preset::Strict, &policy);
    let whole = fusionpbx.change_settings(&preset.changes()).await;

    assert!(matches!(whole, Err(ChangeError::ReadOnly { .. })), "{whole:?}");
    assert!(permitted.standby);
    assert!(!permitted.may_write());
    assert_eq!(length.value(), Some("12"));
    assert!(matches!(outcome, Err(ChangeError::ReadOnly { .. })), "{outcome:?}");
}

#[tokio::test]
async fn a_superuser_may_do_everything_and_is_not_right() {
    let database = Database::town(Generation::V5_0).await;

    let permitted = database.as_superuser().await.permitted().await.unwrap();

    assert!(permitted.superuser);
    assert!(!permitted.may_write());
    assert!(permitted.beyond[0].contains("superuser"), "{:?}", permitted.beyond);
}

#[tokio::test]
async fn secrets_of_accounts_are_readable_only_where_that_was_asked_for_and_the_grant_can_be_taken_back() {
    let database = Database::town(Generation::V5_5).await;
    let secrets = ["password", "api_key", "user_totp_secret"];

    for column in secrets {
        let sql = format!("SELECT count({column}) FROM v_users");
        let mut connection = as_rampart(&database).await;
        assert!(connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.is_ok(), "{column}");
    }
    database.grant(ROLE).await;

    for column in secrets {
        let sql = format!("SELECT count({column}) FROM v_users");
        let mut connection = as_rampart(&database).await;
        assert!(connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.is_err(), "{column}");
    }
}

/// The command, without a console, an agent or a terminal.
#[tokio::test]
async fn doctor_says_what_the_role_may_do_and_prints_the_sql_for_one_that_may_do_just_that() {
    let database = Database::town(Generation::V5_5).await;
    let superuser = cluster().await.socket_url("postgres", &database.name);
    let doctor = |url: String, argument: &'static str| {
        let house = Scratch::new();
        std::fs::create_dir(house.path().join("state")).unwrap();
        let line = format!("\"$0\" doctor {argument}; echo \"exit $?\"");
        let start = Start::program("/bin/sh", house.path()).arg("-c").arg(line).arg(env!("CARGO_BIN_EXE_rampart"));
        let start = start.env("RAMPART_STATE_DIR", house.path().join("state")).env("RAMPART_FUSIONPBX_URL", url);
        start.run().unwrap()
    };

    let sql = doctor(superuser.clone(), "--sql");
    let ours = doctor(database.url().await, "--format=text");
    let theirs = doctor(superuser, "--format=json");
    let nowhere = doctor("postgres://rampart@%2Fnowhere/pbx".to_owned(), "--format=text");

    assert_eq!(sql, format!("{ROLE}exit 0\n"));
    assert!(ours.contains("  may           change the password policy\n"), "{ours}");
    // The agent is not there, which is something to mend.
    assert!(ours.ends_with("exit 1\n"), "{ours}");
    assert!(theirs.contains("\"superuser\": true"), "{theirs}");
    assert!(theirs.ends_with("exit 1\n"), "{theirs}");
    assert!(nowhere.contains("not tested"), "{nowhere}");
    assert!(nowhere.ends_with("exit 2\n"), "{nowhere}");
}
