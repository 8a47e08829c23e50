//! New secrets on the pages: a plan, batch after batch, shown once, taken back.

use rampart::app::demo::fusionpbx::Generation;
use reqwest::StatusCode;
use sqlx::postgres::PgPool;

use crate::agent_house::{RunningAgent, Scratch, settings};
use crate::support::app::{Neighbours, TestApp};
use crate::support::browser::Browser;
use crate::support::fail2ban::Fail2ban;
use crate::support::freeswitch::FakeSwitch;
use crate::support::fusionpbx::Database;

const ROTATE: &str = "/passwords/rotate";

/// An address that many phones share.
const OFFICE: &str = "203.0.113.5";

struct House {
    _app: TestApp,
    operator: Browser,
    owner: PgPool,
}

impl House {
    async fn new() -> Self {
        let database = Database::town(Generation::V5_5).await;
        let app = TestApp::start(database.fusionpbx().await.into()).await;
        Self { operator: app.operator().await, owner: database.owner().await, _app: app }
    }

    async fn sip(&self, extension: &str) -> String {
        let sql = "SELECT password FROM v_extensions WHERE extension = $1 AND domain_uuid = md5('tenant 1')::uuid";
        sqlx::query_scalar(sql).bind(extension).fetch_one(&self.owner).await.unwrap()
    }

    /// Begins a rotation as a person does, with the form of the plan; where it leads to.
    async fn begin(&self, places: &str, size: &str) -> String {
        let page =
            self.operator.get(&format!("{ROTATE}?kind=extension&tenant=north.example.test&places={places}")).await;
        let answer = self.operator.press(&page.form(ROTATE, &[]), &[("size", size)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        answer.location().to_owned()
    }
}

#[tokio::test]
async fn a_plan_is_shown_a_batch_done_its_secrets_shown_once_and_taken_back() {
    let house = House::new().await;
    let before = (house.sip("105").await, house.sip("106").await);
    let plan = house.operator.get(&format!("{ROTATE}?kind=extension&tenant=north.example.test&places=105-106")).await;
    assert!(plan.body.contains("2 extensions of north.example.test get new secrets"), "{}", plan.body);
    assert!(plan.body.contains("20 digits, letters and special characters"));
    assert!(!plan.body.contains(&before.0), "a plan shows no secret");

    let rotation = house.begin("105-106", "1").await;

    let page = house.operator.get(&rotation).await;
    assert!(page.body.contains("new secrets hold, not confirmed"), "{}", page.body);
    assert_ne!(house.sip("105").await, before.0);
    assert_eq!(house.sip("106").await, before.1, "the second batch waits");
    assert!(!page.body.contains(&house.sip("105").await), "only shown when asked for");

    let shown = house.operator.press(&page.form(&format!("{rotation}/show"), &[]), &[]).await;
    assert_eq!(shown.status, StatusCode::OK);
    assert!(shown.words().contains(&house.sip("105").await), "{}", shown.body);
    let again = house.operator.get(&rotation).await;
    assert!(!again.words().contains(&house.sip("105").await));
    assert!(!again.body.contains(&format!("{rotation}/show")), "the button is gone");

    house.operator.press(&again.form(&format!("{rotation}/undo"), &[]), &[]).await;
    assert_eq!(house.sip("105").await, before.0);
    let over = house.operator.get(&rotation).await;
    assert!(over.body.contains("taken back"));

    house.operator.press(&over.form(&format!("{rotation}/run"), &[]), &[]).await;
    assert_ne!(house.sip("106").await, before.1);
    let page = house.operator.get(&rotation).await;
    house.operator.press(&page.form(&format!("{rotation}/confirm"), &[]), &[]).await;
    assert!(house.operator.get(&rotation).await.body.contains("confirmed"));
}

#[tokio::test]
async fn what_is_wrong_stands_at_its_field_and_nothing_typed_is_lost() {
    let house = House::new().await;
    let cases = [
        ("tenant=nowhere.example.test&places=105", "no enabled tenant of that name", "nowhere.example.test"),
        ("tenant=north.example.test&places=110-105", "counts down", "110-105"),
        ("tenant=north.example.test&places=99999", "no extension of that number", "99999"),
        ("tenant=north.example.test&places=1-100000", "too many at once", "1-100000"),
    ];

    for (query, fault, typed) in cases {
        let page = house.operator.get(&format!("{ROTATE}?kind=extension&{query}")).await;

        assert_eq!(page.status, StatusCode::OK);
        assert!(page.body.contains(fault), "{query}: {}", page.body);
        assert!(page.body.contains(typed), "{query}");
        assert!(!page.body.contains("Give new secrets to the first batch"), "{query}");
    }
}

#[tokio::test]
async fn a_plan_that_moved_comes_back_and_nothing_was_changed() {
    let house = House::new().await;
    let page = house.operator.get(&format!("{ROTATE}?kind=extension&tenant=north.example.test&places=105")).await;
    sqlx::query("UPDATE v_extensions SET password = 'by hand' WHERE extension = '105'")
        .execute(&house.owner)
        .await
        .unwrap();

    let answer = house.operator.press(&page.form(ROTATE, &[]), &[]).await;

    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.body.contains("look at it again"), "{}", answer.body);
    assert!(answer.body.contains("Give new secrets to the first batch"), "the new plan is there");
    assert_eq!(house.sip("105").await, "by hand");
}

#[tokio::test]
async fn a_batch_of_another_rotation_or_none_is_not_found() {
    let house = House::new().await;
    let one = house.begin("105", "1").await;
    let other = house.begin("106", "1").await;
    let page = house.operator.get(&one).await;
    let before = house.sip("106").await;

    let answer = house.operator.press(&page.form(&format!("{one}/undo"), &[]), &[("batch", "2")]).await;

    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(house.sip("106").await, before);
    assert_ne!(one, other);
    assert_eq!(house.operator.get("/passwords/rotations/99").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_counts_devices_by_address_and_has_the_office_let_pass_the_jails() {
    let (place, switch) = (Scratch::new(), FakeSwitch::start());
    let fail2ban = Fail2ban::start(place.path());
    let row = |user: &str, ip: &str| {
        format!("{{\"reg_user\":\"{user}\",\"realm\":\"north.example.test\",\"network_ip\":\"{ip}\"}}")
    };
    let rows = [row("105", OFFICE), row("106", OFFICE), row("108", OFFICE), row("106", "198.51.100.7")].join(",");
    switch.set_registrations(&format!("{{\"rows\":[{rows}]}}"));
    let text = settings(place.path(), &(switch.settings() + &fail2ban.settings()));
    let running = RunningAgent::start(&text).await;
    let database = Database::town(Generation::V5_5).await;
    let neighbours = Neighbours { agent: Some(running.agent.clone()), ..database.fusionpbx().await.into() };
    let app = TestApp::start(neighbours).await;
    let operator = app.operator().await;

    let plan = operator.get(&format!("{ROTATE}?kind=extension&tenant=north.example.test&places=105-106")).await;
    let words = plan.words();
    assert!(words.contains("3 devices are registered with these now"), "{words}");
    assert!(words.contains("Many devices share an address: 203.0.113.5 (3)"), "{words}");
    assert!(words.contains("203.0.113.5 2 3") && words.contains("198.51.100.7 1 1"), "{words}");
    let wrong = operator.press(&plan.form(ROTATE, &[]), &[("pass", "999")]).await;
    wrong.assert_says(StatusCode::UNPROCESSABLE_ENTITY, "a number of minutes from 0 to 120");
    assert!(!fail2ban.ignored("freeswitch").contains(OFFICE));

    let begun = operator.press(&wrong.form(ROTATE, &[]), &[("pass", "45")]).await;

    assert_eq!(begun.status, StatusCode::SEE_OTHER, "{}", begun.body);
    let page = operator.get(begun.location()).await;
    page.assert_says(StatusCode::OK, "203.0.113.5, 198.51.100.7 may pass freeswitch, sip-auth-failure until");
    assert!(fail2ban.ignored("sip-auth-failure").contains(OFFICE));
    let entries = app.trail("fail2ban.").await;
    assert_eq!((entries.len(), entries[0].outcome.as_str()), (1, "done"));

    drop(fail2ban);
    let again = operator.press(&page.form(&format!("{}/pass", begun.location()), &[]), &[]).await;
    let page = operator.get(again.location()).await;
    page.assert_says(StatusCode::OK, "fail2ban was not told");
    running.stop().await;
}
