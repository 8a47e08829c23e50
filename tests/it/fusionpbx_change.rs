//! Changing a password setting: nobody's change is lost, nothing is written twice, old before half.

use rampart::app::demo::fusionpbx::Generation;
use rampart::base::ids::{SettingId, TenantId};
use rampart::base::role::Reach;
use rampart::fusionpbx::overrides::OverridesWanted;
use rampart::fusionpbx::{Change, ChangeError, Expected, FusionPbx, PolicyReading, Scope, Stored};
use rampart::policy::Key;
use uuid::Uuid;

use crate::support::fusionpbx::Database;

const GENERATIONS: [Generation; 3] = Generation::ALL;

/// The category of users' passwords, and the least length that is shipped.
fn users(generation: Generation) -> (&'static str, &'static str) {
    if generation == Generation::V4_4 { ("user", "10") } else { ("users", "12") }
}

fn key(name: &str) -> Key {
    Key::parse(name).unwrap()
}

fn stored(value: &str) -> Stored {
    Stored { value: Some(value.to_owned()), enabled: true }
}

async fn reading(fusionpbx: &FusionPbx, name: &str) -> PolicyReading {
    let readings = fusionpbx.global_policy().await.unwrap();
    readings.into_iter().find(|reading| reading.key == key(name)).unwrap()
}

/// The change to `value` of the global setting as it stands now.
async fn change_of(fusionpbx: &FusionPbx, name: &str, value: &str) -> Change {
    let reading = reading(fusionpbx, name).await;
    let expected = reading.row().map_or(Expected::Missing, Expected::from);
    Change { scope: Scope::Global, key: key(name), expected, new: stored(value) }
}

#[tokio::test]
async fn a_value_is_changed_and_changed_back_in_every_generation() {
    for generation in GENERATIONS {
        let (category, shipped) = users(generation);
        let name = format!("{category}.password_length");
        let database = Database::shipped(generation).await;
        let fusionpbx = database.fusionpbx().await;
        let change = change_of(&fusionpbx, &name, "15").await;

        let changed = fusionpbx.change_setting(&change).await.unwrap();
        let after = reading(&fusionpbx, &name).await;
        let undo =
            Change { expected: Expected::from(&changed.after), new: changed.before.clone().unwrap(), ..change };
        fusionpbx.change_setting(&undo).await.unwrap();

        assert_eq!(changed.before, Some(stored(shipped)), "{generation:?}");
        assert_eq!(after.row(), Some(&changed.after), "{generation:?}");
        assert_eq!(reading(&fusionpbx, &name).await.value(), Some(shipped), "{generation:?}");
    }
}

#[tokio::test]
async fn a_disabled_row_can_be_enabled_and_a_page_that_shows_null_as_empty_can_change_it() {
    for generation in GENERATIONS {
        let database = Database::shipped(generation).await;
        let fusionpbx = database.fusionpbx().await;
        let change = change_of(&fusionpbx, "voicemail.password_complexity", "true").await;

        let changed = fusionpbx.change_setting(&change).await.unwrap();

        assert_eq!(changed.before, Some(Stored { value: Some("true".to_owned()), enabled: false }));
        assert_eq!(reading(&fusionpbx, "voicemail.password_complexity").await.value(), Some("true"));

        let empty = Stored { value: None, enabled: true };
        let change = Change { expected: Expected::from(&changed.after), new: empty.clone(), ..change };
        let changed = fusionpbx.change_setting(&change).await.unwrap();
        let claimed = Stored { value: Some(String::new()), enabled: true };
        let expected = Expected::Row { id: changed.id, stored: claimed, xmin: changed.after.xmin };
        let changed = fusionpbx.change_setting(&Change { expected, new: stored("true"), ..change }).await.unwrap();

        // What is kept for an undo is what really was there.
        assert_eq!(changed.before, Some(empty));
    }
}

/// ASVS 15.4.2.
#[tokio::test]
async fn a_writer_in_between_wins_and_the_conflict_shows_all_three_values() {
    for generation in GENERATIONS {
        let (category, shipped) = users(generation);
        let name = format!("{category}.password_length");
        let database = Database::shipped(generation).await;
        let fusionpbx = database.fusionpbx().await;
        let change = change_of(&fusionpbx, &name, "15").await;

        let fusionpbx_saves = format!(
            "UPDATE v_default_settings SET default_setting_value = '30' \
             WHERE default_setting_category = '{category}' AND default_setting_subcategory = 'password_length'"
        );
        database.run(&fusionpbx_saves).await;
        let outcome = fusionpbx.change_setting(&change).await.unwrap_err();

        let ChangeError::Conflict { you_saw, you_want, now_there, .. } = outcome else { panic!("{outcome}") };
        assert_eq!((you_saw, you_want), (Some(stored(shipped)), stored("15")));
        assert_eq!(now_there.unwrap().stored, stored("30"));
        assert_eq!(reading(&fusionpbx, &name).await.value(), Some("30"));
    }
}

#[tokio::test]
async fn even_the_same_value_written_in_between_is_a_conflict() {
    let database = Database::shipped(Generation::V5_5).await;
    let fusionpbx = database.fusionpbx().await;
    let change = change_of(&fusionpbx, "users.password_length", "15").await;

    database.run("UPDATE v_default_settings SET default_setting_value = default_setting_value").await;
    let outcome = fusionpbx.change_setting(&change).await;

    assert!(matches!(outcome, Err(ChangeError::Conflict { .. })), "{outcome:?}");
}

#[tokio::test]
async fn a_row_that_is_gone_is_a_conflict_and_is_not_made_again() {
    let database = Database::shipped(Generation::V5_5).await;
    let fusionpbx = database.fusionpbx().await;
    let change = change_of(&fusionpbx, "users.password_length", "15").await;

    database.run("DELETE FROM v_default_settings WHERE default_setting_category = 'users'").await;
    let outcome = fusionpbx.change_setting(&change).await;

    assert!(matches!(outcome, Err(ChangeError::Conflict { now_there: None, .. })), "{outcome:?}");
    assert!(reading(&fusionpbx, "users.password_length").await.rows.is_empty());
}

/// ASVS 2.3.4.
#[tokio::test]
async fn of_many_writers_at_once_each_success_follows_what_was_seen() {
    two_writers(60).await;
}

/// Promise A6.
#[tokio::test]
#[ignore = "minutes: `make test-long`"]
async fn in_ten_thousand_rounds_of_two_writers_no_update_is_lost() {
    two_writers(10_000).await;
}

async fn two_writers(rounds: u32) {
    let database = Database::shipped(Generation::V5_5).await;
    let fusionpbx = database.fusionpbx().await;
    let owner = database.owner().await;
    let mut successes = 0;

    for round in 0..rounds {
        let change = change_of(&fusionpbx, "users.password_length", &(100 + round % 900).to_string()).await;
        let ours = fusionpbx.change_setting(&change);
        let theirs = sqlx::query(
            "UPDATE v_default_settings SET default_setting_description = $1 \
             WHERE default_setting_category = 'users' AND default_setting_subcategory = 'password_length'",
        );
        let (ours, theirs) = tokio::join!(ours, theirs.bind(round.to_string()).execute(&owner));
        theirs.unwrap();

        let now = reading(&fusionpbx, "users.password_length").await;
        let Expected::Row { stored: saw, .. } = &change.expected else { panic!("there is a row") };
        match ours {
            Ok(_) => {
                successes += 1;
                assert_eq!(now.row().unwrap().stored, change.new);
            }
            Err(ChangeError::Conflict { .. } | ChangeError::Locked) => assert_eq!(now.row().unwrap().stored, *saw),
            Err(other) => panic!("{other:?}"),
        }
    }

    let description: String = sqlx::query_scalar(
        "SELECT default_setting_description FROM v_default_settings \
         WHERE default_setting_category = 'users' AND default_setting_subcategory = 'password_length'",
    )
    .fetch_one(&owner)
    .await
    .unwrap();
    assert_eq!(
        description,
        (rounds - 1).to_string(),
        "FusionPBX's own change is never lost ({successes} of ours went through)"
    );
}

#[tokio::test]
async fn a_missing_setting_is_inserted_once_by_two_writers_at_once() {
    for generation in GENERATIONS {
        let (category, _) = users(generation);
        let name = format!("{category}.password_length");
        let database = Database::shipped(generation).await;
        let empty = format!("DELETE FROM v_default_settings WHERE default_setting_category = '{category}'");
        database.run(&empty).await;
        let one = database.fusionpbx().await;
        let other = database.fusionpbx().await;
        let change = change_of(&one, &name, "15").await;
        assert_eq!(change.expected, Expected::Missing);

        let (first, second) = tokio::join!(one.change_setting(&change), other.change_setting(&change));

        let (made, refused) = if first.is_ok() { (first, second) } else { (second, first) };
        let made = made.unwrap();
        assert_eq!(made.before, None);
        assert!(
            matches!(refused, Err(ChangeError::Conflict { you_saw: None, now_there: Some(_), .. })),
            "{refused:?}"
        );
        let now = reading(&one, &name).await;
        assert_eq!((now.rows.len(), now.value()), (1, Some("15")), "{generation:?}");
        assert_eq!(now.row(), Some(&made.after));

        let undo = Change {
            expected: Expected::from(&made.after),
            new: Stored { enabled: false, ..made.after.stored.clone() },
            ..change
        };
        one.change_setting(&undo).await.unwrap();
        assert_eq!(reading(&one, &name).await.value(), None);
    }
}

#[tokio::test]
async fn a_tenants_override_is_changed_and_no_other_row_can_be_named() {
    for generation in GENERATIONS {
        let database = Database::town(generation).await;
        let fusionpbx = database.fusionpbx().await;
        let global = fusionpbx.global_policy().await.unwrap();
        let wanted = OverridesWanted { search: "east".to_owned(), limit: 10, ..Default::default() };
        let page = fusionpbx.overrides(&Reach::Everything, &global, &wanted).await.unwrap();
        let east = page.overrides.first().unwrap();
        let change = Change {
            scope: Scope::Tenant(east.tenant.id),
            key: east.key,
            expected: Expected::from(&east.row),
            new: stored("15"),
        };

        let of_another = Change { scope: Scope::Tenant(TenantId(Uuid::new_v4())), ..change.clone() };
        let other_key = Change { key: key("voicemail.password_length"), ..change.clone() };
        let none_there = Change { expected: Expected::Missing, ..change.clone() };
        for wrong in [of_another, other_key, none_there] {
            let outcome = fusionpbx.change_setting(&wrong).await;
            assert!(matches!(outcome, Err(ChangeError::NotASetting)), "{outcome:?}");
        }
        let changed = fusionpbx.change_setting(&change).await.unwrap();

        assert_eq!(changed.before, Some(stored("8")), "{generation:?}");
        let page = fusionpbx.overrides(&Reach::Everything, &global, &wanted).await.unwrap();
        assert_eq!(page.overrides.first().unwrap().row, changed.after);
    }
}

#[tokio::test]
async fn the_row_of_a_secret_can_not_be_written_under_the_name_of_a_password_setting() {
    let database = Database::shipped(Generation::V5_5).await;
    let fusionpbx = database.fusionpbx().await;
    let row: (Uuid, String) = sqlx::query_as(
        "SELECT default_setting_uuid, xmin::text FROM v_default_settings \
         WHERE default_setting_subcategory = 'smtp_password'",
    )
    .fetch_one(&database.owner().await)
    .await
    .unwrap();
    let saw = Stored { value: None, enabled: true };
    let expected = Expected::Row { id: SettingId(row.0), stored: saw, xmin: row.1 };

    let change = Change { scope: Scope::Global, key: key("users.password_length"), expected, new: stored("15") };
    let outcome = fusionpbx.change_setting(&change).await;

    assert!(matches!(outcome, Err(ChangeError::NotASetting)), "{outcome:?}");
}

#[tokio::test]
async fn a_row_that_someone_holds_is_locked_within_three_seconds_and_stays_as_it_was() {
    let database = Database::shipped(Generation::V5_5).await;
    let fusionpbx = database.fusionpbx().await;
    let change = change_of(&fusionpbx, "users.password_length", "15").await;
    let owner = database.owner().await;
    let mut holder = owner.begin().await.unwrap();
    sqlx::query("SELECT FROM v_default_settings FOR UPDATE").execute(&mut *holder).await.unwrap();

    let start = std::time::Instant::now();
    let outcome = fusionpbx.change_setting(&change).await;

    assert!(matches!(outcome, Err(ChangeError::Locked)), "{outcome:?}");
    assert!(start.elapsed().as_secs() < 3);
    holder.rollback().await.unwrap();
    assert_eq!(reading(&fusionpbx, "users.password_length").await.value(), Some("12"));
}

#[tokio::test]
async fn a_superuser_only_reads_and_so_does_a_role_without_grants() {
    let database = Database::shipped(Generation::V5_5).await;
    let superuser = database.as_superuser().await;
    let change = change_of(&superuser, "users.password_length", "15").await;

    let as_superuser = superuser.change_setting(&change).await;
    database.run("REVOKE UPDATE (default_setting_value) ON v_default_settings FROM rampart").await;
    let without_grant = database.fusionpbx().await.change_setting(&change).await;

    assert!(matches!(as_superuser, Err(ChangeError::ReadOnly { .. })), "{as_superuser:?}");
    assert!(matches!(without_grant, Err(ChangeError::ReadOnly { .. })), "{without_grant:?}");
    assert_eq!(reading(&superuser, "users.password_length").await.value(), Some("12"));
}

#[tokio::test]
async fn a_missing_column_stops_a_change_before_anything_is_written() {
    let database = Database::shipped(Generation::V5_5).await;
    let fusionpbx = database.fusionpbx().await;
    let change = change_of(&fusionpbx, "users.password_length", "15").await;
    database.run("ALTER TABLE v_default_settings DROP default_setting_order").await;

    let outcome = fusionpbx.change_setting(&change).await;

    assert!(matches!(outcome, Err(ChangeError::Failed(_))), "{outcome:?}");
    let value: String = sqlx::query_scalar(
        "SELECT default_setting_value FROM v_default_settings \
         WHERE default_setting_category = 'users' AND default_setting_subcategory = 'password_length'",
    )
    .fetch_one(&database.owner().await)
    .await
    .unwrap();
    assert_eq!(value, "12");
}
