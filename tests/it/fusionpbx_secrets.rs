//! The audit of credentials finds what was planted in the demo's town, says what it may not read, and gives no secret away.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rampart::app::demo::fusionpbx::Generation;
use rampart::app::demo::process::Start;
use rampart::base::clock::{Clock as _, SystemClock};
use rampart::base::rng::SystemRandom;
use rampart::fusionpbx::FusionPbx;
use rampart::fusionpbx::secrets::Audited;
use rampart::policy::secrets::Reason;
use serde_json::Value;

use crate::agent_house::Scratch;
use crate::support::fusionpbx::Database;

const GENERATIONS: [Generation; 2] = [Generation::V5_0, Generation::V5_5];

/// What was found, by table, domain and place.
type Found = BTreeMap<(String, String, String), Vec<&'static str>>;

async fn audit(fusionpbx: &FusionPbx) -> (Found, Audited) {
    let mut found = Found::new();
    let mut take = |place: &rampart::fusionpbx::secrets::Place<'_>| {
        let key = (place.table.to_owned(), place.domain.to_owned(), place.place.to_owned());
        found.insert(key, place.reasons.iter().map(Reason::name).collect());
        Ok(())
    };
    let audited =
        fusionpbx.audit_secrets(&SystemRandom, (SystemClock.now(), Duration::from_mins(1)), &mut take).await.unwrap();
    (found, audited)
}

fn at<'a>(found: &'a Found, table: &str, domain: &str, place: &str) -> &'a [&'static str] {
    found.get(&(table.to_owned(), domain.to_owned(), place.to_owned())).map_or(&[], Vec::as_slice)
}

#[tokio::test]
async fn every_planted_weakness_is_found_in_both_generations_and_nothing_else() {
    for generation in GENERATIONS {
        let (found, audited) = audit(&Database::town(generation).await.fusionpbx().await).await;

        let extension = |place| at(&found, "v_extensions", "north.example.test", place);
        assert_eq!(
            extension("107"),
            ["equals-extension", "too-short", "one-class", "reused-across-tenants", "weaker-than-policy"]
        );
        assert!(extension("119").contains(&"sequential") && extension("119").contains(&"common"));
        assert_eq!(extension("123"), ["too-short", "guessable", "reused-across-tenants", "weaker-than-policy"]);
        assert!(extension("131").contains(&"keyboard-walk"));
        assert_eq!(found.keys().filter(|(table, ..)| table == "v_extensions").count(), 3 * 12 + 3, "{generation:?}");
        let mailbox = |place| at(&found, "v_voicemails", "mill.example.test", place);
        assert!(mailbox("101").contains(&"sequential"));
        assert!(mailbox("102").contains(&"equals-extension"));
        assert!(mailbox("112").contains(&"repeated"));
        // And one tenant asks for ten digits, where all others have eight.
        let planted = 12 * (5 + 3 + 2) + 40;
        let mailboxes = found.keys().filter(|(table, ..)| table == "v_voicemails").count();
        assert!((planted..planted + 4).contains(&mailboxes), "{mailboxes}: chance makes a pattern or two");
        let trunk = at(&found, "v_gateways", "east.example.test", "carrier1");
        assert_eq!(trunk, ["too-short", "guessable", "reused-across-tenants"]);
        assert_eq!(found.keys().filter(|(table, ..)| table == "v_gateways").count(), 4);
        let user = |place| at(&found, "v_users", "north.example.test", place);
        assert!(user("installer").contains(&"legacy-hash") && user("installer").contains(&"superadmin"));
        assert!(user("billing").contains(&"api-key") && user("billing").contains(&"never-signed-in"));
        assert!(user("admin").contains(&"default-name") && user("admin").contains(&"no-second-factor"));
        assert_eq!(user("root").contains(&"no-second-factor"), generation == Generation::V5_0);
        assert_eq!(audited.judged["v_extensions"], 600);
        assert_eq!(audited.judged["v_voicemails"], 600);
        assert_eq!(audited.totals["legacy-hash"], 1);
        let gaps: Vec<&str> = audited.not_tested.iter().map(|gap| gap.table).collect();
        let absent = [
            "v_pin_numbers",
            "v_conference_rooms",
            "v_conferences",
            "v_call_center_agents",
            "v_fax",
            "v_group_permissions",
        ];
        assert_eq!(gaps.iter().filter(|gap| !absent.contains(gap)).count(), 0, "{:?}", audited.not_tested);
    }
}

#[tokio::test]
async fn what_may_not_be_read_is_said_and_never_counted_as_good() {
    let database = Database::town(Generation::V5_5).await;
    let revoke = "REVOKE SELECT (password) ON v_extensions FROM rampart; \
                  REVOKE SELECT (api_key) ON v_users FROM rampart; REVOKE SELECT (result) ON v_user_logs FROM rampart";
    database.grant(revoke).await;

    let (found, audited) = audit(&database.fusionpbx().await).await;

    assert!(found.keys().all(|(table, ..)| table != "v_extensions"));
    assert!(!audited.judged.contains_key("v_extensions"), "not zero: not looked at");
    let gap = |table: &str| {
        let gap = audited.not_tested.iter().find(|gap| gap.table == table);
        gap.map(|gap| gap.reason.clone()).unwrap_or_default()
    };
    assert_eq!(gap("v_extensions"), "not permitted: no grant to read v_extensions.password");
    assert_eq!(gap("v_users"), "not permitted: no grant to read v_users.api_key");
    assert_eq!(gap("v_user_logs"), "not permitted: no grant to read v_user_logs.result");
    assert_eq!(audited.judged["v_voicemails"], 600, "the rest goes on");
    assert!(!audited.totals.contains_key("api-key") && !audited.totals.contains_key("never-signed-in"));
    assert_eq!(audited.totals["legacy-hash"], 1);
}

#[tokio::test]
async fn rows_that_row_level_security_hides_are_an_error_and_never_a_short_count() {
    let database = Database::town(Generation::V5_5).await;
    database
        .run(
            "ALTER TABLE v_extensions ENABLE ROW LEVEL SECURITY;
             CREATE POLICY part ON v_extensions FOR SELECT TO rampart USING (extension < '110')",
        )
        .await;

    let (found, audited) = audit(&database.fusionpbx().await).await;

    assert!(found.keys().all(|(table, ..)| table != "v_extensions"));
    assert!(!audited.judged.contains_key("v_extensions"));
    let gap = audited.not_tested.iter().find(|gap| gap.table == "v_extensions").unwrap();
    assert!(gap.reason.contains("row-level security"), "{}", gap.reason);
    assert_eq!(audited.judged["v_voicemails"], 600, "the rest goes on");
}

/// Rows as a careless import, a half-done deletion or a hostile tenant leaves them.
const HOSTILE: &str = "
DELETE FROM v_domains WHERE domain_name = 'south.example.test';
UPDATE v_extensions SET password = NULL WHERE extension = '101' AND user_context = 'north.example.test';
UPDATE v_extensions SET domain_uuid = NULL WHERE extension = '102' AND user_context = 'north.example.test';
UPDATE v_extensions SET enabled = NULL, password = E'\\u202e\\u0007' || repeat('x', 100000)
    WHERE extension = '103' AND user_context = 'north.example.test';
UPDATE v_extensions SET extension = E'\"><script>\\u202e104' WHERE extension = '104' AND user_context = 'north.example.test';
INSERT INTO v_extensions (extension_uuid) VALUES (md5('nothing at all')::uuid);
INSERT INTO v_extensions (extension_uuid, domain_uuid, extension, password, enabled)
    SELECT md5('double ' || n)::uuid, domain_uuid, '105', 'another-One-9!xQ7-double', NULL
    FROM v_domains, generate_series(1, 2) AS n WHERE domain_name = 'north.example.test';
INSERT INTO v_users (user_uuid, domain_uuid, username, password) VALUES (md5('nobody')::uuid, NULL, NULL, NULL);
INSERT INTO v_domain_settings (domain_setting_uuid, domain_uuid, domain_setting_category, domain_setting_subcategory,
    domain_setting_name, domain_setting_value, domain_setting_enabled)
    SELECT md5(value)::uuid, domain_uuid, 'voicemail', 'password_length', 'numeric', value, true
    FROM v_domains, unnest(ARRAY['-1', '1000000000', 'eight']) AS value WHERE domain_name = 'north.example.test';
";

#[tokio::test]
async fn rows_that_nobody_would_write_are_counted_with_their_place() {
    let database = Database::town(Generation::V5_5).await;
    database.run(HOSTILE).await;

    let (found, audited) = audit(&database.fusionpbx().await).await;

    let north = |place| at(&found, "v_extensions", "north.example.test", place);
    assert_eq!(north("101"), ["empty"]);
    assert_eq!(at(&found, "v_extensions", "", "102"), ["no-tenant"]);
    assert!(north("103").contains(&"disabled"), "a flag that is NULL is off: {:?}", north("103"));
    assert_eq!(at(&found, "v_extensions", "", ""), ["empty", "no-tenant", "disabled"]);
    assert!(north("105").contains(&"reused-here"), "{:?}", north("105"));
    let orphans =
        found.iter().filter(|((_, domain, _), reasons)| domain.is_empty() && reasons.contains(&"no-tenant"));
    assert!(orphans.count() >= 100, "every row of the tenant that is gone");
    assert!(audited.totals["no-tenant"] >= 100);
    assert_eq!(audited.judged["v_extensions"], 603);
}

#[tokio::test]
async fn a_copy_that_no_longer_fits_and_a_secret_used_as_a_pin_are_found() {
    let database = Database::town(Generation::V5_0).await;
    database
        .run(
            "UPDATE v_extensions SET password = '83920174' WHERE extension = '110' AND user_context = 'west.example.test';
             UPDATE v_voicemails SET voicemail_password = '83920174' WHERE voicemail_id = '110'
                AND domain_uuid = (SELECT domain_uuid FROM v_domains WHERE domain_name = 'west.example.test');
             UPDATE v_default_settings SET default_setting_enabled = true, default_setting_value = 'trunk123'
                WHERE default_setting_subcategory = 'http_auth_password'",
        )
        .await;

    let (found, _) = audit(&database.fusionpbx().await).await;

    assert!(at(&found, "v_extensions", "west.example.test", "110").contains(&"same-as-pin"));
    assert_eq!(at(&found, "v_voicemails", "west.example.test", "110"), ["same-as-pin"]);
    let stale: Vec<_> = found.iter().filter(|(_, reasons)| reasons.contains(&"stale-copy")).collect();
    assert_eq!(stale.len(), 1, "{stale:?}");
    assert!(stale[0].0.2.ends_with(" line 1"), "{stale:?}");
    let setting = at(&found, "v_default_settings", "", "provision.http_auth_password");
    assert_eq!(setting, ["too-short", "guessable", "reused-across-tenants"]);
}

/// What 4.4 has otherwise: numbers for mailboxes, text for flags, groups by another name, no log of sign-ins.
const LIKE_4_4: &str = "
ALTER TABLE v_voicemails ALTER voicemail_id TYPE numeric USING voicemail_id::numeric;
ALTER TABLE v_domains ALTER domain_enabled TYPE text USING domain_enabled::text;
ALTER TABLE v_default_settings ALTER default_setting_enabled TYPE text USING default_setting_enabled::text;
ALTER TABLE v_domain_settings ALTER domain_setting_enabled TYPE text USING domain_setting_enabled::text;
ALTER TABLE v_users ALTER api_key TYPE uuid USING NULL, DROP COLUMN user_email;
ALTER TABLE v_user_groups RENAME TO v_group_users;
DROP TABLE v_user_logs;
CREATE TABLE v_pin_numbers (pin_number_uuid uuid PRIMARY KEY, domain_uuid uuid, pin_number text, accountcode text, enabled text);
INSERT INTO v_pin_numbers SELECT md5('pin')::uuid, domain_uuid, '2468', 'code 2468', 'true' FROM v_domains
    WHERE domain_name = 'north.example.test';
CREATE TABLE v_conferences (conference_uuid uuid PRIMARY KEY, domain_uuid uuid, conference_extension text,
    conference_pin_number text, conference_enabled text);
INSERT INTO v_conferences SELECT md5('room')::uuid, domain_uuid, '3001', '3001', 'false' FROM v_domains
    WHERE domain_name = 'north.example.test';
CREATE TABLE v_call_center_agents (call_center_agent_uuid uuid PRIMARY KEY, domain_uuid uuid, agent_id text,
    agent_name text, agent_password text);
INSERT INTO v_call_center_agents SELECT md5('agent')::uuid, domain_uuid, '4001', 'Ann', '1111' FROM v_domains
    WHERE domain_name = 'north.example.test';
";

#[tokio::test]
async fn an_account_whose_password_is_its_phones_secret_or_pin_is_found() {
    for generation in GENERATIONS {
        let database = Database::town(generation).await;
        let owner = database.owner().await;
        let sip: String = sqlx::query_scalar(
            "SELECT password FROM v_extensions WHERE extension = '105' AND domain_uuid = md5('tenant 1')::uuid",
        )
        .fetch_one(&owner)
        .await
        .unwrap();
        let hash = bcrypt::hash(sip, 4).unwrap().replace("$2b$", "$2y$");
        sqlx::query(
            "UPDATE v_users SET password = CASE username WHEN 'ann' THEN $1 ELSE md5(salt || (
                 SELECT voicemail_password FROM v_voicemails
                 WHERE voicemail_id = '106' AND domain_uuid = md5('tenant 1')::uuid)) END
             WHERE username IN ('ann', 'installer') AND domain_uuid = md5('tenant 1')::uuid",
        )
        .bind(hash)
        .execute(&owner)
        .await
        .unwrap();
        database
            .run(
                "INSERT INTO v_extension_users (extension_user_uuid, domain_uuid, extension_uuid, user_uuid)
                 SELECT gen_random_uuid(), e.domain_uuid, e.extension_uuid, u.user_uuid
                 FROM v_extensions AS e JOIN v_users AS u ON u.domain_uuid = e.domain_uuid
                 WHERE e.domain_uuid = md5('tenant 1')::uuid
                   AND (e.extension, u.username) IN (('105', 'ann'), ('106', 'installer'), ('107', 'ben'))",
            )
            .await;

        let (found, audited) = audit(&database.fusionpbx().await).await;

        let user = |name| at(&found, "v_users", "north.example.test", name);
        assert!(user("ann").contains(&"same-as-phone"), "{generation:?}: {:?}", user("ann"));
        assert!(user("installer").contains(&"same-as-phone"), "{generation:?}: {:?}", user("installer"));
        assert!(!user("ben").contains(&"same-as-phone"));
        assert_eq!((audited.totals["same-as-phone"], audited.judged["v_extension_users"]), (2, 3));
        assert!(audited.not_tested.iter().all(|gap| gap.table != "v_extension_users"));

        // Too many to look at each: superadmins come first, and what was left out is said.
        database
            .run(
                "INSERT INTO v_extension_users (extension_user_uuid, domain_uuid, extension_uuid, user_uuid)
                 SELECT gen_random_uuid(), e.domain_uuid, e.extension_uuid, u.user_uuid
                 FROM generate_series(1, 6000), v_extensions AS e JOIN v_users AS u ON u.domain_uuid = e.domain_uuid
                 WHERE e.domain_uuid = md5('tenant 1')::uuid AND (e.extension, u.username) = ('108', 'cleo')",
            )
            .await;
        let (found, audited) = audit(&database.fusionpbx().await).await;
        assert!(at(&found, "v_users", "north.example.test", "installer").contains(&"same-as-phone"));
        let gap = audited.not_tested.iter().find(|gap| gap.table == "v_extension_users").unwrap();
        assert!(gap.reason.contains("of 6003 accounts with an extension were compared"), "{}", gap.reason);
    }
}

#[tokio::test]
async fn superadmins_without_a_network_guesses_by_the_hour_and_plain_trunks_are_listed() {
    for generation in GENERATIONS {
        let database = Database::town(generation).await;
        database
            .run(
                "INSERT INTO v_user_settings (user_setting_uuid, user_uuid, user_setting_category, user_setting_subcategory,
                     user_setting_value, user_setting_enabled)
                 SELECT gen_random_uuid(), user_uuid, 'domain', 'cidr', '192.0.2.0/24', true FROM v_users WHERE username = 'root';
                 INSERT INTO v_user_logs (user_log_uuid, timestamp, result, remote_address)
                 SELECT gen_random_uuid(), date_trunc('hour', now()), 'failure', address
                 FROM generate_series(1, 25) AS n, unnest(ARRAY['203.0.113.66', E'<b>\\u202e']) AS address;
                 INSERT INTO v_user_logs (user_log_uuid, timestamp, result, remote_address)
                 SELECT gen_random_uuid(), now() - interval '30 hours', 'failure', '203.0.113.7' FROM generate_series(1, 90);
                 UPDATE v_gateways SET register_transport = 'TLS' WHERE domain_uuid <> md5('tenant 1')::uuid",
            )
            .await;

        let (_, audited) = audit(&database.fusionpbx().await).await;

        assert_eq!(audited.anywhere.unwrap(), ["installer@north.example.test"], "{generation:?}");
        let bursts = audited.bursts.unwrap();
        assert_eq!(bursts.len(), 2, "{bursts:?}");
        assert!(
            bursts.iter().any(|line| line.starts_with("203.0.113.66: 25 refused within the hour of ")),
            "{bursts:?}"
        );
        assert_eq!(audited.plain_trunks.unwrap(), ["carrier1 registers over udp"]);
    }
}

#[tokio::test]
async fn a_database_of_4_4_is_judged_too() {
    let database = Database::town(Generation::V5_0).await;
    database.run(LIKE_4_4).await;

    let (found, audited) = audit(&database.as_superuser().await).await;

    assert!(at(&found, "v_voicemails", "mill.example.test", "102").contains(&"equals-extension"));
    assert!(at(&found, "v_users", "north.example.test", "root").contains(&"superadmin"));
    let pin = found.iter().find(|((table, ..), _)| table == "v_pin_numbers").unwrap();
    assert!(pin.1.contains(&"too-short") && !pin.0.2.contains("2468"), "{pin:?}");
    let room = found.iter().find(|((table, ..), _)| table == "v_conferences").unwrap();
    assert!(room.1.contains(&"equals-extension") && room.1.contains(&"disabled"));
    assert!(at(&found, "v_call_center_agents", "north.example.test", "Ann").contains(&"repeated"));
    let log = audited.not_tested.iter().find(|gap| gap.table == "v_user_logs").unwrap();
    assert_eq!(log.reason, "this FusionPBX has no table v_user_logs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_prints_json_without_a_console_and_without_a_secret() {
    let database = Database::town(Generation::V5_5).await;
    let house = Scratch::new();
    let url = database.url().await;
    std::fs::create_dir(house.path().join("state")).unwrap();

    let run = |format: &str| {
        let start = Start::program(env!("CARGO_BIN_EXE_rampart"), house.path()).arg("credentials").arg("audit");
        let start = start.arg("--format").arg(format).env("RAMPART_FUSIONPBX_URL", &url);
        let start = start.env("RAMPART_STATE_DIR", house.path().join("state"));
        tokio::task::block_in_place(|| start.env("RAMPART_LOG", "error").run()).unwrap()
    };
    let (json, text) = (run("json"), run("text"));

    let all: Value = serde_json::from_str(&json).unwrap();
    let places = all["places"].as_array().unwrap();
    let place = |place: &&Value| place["table"] == "v_extensions" && place["domain"] == "north.example.test";
    let first = places.iter().find(|one| place(one) && one["place"] == "107").unwrap();
    let keys: BTreeSet<&str> = first.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, BTreeSet::from(["domain", "place", "reasons", "table"]));
    assert!(first["reasons"].as_array().unwrap().contains(&Value::from("equals-extension")));
    let with = |reason: &str| {
        let has = |place: &&Value| place["reasons"].as_array().unwrap().contains(&Value::from(reason));
        u64::try_from(places.iter().filter(has).count()).unwrap()
    };
    for (reason, count) in all["totals"].as_object().unwrap() {
        assert_eq!(count.as_u64().unwrap(), with(reason), "{reason}");
    }
    assert!(all["not_tested"].is_array());
    assert!(text.contains("rows judged") && text.contains("equals-extension: the same as its number"));
    let owner = database.owner().await;
    let secrets: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT secret FROM (SELECT password AS secret FROM v_extensions UNION SELECT password FROM v_gateways \
            UNION SELECT password FROM v_users UNION SELECT api_key FROM v_users UNION SELECT user_totp_secret FROM v_users \
            UNION SELECT voicemail_password FROM v_voicemails) AS secrets WHERE length(secret) > 5",
    )
    .fetch_all(&owner)
    .await
    .unwrap();
    owner.close().await;
    assert!(secrets.len() > 600);
    for secret in secrets {
        assert!(!json.contains(&secret) && !text.contains(&secret), "{secret} was printed");
    }
}
