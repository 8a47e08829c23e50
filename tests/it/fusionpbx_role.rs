//! What the role of `packaging/fusionpbx-role.sql` may do, and what it may not.

use rampart::app::demo::fusionpbx::{Generation, ROLE};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection, Executor};

use crate::support::fusionpbx::{Database, cluster};

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
    "SELECT password FROM v_extensions",
    "SELECT voicemail_password FROM v_voicemails",
    "SELECT password FROM v_gateways",
    "SELECT password FROM v_device_lines",
    "SELECT device_password FROM v_devices",
    "SELECT salt FROM v_users",
    "SELECT * FROM v_users",
    "SELECT * FROM v_default_settings",
    "UPDATE v_users SET user_enabled = NULL",
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
