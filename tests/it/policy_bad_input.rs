//! Whatever FusionPBX's settings hold: the page is drawn, nothing of it runs, and a preset puts it right.

use rampart::app::demo::fusionpbx::Generation;
use rampart::fusionpbx::FusionPbx;
use rampart::fusionpbx::plan::PresetPlan;
use rampart::policy::preset::Preset;
use reqwest::StatusCode;

use crate::support::app::TestApp;
use crate::support::fusionpbx::Database;

fn users(generation: Generation) -> &'static str {
    if generation == Generation::V4_4 { "user" } else { "users" }
}

async fn value(fusionpbx: &FusionPbx, key: &str) -> Option<String> {
    let global = fusionpbx.global_policy().await.unwrap();
    let reading = global.iter().find(|reading| reading.key.to_string() == key).unwrap();
    reading.value().map(str::to_owned)
}

async fn write(database: &Database, category: &str, subcategory: &str, value: Option<&str>) {
    let owner = database.owner().await;
    let sql = "UPDATE v_default_settings SET default_setting_value = $1 \
         WHERE default_setting_category = $2 AND default_setting_subcategory = $3";
    sqlx::query(sql).bind(value).bind(category).bind(subcategory).execute(&owner).await.unwrap();
    owner.close().await;
}

const LENGTHS: [Option<&str>; 10] = [
    None,
    Some(""),
    Some("twelve"),
    Some("-5"),
    Some("1000000000"),
    Some("99999999999999999999999"),
    Some(" 12 "),
    Some("12.5"),
    Some("\u{202e}51\u{7}\u{1b}[2J"),
    Some("\"><script>alert(1)</script>"),
];

#[tokio::test]
async fn a_length_that_is_none_is_shown_as_text_and_a_preset_puts_it_right() {
    for generation in Generation::ALL {
        let database = Database::shipped(generation).await;
        let app = TestApp::start(database.fusionpbx().await.into()).await;
        let operator = app.operator().await;
        let fusionpbx = database.fusionpbx().await;
        let category = users(generation);

        for stored in LENGTHS {
            write(&database, category, "password_length", stored).await;

            let page = operator.get("/passwords").await;
            let plan = operator.get("/passwords/preset?name=nist").await;

            for answer in [&page, &plan] {
                assert_eq!(answer.status, StatusCode::OK, "{generation:?} {stored:?}");
                assert!(!answer.body.contains("<script>alert"), "{generation:?} {stored:?}");
                let marks = ['\u{202e}', '\u{7}', '\u{1b}'];
                assert!(!answer.words().contains(marks), "{generation:?} {stored:?}");
                let fields = scraper::Selector::parse("input:not([type=hidden])").unwrap();
                let is_plain =
                    |field: scraper::ElementRef<'_>| !field.attr("value").unwrap_or_default().contains(marks);
                assert!(answer.page().select(&fields).all(is_plain), "{generation:?} {stored:?}");
            }
            operator.press(&plan.form("/passwords/preset", &[]), &[]).await.assert_redirect("/passwords");
            let key = format!("{category}.password_length");
            assert_eq!(value(&fusionpbx, &key).await.as_deref(), Some("15"), "{generation:?} {stored:?}");
        }
    }
}

#[tokio::test]
async fn a_flag_is_on_as_php_says_and_a_preset_leaves_it_so() {
    for generation in Generation::ALL {
        let database = Database::shipped(generation).await;
        let fusionpbx = database.fusionpbx().await;
        let on = "UPDATE v_default_settings SET default_setting_enabled = true \
             WHERE default_setting_subcategory = 'password_complexity'";
        database.run(on).await;
        let is_settled = async || {
            let plan = PresetPlan::of(Preset::Nist, &fusionpbx.global_policy().await.unwrap());
            plan.steps.iter().all(|step| step.key.to_string() != "voicemail.password_complexity")
        };

        for on in ["true", "TRUE", "1", "on", "yes", " true "] {
            write(&database, "voicemail", "password_complexity", Some(on)).await;
            assert!(is_settled().await, "{generation:?} {on:?}");
        }
        for off in [None, Some(""), Some("false"), Some("0"), Some("2"), Some("enabled")] {
            write(&database, "voicemail", "password_complexity", off).await;
            assert!(!is_settled().await, "{generation:?} {off:?}");
        }
    }
}

#[tokio::test]
async fn a_secret_of_a_phone_is_named_by_its_state_and_its_value_never_leaves_the_database() {
    for generation in Generation::ALL {
        let database = Database::town(generation).await;
        let set = |subcategory: &str, value: &str| {
            format!(
                "INSERT INTO v_default_settings (default_setting_uuid, default_setting_category, \
                 default_setting_subcategory, default_setting_name, default_setting_value, default_setting_enabled) \
                 VALUES (gen_random_uuid(), 'provision', '{subcategory}', 'text', '{value}', true)"
            )
        };
        database.run("DELETE FROM v_default_settings WHERE default_setting_category = 'provision'").await;
        for (subcategory, value) in [
            ("http_auth_username", "phone-name-canary"),
            ("http_auth_password", "a long canary of 28 letters"),
            ("http_auth_password", "canary"),
            ("fanvil_menu_password", "123"),
            ("snom_admin_mode_password", "0000"),
            ("grandstream_wifi_password", ""),
            ("admin_password", "another canary of thirty letters"),
        ] {
            database.run(&set(subcategory, value)).await;
        }
        let tenant = "INSERT INTO v_domain_settings (domain_setting_uuid, domain_uuid, domain_setting_category, \
             domain_setting_subcategory, domain_setting_name, domain_setting_value, domain_setting_enabled) \
             SELECT gen_random_uuid(), domain_uuid, 'provision', 'http_auth_password', 'array', '4711', true \
             FROM v_domains ORDER BY domain_name LIMIT 3";
        database.run(tenant).await;
        let app = TestApp::start(database.fusionpbx().await.into()).await;
        let operator = app.operator().await;

        let page = operator.get("/passwords").await;
        let secrets = page.text("section[aria-labelledby=secrets] tbody");

        for said in [
            "provision.http_auth_username – set",
            "provision.http_auth_password ✕ weak 2 rows count. Tenants with their own: 3, weak or shipped in 3 of them.",
            "provision.fanvil_menu_password ✕ shipped default",
            "provision.snom_admin_mode_password ✕ shipped default",
            "provision.grandstream_wifi_password – empty",
            "provision.admin_password ✓ set",
        ] {
            let said = said.replace("http_auth_username – set", "http_auth_username ✓ set");
            assert!(secrets.contains(&said), "{generation:?}: {said}: {secrets}");
        }
        assert!(!page.body.contains("canary") && !page.body.contains("4711"), "{generation:?}");
        let forged = operator
            .submit(
                "/passwords/settings",
                &[("scope", "global"), ("key", "provision.http_auth_password"), ("row", "missing"), ("value", "x")],
            )
            .await;
        assert_eq!(forged.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_preview_is_drawn_without_a_script_and_answers_the_script_and_is_kept_nowhere() {
    let database = Database::shipped(Generation::V5_5).await;
    let app = TestApp::start(database.fusionpbx().await.into()).await;
    let operator = app.operator().await;
    let kept = app.everything_kept().await;

    let page = operator.get("/passwords/preview?kind=extension&length=20&strength=4&special=on").await;
    let json = operator.json("/passwords/preview?kind=voicemail&length=4&complexity=on&least=6&as=json").await;
    let again = operator.json("/passwords/preview?kind=voicemail&length=4&complexity=on&least=6&as=json").await;
    let wrong = operator.get("/passwords/preview?kind=users&length=%22%3E%3Cscript%3E&as=json").await;

    assert_eq!(page.headers["cache-control"], "no-store");
    assert!(page.words().contains("121.3 bits") && page.words().contains("used nowhere"), "{}", page.words());
    assert!(page.words().contains("11.0 %"), "(60/67)^20: {}", page.words());
    assert_eq!(json["facts"][4][1], "always", "shorter than the least length: {json}");
    assert_eq!(json["examples"].as_array().unwrap().len(), 5);
    assert_ne!(json["examples"], again["examples"]);
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        wrong.body.contains("a whole number from 1 to 128") && !wrong.body.contains("<script>"),
        "{}",
        wrong.body
    );
    assert_eq!(app.everything_kept().await, kept, "a look changes nothing");
    let passwords = operator.get("/passwords").await.words();
    assert_eq!(passwords.matches("used nowhere").count(), 3, "one for each kind");
}
