//! A survey of the demo's town finds each fault that was planted there.

use rampart::app::demo::fusionpbx::{Generation, ROLE};
use rampart::app::demo::town::HOSTILE_NAME;
use rampart::fusionpbx::survey::Survey;

use crate::support::fusionpbx::Database;

const GENERATIONS: [Generation; 2] = [Generation::V5_0, Generation::V5_5];

fn global<'a>(survey: &'a Survey, category: &str, subcategory: &str) -> (Option<&'a str>, u32) {
    let policy = survey.policy.as_ref().unwrap();
    let is_it = |one: &&rampart::fusionpbx::survey::EffectiveSetting| {
        one.category == category && one.subcategory == subcategory
    };
    let found = policy.global.iter().find(is_it).unwrap();
    (found.value.as_deref(), found.enabled_rows)
}

#[tokio::test]
async fn a_survey_of_4_4_reads_its_own_categories_and_its_own_table_of_groups() {
    let survey = Database::town(Generation::V4_4).await.fusionpbx().await.survey().await.unwrap();

    assert_eq!(survey.version.as_deref(), Some("4.4.1"));
    assert_eq!(global(&survey, "user", "password_length"), (Some("10"), 1));
    assert_eq!(global(&survey, "security", "password_length"), (Some("10"), 1));
    let policy = survey.policy.as_ref().unwrap();
    assert!(policy.global.iter().all(|one| one.category != "users" && one.category != "extension"));
    assert_eq!(policy.weaker_tenants, 3);
    let users = survey.users.as_ref().unwrap();
    assert_eq!((users.enabled, users.superadmin_count), (39, 2));
    assert_eq!((users.legacy_hashes.clone(), users.with_api_key.clone()), (Ok(1), Ok(1)));
    assert!(users.admins_without_totp.is_err(), "4.4 has no second factor");
}

#[tokio::test]
async fn every_planted_fault_is_found_in_both_generations() {
    for generation in GENERATIONS {
        let survey = Database::town(generation).await.fusionpbx().await.survey().await.unwrap();

        let version = if generation == Generation::V5_0 { "5.0.1" } else { "5.5.7" };
        assert_eq!(survey.version.as_deref(), Some(version));
        assert_eq!((survey.role.name.as_str(), survey.role.superuser), ("rampart", false));
        assert!(survey.role.may_write_settings);
        assert_eq!(survey.tenants.as_ref().unwrap().len(), 12);
        assert!(survey.tenants.as_ref().unwrap().iter().any(|name| name == HOSTILE_NAME));

        assert_eq!(global(&survey, "users", "password_length"), (Some("12"), 1), "{generation:?}");
        assert_eq!(
            global(&survey, "voicemail", "password_length"),
            (Some("4"), 2),
            "the doubled row, at its weakest"
        );
        let policy = survey.policy.as_ref().unwrap();
        assert_eq!((policy.weaker_tenants, policy.weaker_examples.len()), (3, 4));
        assert!(policy.weaker_examples.contains(&"east.example.test: users.password_length = 8".to_owned()));
        assert!(policy.global.iter().all(|one| one.category != "security"), "settings of 4.4 are not shown");

        let users = survey.users.as_ref().unwrap();
        assert_eq!((users.enabled, users.superadmin_count), (39, 2), "{generation:?}");
        assert_eq!(users.superadmins, ["installer@north.example.test", "root@north.example.test"]);
        assert_eq!((users.legacy_hashes.clone(), users.with_api_key.clone()), (Ok(1), Ok(1)));

        let provisioning = survey.provisioning.as_ref().unwrap();
        assert!(provisioning.enabled && provisioning.http_auth_enabled && provisioning.auto_insert);
        assert!(!provisioning.has_username && !provisioning.has_password && provisioning.networks.is_empty());

        let lists = survey.access_lists.as_ref().unwrap();
        let open: Vec<&str> = lists
            .iter()
            .filter(|list| list.allows.iter().any(|(network, _)| network == "0.0.0.0/0"))
            .map(|list| list.default.as_str())
            .collect();
        assert_eq!((lists.len(), open), (2, vec!["deny"]));
    }
}

#[tokio::test]
async fn second_factors_are_counted_where_the_column_exists() {
    let with = Database::town(Generation::V5_5).await.fusionpbx().await.survey().await.unwrap();
    let without = Database::town(Generation::V5_0).await.fusionpbx().await.survey().await.unwrap();

    assert_eq!(with.users.unwrap().admins_without_totp, Ok(13));
    let reason = without.users.unwrap().admins_without_totp.unwrap_err();
    assert_eq!(reason, "this FusionPBX has no column v_users.user_totp_secret");
}

#[tokio::test]
async fn without_the_optional_grant_the_accounts_parts_say_so_and_the_rest_goes_on() {
    let database = Database::town(Generation::V5_5).await;
    database.grant(ROLE).await;

    let survey = database.fusionpbx().await.survey().await.unwrap();

    let users = survey.users.unwrap();
    assert_eq!(users.enabled, 39);
    for (part, column) in [
        (users.legacy_hashes, "password"),
        (users.with_api_key, "api_key"),
        (users.admins_without_totp, "user_totp_secret"),
    ] {
        let reason = part.unwrap_err();
        assert_eq!(reason, format!("the database role may not do this: no grant to read v_users.{column}"));
    }
    assert!(survey.policy.is_ok() && survey.provisioning.is_ok());
}

#[tokio::test]
async fn a_table_that_is_gone_spoils_its_own_part_only() {
    let database = Database::town(Generation::V5_5).await;
    database
        .run("DROP TABLE v_access_control_nodes; ALTER TABLE v_domain_settings DROP domain_setting_enabled")
        .await;

    let survey = database.fusionpbx().await.survey().await.unwrap();

    assert_eq!(survey.access_lists.unwrap_err(), "this FusionPBX has no table v_access_control_nodes");
    assert_eq!(survey.policy.unwrap_err(), "this FusionPBX has no column v_domain_settings.domain_setting_enabled");
    assert!(survey.users.is_ok() && survey.tenants.is_ok());
}

#[tokio::test]
async fn a_superuser_role_is_told_as_one() {
    let database = Database::town(Generation::V5_5).await;

    let survey = database.as_superuser().await.survey().await.unwrap();

    assert!(survey.role.superuser && !survey.role.may_write_settings);
    assert!(!survey.role.superusers.contains(&"postgres".to_owned()));
}
