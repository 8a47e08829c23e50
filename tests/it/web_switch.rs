//! The page *XML RPC* through the front door, with a real agent and a fake FreeSWITCH.

use rampart::app::demo::fusionpbx::Generation;
use rampart::base::clock::{Clock as _, SystemClock, Timestamp};
use reqwest::StatusCode;

use crate::agent_house::{RunningAgent, Scratch, settings};
use crate::support::app::{NAME, Neighbours, TestApp};
use crate::support::authenticator::Authenticator;
use crate::support::browser::Browser;
use crate::support::freeswitch::{FakeSwitch, Fault};
use crate::support::fusionpbx::Database;

struct World {
    app: TestApp,
    operator: Browser,
    running: RunningAgent,
    switch: FakeSwitch,
    ann: Authenticator,
    _house: Scratch,
    database: Database,
}

impl World {
    async fn new(generation: Generation) -> Self {
        let (house, switch) = (Scratch::new(), FakeSwitch::start());
        let running = RunningAgent::start(&settings(house.path(), &switch.settings())).await;
        let database = Database::shipped(generation).await;
        let neighbours = Neighbours { agent: Some(running.agent.clone()), ..database.fusionpbx().await.into() };
        let app = TestApp::start(neighbours).await;
        // Before there is a second factor to be asked for.
        let operator = app.operator().await;
        let ann = Authenticator::enrol(&running.agent, &house.path().join("place"), NAME, &SystemClock).await;
        app.sweep.look(true).await;
        Self { app, operator, running, switch, ann, _house: house, database }
    }

    /// A code that was not used yet.
    fn code(&self) -> String {
        let now: Timestamp = SystemClock.now();
        self.ann.code(now.plus(std::time::Duration::from_secs(30))).expose().clone()
    }
}

#[tokio::test]
async fn an_operator_sees_what_is_wrong_changes_the_password_and_sees_it_once() {
    let world = World::new(Generation::V5_5).await;
    let operator = &world.operator;

    let page = operator.get("/xml-rpc").await;
    page.assert_says(StatusCode::OK, "XML RPC's password is the one that is shipped");
    page.assert_says(StatusCode::OK, "Who can reach XML RPC");
    assert!(!page.body.contains("db-secret"), "no secret is on the page");
    let change = [("act", "xml-rpc"), ("password", "made"), ("port", ""), ("realm", ""), ("user", "")];
    let plan = operator.submit("/xml-rpc", &change).await;
    plan.assert_says(StatusCode::OK, "the old file returns");
    let code = world.code();
    let done = operator.submit("/xml-rpc", &[&change[..], &[("code", code.as_str())]].concat()).await;

    done.assert_says(StatusCode::OK, "It is shown now and never again");
    let secret = done.text("pre code");
    assert_eq!(FakeSwitch::http(world.switch.xml_rpc, "freeswitch", secret.trim()), Some(200));
    assert_eq!(FakeSwitch::http(world.switch.xml_rpc, "freeswitch", "works"), Some(401));
    let entries = world.app.trail("switch.").await;
    assert_eq!((entries.len(), entries[0].outcome.as_str()), (1, "done"));
    assert!(!world.app.everything_kept().await.contains(secret.trim()), "the console keeps no secret");
    world.app.sweep.look(true).await;
    let after = operator.get("/xml-rpc").await;
    after.assert_says(StatusCode::OK, "XML RPC: a new password");
    assert!(!after.body.contains(secret.trim()));
    world.running.stop().await;
}

#[tokio::test]
async fn a_password_that_is_typed_is_asked_for_beside_the_code_and_never_sent_back() {
    let world = World::new(Generation::V5_5).await;
    let operator = &world.operator;
    let change = [("act", "xml-rpc"), ("password", "typed"), ("port", ""), ("realm", ""), ("user", "")];

    let plan = operator.submit("/xml-rpc", &change).await;
    plan.assert_says(StatusCode::OK, "XML RPC: a new password");
    let short = [&change[..], &[("typed", "Short-1"), ("code", "000000")]].concat();
    let faulty = operator.submit("/xml-rpc", &short).await;
    faulty.assert_says(StatusCode::UNPROCESSABLE_ENTITY, "12 to 64 letters");
    assert!(!faulty.body.contains("Short-1"), "{}", faulty.body);
    let code = world.code();
    let good = [&change[..], &[("typed", "Chosen-by-hand-7"), ("code", code.as_str())]].concat();
    let wrong = operator.submit("/xml-rpc", &[&good[..5], &[good[5], ("code", "000000")]].concat()).await;
    wrong.assert_says(StatusCode::UNPROCESSABLE_ENTITY, "the code is not right");
    assert!(!wrong.body.contains("Chosen-by-hand-7"), "{}", wrong.body);

    let done = operator.submit("/xml-rpc", &good).await;

    assert!(!done.body.contains("Chosen-by-hand-7"), "{}", done.body);
    assert_eq!(FakeSwitch::http(world.switch.xml_rpc, "freeswitch", "Chosen-by-hand-7"), Some(200));
    assert_eq!(FakeSwitch::http(world.switch.xml_rpc, "freeswitch", "works"), Some(401));
    assert!(!world.app.everything_kept().await.contains("Chosen-by-hand-7"), "the console keeps no secret");
    world.running.stop().await;
}

#[tokio::test]
async fn a_change_that_does_not_prove_itself_is_said_to_be_taken_back() {
    let world = World::new(Generation::V5_5).await;
    world.switch.fault(Fault::ReloadIsIdle);
    let operator = &world.operator;
    let code = world.code();

    let refused = operator.submit("/xml-rpc", &[("act", "xml-rpc"), ("password", "made"), ("code", &code)]).await;
    let nonsense = operator.submit("/xml-rpc", &[("act", "xml-rpc"), ("port", "80")]).await;
    let nothing = operator.submit("/xml-rpc", &[("act", "xml-rpc"), ("realm", "freeswitch")]).await;

    refused.assert_says(StatusCode::CONFLICT, "the former state is in force again");
    nonsense.assert_says(StatusCode::UNPROCESSABLE_ENTITY, "a number from 1024 to 65535");
    nothing.assert_says(StatusCode::UNPROCESSABLE_ENTITY, "how it stands already");
    assert_eq!(FakeSwitch::http(world.switch.xml_rpc, "freeswitch", "works"), Some(200));
    assert_eq!(world.app.trail("switch.").await[0].outcome, "refused");
    world.running.stop().await;
}

#[tokio::test]
async fn through_5_1_both_sides_are_shown() {
    let world = World::new(Generation::V5_0).await;
    let operator = &world.operator;

    let page = operator.get("/xml-rpc").await;

    page.assert_says(StatusCode::OK, "a save in FusionPBX writes it over");
    page.assert_says(StatusCode::OK, "XML RPC's port (v_settings)");
    world.running.stop().await;
}

#[tokio::test]
async fn fusionpbxs_own_copy_follows_what_was_proved() {
    let world = World::new(Generation::V5_0).await;
    let operator = &world.operator;
    let owner = world.database.owner().await;
    let change = [("act", "xml-rpc"), ("password", "made"), ("port", ""), ("realm", "door"), ("user", "")];
    let code = world.code();

    let done = operator.submit("/xml-rpc", &[&change[..], &[("code", code.as_str())]].concat()).await;

    done.assert_says(StatusCode::OK, "own copy in its database says the same now");
    let secret = done.text("pre code");
    let sql = "SELECT xml_rpc_auth_pass, xml_rpc_auth_realm, xml_rpc_auth_user FROM v_settings";
    let kept: (String, String, String) = sqlx::query_as(sql).fetch_one(&owner).await.unwrap();
    assert_eq!(kept, (secret.trim().to_owned(), "door".to_owned(), "freeswitch".to_owned()));
    let entries = world.app.trail("switch.").await;
    assert!(entries.iter().any(|entry| entry.act == "switch.copy" && entry.outcome == "done"), "{entries:?}");
    assert!(!format!("{entries:?}").contains(secret.trim()));
    world.running.stop().await;
}

#[tokio::test]
async fn the_list_of_modules_follows_in_both_generations() {
    for generation in [Generation::V5_0, Generation::V5_5] {
        let world = World::new(generation).await;
        let owner = world.database.owner().await;
        let before = "UPDATE v_modules SET module_enabled = 'true' WHERE module_name = 'mod_xml_rpc'";
        world.database.run(before).await;
        let code = world.code();
        let change = [("act", "start-off"), ("code", code.as_str())];

        let done = world.operator.submit("/xml-rpc", &change).await;

        done.assert_says(StatusCode::OK, "own copy in its database says the same now");
        let sql = "SELECT coalesce(module_enabled::text, 'null') FROM v_modules WHERE module_name = 'mod_xml_rpc'";
        let enabled: String = sqlx::query_scalar(sql).fetch_one(&owner).await.unwrap();
        assert_eq!(enabled, "false", "{generation:?}");
        world.running.stop().await;
    }
}

#[tokio::test]
async fn where_the_copy_cannot_follow_the_page_says_so_with_the_command() {
    let world = World::new(Generation::V5_0).await;
    world
        .database
        .grant(
            "REVOKE UPDATE ON v_settings FROM rampart; REVOKE UPDATE (xml_rpc_auth_pass) ON v_settings FROM rampart",
        )
        .await;
    let change = [("act", "xml-rpc"), ("password", "made"), ("port", ""), ("realm", ""), ("user", "")];
    let code = world.code();

    let done = world.operator.submit("/xml-rpc", &[&change[..], &[("code", code.as_str())]].concat()).await;

    done.assert_says(StatusCode::OK, "still has the former values");
    done.assert_says(StatusCode::OK, "UPDATE v_settings");
    world.running.stop().await;
}
