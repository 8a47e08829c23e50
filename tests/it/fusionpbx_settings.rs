//! Password settings, read through the restricted role from every generation.

use rampart::app::demo::fusionpbx::Generation;
use rampart::app::demo::town::HOSTILE_NAME;
use rampart::base::ids::{SettingId, TenantId};
use rampart::base::role::{OwnDomain, Reach};
use rampart::fusionpbx::overrides::{Override, OverridesWanted};
use rampart::fusionpbx::settings::Level;
use rampart::fusionpbx::tenants::TenantsWanted;
use rampart::fusionpbx::{
    Change, ChangeError, Expected, FusionPbx, FusionPbxError, PolicyReading, Scope, Stored, Winner,
};
use rampart::policy::{Era, Key};
use uuid::Uuid;

use crate::support::fusionpbx::Database;

const GENERATIONS: [Generation; 3] = Generation::ALL;

async fn reading(fusionpbx: &FusionPbx, key: &str) -> PolicyReading {
    let key = Key::parse(key).unwrap();
    let readings = fusionpbx.global_policy().await.unwrap();
    readings.into_iter().find(|reading| reading.key == key).unwrap()
}

async fn value(fusionpbx: &FusionPbx, key: &str) -> Option<String> {
    reading(fusionpbx, key).await.value().map(str::to_owned)
}

#[tokio::test]
async fn the_shipped_settings_are_read_in_every_generation() {
    for generation in GENERATIONS {
        let database = Database::shipped(generation).await;
        let fusionpbx = database.fusionpbx().await;
        let shipped = match generation {
            Generation::V4_4 => [("security.password_length", Some("10")), ("user.password_length", Some("10"))],
            _ => [("extension.password_length", Some("20")), ("users.password_length", Some("12"))],
        };

        for (key, expected) in shipped {
            assert_eq!(value(&fusionpbx, key).await.as_deref(), expected, "{generation:?} {key}");
        }
        // Shipped with a value, and not enabled.
        assert_eq!(value(&fusionpbx, "voicemail.password_min_length").await, None, "{generation:?}");
    }
}

#[tokio::test]
async fn what_a_setting_does_is_told_by_the_tables_and_not_by_the_version_that_is_written_there() {
    for generation in GENERATIONS {
        let database = Database::shipped(generation).await;
        database.run("UPDATE v_software SET software_version = '9.9.9'").await;
        let fusionpbx = database.fusionpbx().await;

        let shown: Vec<String> = fusionpbx.global_policy().await.unwrap().iter().filter_map(told).collect();
        let era = fusionpbx.evidence().await.unwrap().era();

        let (expected_era, expected): (Era, &[&str]) = match generation {
            Generation::V4_4 => (
                Era::V4_4,
                &[
                    "voicemail.password_length generates only",
                    "provision.http_auth_type asked of phones",
                    "user.password_length checked on save",
                    "security.password_length generates only",
                ],
            ),
            Generation::V5_0 => (
                Era::V5_0,
                &[
                    "extension.password_length generates only",
                    "extension.password_special not used",
                    "users.password_length checked on save",
                    "voicemail.password_length generates only",
                    "provision.http_auth_type asked of phones",
                ],
            ),
            Generation::V5_5 => (
                Era::V5_5,
                &[
                    "extension.password_length generates only",
                    "extension.password_special not used",
                    "users.password_length checked on save",
                    "voicemail.password_length generates only",
                    "provision.http_auth_type asked of phones",
                ],
            ),
        };
        assert_eq!(era, expected_era);
        assert_eq!(shown, expected, "{generation:?}");
    }
}

/// One setting of each kind, with what it does.
fn told(reading: &PolicyReading) -> Option<String> {
    let is_told = matches!(reading.key.subcategory(), "password_length" | "http_auth_type")
        || reading.key.to_string() == "extension.password_special";
    let told = format!("{} {}", reading.key, reading.treatment().enforcement.words());
    (is_told && reading.is_shown()).then_some(told)
}

#[tokio::test]
async fn what_4_4_left_behind_is_shown_after_an_upgrade_and_said_to_do_nothing() {
    let database = Database::shipped(Generation::V5_5).await;
    let left = "INSERT INTO v_default_settings (default_setting_uuid, default_setting_category, \
         default_setting_subcategory, default_setting_value, default_setting_enabled) \
         VALUES (gen_random_uuid(), 'security', 'password_length', '10', true)";
    database.run(left).await;
    let fusionpbx = database.fusionpbx().await;

    let left = reading(&fusionpbx, "security.password_length").await;
    let other = reading(&fusionpbx, "user.password_length").await;

    assert!(left.is_shown() && !left.treatment().has_effect());
    assert!(!other.is_shown());
}

/// What stands at each level, as value and SQL flag, and what FusionPBX then uses.
type Case = (&'static str, [Option<(&'static str, &'static str)>; 3], Option<(&'static str, Level)>);

const RESOLUTION: [Case; 8] = [
    ("only the default", [Some(("'12'", "true")), None, None], Some(("12", Level::Default))),
    ("domain over default", [Some(("'12'", "true")), Some(("'16'", "true")), None], Some(("16", Level::Domain))),
    (
        "user over domain",
        [Some(("'12'", "true")), Some(("'16'", "true")), Some(("'18'", "true"))],
        Some(("18", Level::User)),
    ),
    ("a disabled domain row", [Some(("'12'", "true")), Some(("'16'", "false")), None], Some(("12", Level::Default))),
    ("a NULL flag is off", [Some(("'12'", "true")), Some(("'16'", "NULL")), None], Some(("12", Level::Default))),
    ("an empty value is skipped", [Some(("'12'", "true")), Some(("''", "true")), None], Some(("12", Level::Default))),
    ("a NULL value is skipped", [Some(("'12'", "true")), None, Some(("NULL", "true"))], Some(("12", Level::Default))),
    ("nothing enabled", [Some(("'12'", "false")), None, None], None),
];

#[tokio::test]
async fn settings_are_resolved_as_fusionpbx_does_it() {
    for generation in GENERATIONS {
        let database = Database::shipped(generation).await;
        let fusionpbx = database.fusionpbx().await;
        let (tenant, user) = (Uuid::new_v4(), Uuid::new_v4());
        let key = Key::parse("users.password_length").unwrap();

        for (name, levels, expected) in RESOLUTION {
            for (table, prefix, owner, columns) in [
                ("v_default_settings", "default", String::new(), ""),
                ("v_domain_settings", "domain", format!(", '{tenant}'"), ", domain_uuid"),
                ("v_user_settings", "user", format!(", '{tenant}', '{user}'"), ", domain_uuid, user_uuid"),
            ] {
                let place = ["default", "domain", "user"].iter().position(|level| *level == prefix).unwrap();
                let clear = format!("DELETE FROM {table} WHERE {prefix}_setting_subcategory = 'password_length'");
                database.run(&clear).await;
                if let Some((value, enabled)) = levels[place] {
                    let insert = format!(
                        "INSERT INTO {table} ({prefix}_setting_uuid, {prefix}_setting_category, \
                         {prefix}_setting_subcategory, {prefix}_setting_value, {prefix}_setting_enabled{columns}) \
                         VALUES (gen_random_uuid(), 'users', 'password_length', {value}, {enabled}{owner})"
                    );
                    database.run(&insert).await;
                }
            }

            let policy = fusionpbx.effective_policy(TenantId(tenant), Some(user)).await.unwrap();

            let found = policy.into_iter().find(|one| one.key == key).unwrap().value;
            let expected = expected.map(|(value, level)| (value.to_owned(), level));
            assert_eq!(found, expected, "{generation:?}: {name}");
        }
    }
}

#[tokio::test]
async fn the_last_of_several_rows_by_order_wins_and_a_tie_is_reported() {
    let database = Database::shipped(Generation::V5_5).await;
    let fusionpbx = database.fusionpbx().await;
    let add = |value: &str, order: &str| {
        format!(
            "INSERT INTO v_default_settings (default_setting_uuid, default_setting_category, default_setting_subcategory, \
             default_setting_value, default_setting_order, default_setting_enabled) \
             VALUES (gen_random_uuid(), 'users', 'password_length', '{value}', {order}, true)"
        )
    };
    let order_the_shipped = "UPDATE v_default_settings SET default_setting_order = 5 \
         WHERE default_setting_category = 'users' AND default_setting_subcategory = 'password_length'";
    database.run(order_the_shipped).await;
    database.run(&add("30", "10")).await;

    let ordered = reading(&fusionpbx, "users.password_length").await;
    database.run(&add("9", "10")).await;
    let tied = reading(&fusionpbx, "users.password_length").await;

    assert_eq!((ordered.winner.clone(), ordered.value()), (Winner::Row(1), Some("30")));
    assert!(matches!(tied.winner, Winner::Unclear(_)), "{tied:?}");
    assert_eq!((tied.enabled_rows(), tied.value()), (3, Some("9")));
}

#[tokio::test]
async fn a_missing_column_is_named_and_noticed_again_once_it_is_back() {
    let database = Database::shipped(Generation::V5_5).await;
    let fusionpbx = database.fusionpbx().await;
    fusionpbx.global_policy().await.unwrap();

    database.run("ALTER TABLE v_default_settings RENAME default_setting_order TO sort_order").await;
    let first = fusionpbx.global_policy().await.unwrap_err();
    let second = fusionpbx.global_policy().await.unwrap_err();
    database.run("ALTER TABLE v_default_settings RENAME sort_order TO default_setting_order").await;
    let third = fusionpbx.global_policy().await;

    assert!(matches!(first, FusionPbxError::Altered { .. }), "{first}");
    assert_eq!(second.to_string(), "this FusionPBX has no column v_default_settings.default_setting_order");
    assert!(third.is_ok());
}

#[tokio::test]
async fn a_flag_that_changes_its_type_under_us_is_read_rightly_at_the_second_try() {
    let database = Database::shipped(Generation::V5_0).await;
    let fusionpbx = database.fusionpbx().await;
    fusionpbx.global_policy().await.unwrap();

    let upgrade = "ALTER TABLE v_default_settings ALTER default_setting_enabled TYPE text \
         USING CASE WHEN default_setting_enabled THEN 'true' ELSE 'false' END";
    database.run(upgrade).await;
    drop(fusionpbx.global_policy().await);

    assert_eq!(value(&fusionpbx, "users.password_length").await.as_deref(), Some("12"));
}

async fn every_override(fusionpbx: &FusionPbx, wanted: OverridesWanted) -> Vec<Override> {
    let global = fusionpbx.global_policy().await.unwrap();
    let mut wanted = wanted;
    let mut all = Vec::new();
    loop {
        let page = fusionpbx.overrides(&Reach::Everything, &global, &wanted).await.unwrap();
        all.extend(page.overrides);
        if page.next.is_none() {
            return all;
        }
        wanted.after = page.next;
    }
}

#[tokio::test]
async fn overrides_come_weaker_first_page_by_page() {
    for generation in GENERATIONS {
        let database = Database::town(generation).await;
        let fusionpbx = database.fusionpbx().await;

        let (made, users) = match generation {
            Generation::V4_4 => ("security", "user"),
            _ => ("extension", "users"),
        };

        let all = every_override(&fusionpbx, OverridesWanted { limit: 3, ..Default::default() }).await;

        let told: Vec<String> = all
            .iter()
            .map(|one| {
                let stored = &one.row.stored;
                format!("{} {} {:?} {} {}", one.tenant.name, one.key, stored.value, stored.enabled, one.is_weaker)
            })
            .collect();
        assert_eq!(
            told,
            [
                format!("{HOSTILE_NAME} {made}.password_length Some(\"6\") true true"),
                format!("east.example.test {users}.password_length Some(\"8\") true true"),
                format!("harbour.example.test {made}.password_length Some(\"8\") true true"),
                format!("harbour.example.test {made}.password_strength Some(\"1\") true true"),
                "bridge.example.test voicemail.password_length Some(\"10\") true false".to_owned(),
                format!("castle.example.test {users}.password_length Some(\"16\") true false"),
                format!("market.example.test {users}.password_length Some(\"\") true false"),
                format!("west.example.test {users}.password_length Some(\"4\") false false"),
            ],
            "{generation:?}"
        );
    }
}

#[tokio::test]
async fn overrides_can_be_searched_and_a_lost_place_begins_again() {
    let database = Database::town(Generation::V5_5).await;
    let fusionpbx = database.fusionpbx().await;
    let global = fusionpbx.global_policy().await.unwrap();
    let search = |search: &str| OverridesWanted { search: search.to_owned(), limit: 50, ..Default::default() };

    let harbour = fusionpbx.overrides(&Reach::Everything, &global, &search("HARBOUR")).await.unwrap();
    let nobody = fusionpbx.overrides(&Reach::Everything, &global, &search("' OR 1=1 --%")).await.unwrap();
    let lost = OverridesWanted { after: Some(SettingId(Uuid::new_v4())), limit: 50, ..Default::default() };
    let lost = fusionpbx.overrides(&Reach::Everything, &global, &lost).await.unwrap();
    let of_key = OverridesWanted { key: Key::parse("extension.password_strength"), limit: 50, ..Default::default() };
    let of_key = fusionpbx.overrides(&Reach::Everything, &global, &of_key).await.unwrap();

    assert_eq!((harbour.overrides.len(), harbour.total, harbour.weaker, harbour.weaker_tenants), (2, 2, 2, 1));
    assert_eq!((nobody.overrides.len(), nobody.total), (0, 0));
    assert_eq!((lost.overrides.len(), lost.weaker, lost.weaker_tenants), (8, 4, 3));
    assert_eq!(of_key.overrides.len(), 1);
    let one = &of_key.overrides[0];
    let by_id = OverridesWanted { id: Some(one.row.id), limit: 50, ..Default::default() };
    assert_eq!(fusionpbx.overrides(&Reach::Everything, &global, &by_id).await.unwrap().overrides, of_key.overrides);
    let own = Reach::Domain(OwnDomain { id: one.tenant.id, name: String::new(), host: None });
    let all = OverridesWanted { limit: 50, ..Default::default() };
    assert_eq!(fusionpbx.overrides(&own, &global, &all).await.unwrap().overrides, harbour.overrides);
}

#[tokio::test]
async fn values_that_are_no_numbers_count_as_weaker_and_break_nothing() {
    let database = Database::town(Generation::V5_5).await;
    let fusionpbx = database.fusionpbx().await;
    let hostile = "UPDATE v_domain_settings SET domain_setting_value = '99999999999999999999999x<script>', \
         domain_setting_enabled = true WHERE domain_setting_value = '16'";
    database.run(hostile).await;
    database
        .run("UPDATE v_domain_settings SET domain_setting_value = repeat('9', 400) WHERE domain_setting_value = '10'")
        .await;

    let all = every_override(&fusionpbx, OverridesWanted { limit: 200, ..Default::default() }).await;

    let weaker: Vec<&str> = all.iter().filter(|one| one.is_weaker).map(|one| one.tenant.name.as_str()).collect();
    assert!(weaker.contains(&"castle.example.test"), "{weaker:?}");
    assert!(!weaker.contains(&"bridge.example.test"), "{weaker:?}");
}

/// ASVS 1.2.4, 1.1.2.
#[tokio::test]
async fn a_hostile_tenant_name_comes_through_letter_by_letter() {
    let database = Database::town(Generation::V5_5).await;
    let fusionpbx = database.fusionpbx().await;

    let wanted = TenantsWanted { search: "ONERROR".to_owned(), limit: 10, after: None };
    let found = fusionpbx.tenants(&wanted).await.unwrap();

    assert_eq!(found.tenants.len(), 1);
    assert_eq!(found.tenants[0].name, HOSTILE_NAME);
}

#[tokio::test]
async fn tenants_are_read_page_by_page_each_once() {
    let database = Database::town(Generation::V5_0).await;
    let fusionpbx = database.fusionpbx().await;

    let mut wanted = TenantsWanted { limit: 5, ..Default::default() };
    let mut names = Vec::new();
    loop {
        let page = fusionpbx.tenants(&wanted).await.unwrap();
        assert_eq!(page.total, 12);
        names.extend(page.tenants.into_iter().map(|tenant| tenant.name));
        wanted.after = page.next;
        if page.next.is_none() {
            break;
        }
    }

    let mut sorted = names.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((names.len(), sorted), (12, names));
    assert_eq!(fusionpbx.count_tenants().await.unwrap(), 12);
}

#[tokio::test]
async fn with_thousands_of_overrides_an_answer_of_the_last_seconds_is_given_until_rampart_writes() {
    let database = Database::town(Generation::V5_5).await;
    let fusionpbx = database.fusionpbx().await;
    database
        .run(
            "INSERT INTO v_domain_settings (domain_setting_uuid, domain_uuid, domain_setting_category, \
                domain_setting_subcategory, domain_setting_name, domain_setting_value, domain_setting_enabled) \
             SELECT gen_random_uuid(), md5('tenant 1')::uuid, 'users', 'password_length', 'numeric', '8', true \
             FROM generate_series(1, 2500)",
        )
        .await;
    let read = async || {
        let global = fusionpbx.global_policy().await.unwrap();
        fusionpbx.overrides(&Reach::Everything, &global, &OverridesWanted::default()).await.unwrap()
    };
    let first = read().await;
    assert!(first.total > 2_000);
    assert_eq!(first.age, std::time::Duration::ZERO);

    let gone = "DELETE FROM v_domain_settings WHERE domain_setting_uuid = '{}'";
    let weakest = first.overrides[0].row.id;
    database.run(&gone.replace("{}", &weakest.to_string())).await;
    let second = read().await;
    let own = Change {
        scope: Scope::Tenant(first.overrides[0].tenant.id),
        key: first.overrides[0].key,
        expected: Expected::from(&first.overrides[0].row),
        new: Stored { value: Some("16".to_owned()), enabled: true },
    };
    // It is gone: a conflict, after which nothing old may be shown.
    assert!(matches!(fusionpbx.change_setting(&own).await, Err(ChangeError::Conflict { .. })));
    let third = read().await;

    assert_eq!(second.total, first.total, "an answer of the last seconds");
    assert!(second.age > std::time::Duration::ZERO);
    assert_eq!(third.total, first.total - 1);
    assert_eq!(third.age, std::time::Duration::ZERO);
}
