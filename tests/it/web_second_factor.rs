//! The second factor through the front door, with a real agent: set up, asked for at sign-in, and before what reaches root.

use std::time::Duration;

use rampart::base::clock::{Clock as _, SystemClock};
use rampart::base::names::OperatorName;
use reqwest::StatusCode;
use scraper::{Html, Selector};

use crate::agent_house::{RunningAgent, Scratch, settings};
use crate::support::app::{NAME, Neighbours, PASSWORD, TestApp};
use crate::support::authenticator::{Authenticator, invite};
use crate::support::browser::{Answer, Browser};

const FACTOR: &str = "/account/second-factor";
const PROOF: &str = "/account/second-factor/proof";
const CODE: &str = "/sign-in/code";

/// A console and an agent.
struct World {
    app: TestApp,
    agent: RunningAgent,
    house: Scratch,
}

impl World {
    async fn new() -> Self {
        let house = Scratch::new();
        let zones = "[certificates]\nzones = ['example.test']\n";
        let agent = RunningAgent::start(&settings(house.path(), zones)).await;
        let app = TestApp::start(Neighbours { agent: Some(agent.agent.clone()), ..Neighbours::default() }).await;
        Self { app, agent, house }
    }

    fn invitation(&self) -> String {
        invite(&self.house.path().join("place"), NAME, &SystemClock).expose().clone()
    }

    /// Ann sets up her second factor in `browser`.
    async fn enrol(&self, browser: &Browser) -> Authenticator {
        let page = browser.submit(FACTOR, &[("code", &self.invitation())]).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.words());
        let mut ann = Authenticator::of(NAME, &page.text("code.seed").replace(' ', ""));
        let code = ann.code(SystemClock.now());
        let page = browser.submit(PROOF, &[("code", code.expose())]).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.words());
        ann.recovery = codes(&page);
        ann
    }
}

fn codes(page: &Answer) -> Vec<String> {
    let html = Html::parse_document(&page.body);
    html.select(&Selector::parse(".codes code").unwrap()).map(|code| code.text().collect()).collect()
}

/// A code of an authenticator that is half a minute ahead: one that was not used yet.
fn next(ann: &Authenticator) -> String {
    ann.code(SystemClock.now().plus(Duration::from_secs(30))).expose().clone()
}

/// ASVS 6.3.3.
#[tokio::test]
async fn whoever_has_a_second_factor_signs_in_with_a_code_and_not_without() {
    let world = World::new().await;
    let first = world.app.operator().await;
    let ann = world.enrol(&first).await;
    let browser = world.app.signed_in_to("/sign-in/code").await;
    let half = browser.cookie();

    let locked = browser.get("/passwords").await;
    let api = browser.get("/api/walls").await;
    let wrong = browser.submit(CODE, &[("code", "000000")]).await;
    // The account waits a second after a failure.
    world.app.clock.advance(Duration::from_secs(2));
    let right = browser.submit(CODE, &[("code", &next(&ann))]).await;
    let inside = browser.get("/").await;
    let whole = browser.cookie();

    locked.assert_redirect("/sign-in?next=/passwords");
    assert_eq!(api.status, StatusCode::UNAUTHORIZED);
    wrong.assert_says(StatusCode::UNAUTHORIZED, "the code is not right");
    right.assert_redirect("/");
    assert_eq!(inside.status, StatusCode::OK);
    assert_ne!(half, whole, "the id changes with the second step");
    browser.hold(half);
    browser.get("/").await.assert_redirect("/sign-in");
    let outcomes: Vec<String> =
        world.app.trail("session.code").await.into_iter().map(|entry| entry.outcome).collect();
    assert_eq!(outcomes, ["done", "refused"]);
    world.agent.stop().await;
}

#[tokio::test]
async fn a_recovery_code_signs_in_once() {
    let world = World::new().await;
    let first = world.app.operator().await;
    let ann = world.enrol(&first).await;

    let browser = world.app.signed_in_to(CODE).await;
    let good = browser.submit(CODE, &[("code", &ann.recovery[0].to_uppercase())]).await;
    let other = world.app.signed_in_to(CODE).await;
    let again = other.submit(CODE, &[("code", &ann.recovery[0])]).await;

    assert_eq!(ann.recovery.len(), 10);
    good.assert_redirect("/");
    assert_eq!(again.status, StatusCode::UNAUTHORIZED);
    first.get(FACTOR).await.assert_says(StatusCode::OK, "Recovery codes left: 9");
    world.agent.stop().await;
}

#[tokio::test]
async fn the_code_is_owed_for_five_minutes_and_by_nobody_who_was_disabled_meanwhile() {
    let world = World::new().await;
    let first = world.app.operator().await;
    let ann = world.enrol(&first).await;
    let (late, disabled) = (world.app.signed_in_to(CODE).await, world.app.signed_in_to(CODE).await);

    let pool = world.app.own_tables().await;
    sqlx::query("UPDATE operators SET disabled_at = 1").execute(&pool).await.unwrap();
    let disabled = disabled.submit(CODE, &[("code", &ann.recovery[0])]).await;
    sqlx::query("UPDATE operators SET disabled_at = NULL").execute(&pool).await.unwrap();
    pool.close().await;
    world.app.clock.advance(Duration::from_mins(5));
    let late = late.submit(CODE, &[("code", &ann.recovery[1])]).await;

    disabled.assert_redirect("/sign-in");
    late.assert_redirect("/sign-in");
    world.agent.stop().await;
}

/// T20: no way in opens by itself when the agent is down.
#[tokio::test]
async fn without_the_agent_whoever_has_a_second_factor_stays_out_and_whoever_has_none_comes_in() {
    let world = World::new().await;
    let first = world.app.operator().await;
    world.enrol(&first).await;
    world.app.add_operator("ben", PASSWORD).await;
    world.agent.stop().await;

    let ann = world.app.stranger_from([127, 0, 3, 1].into()).sign_in(NAME, PASSWORD).await;
    let ben = world.app.stranger_from([127, 0, 3, 2].into()).sign_in("ben", PASSWORD).await;

    ann.assert_says(StatusCode::SERVICE_UNAVAILABLE, "Your second factor cannot be checked now");
    ben.assert_redirect("/");
}

#[tokio::test]
async fn an_agent_that_has_lost_the_factor_lets_nobody_in_by_the_password_alone() {
    let world = World::new().await;
    let first = world.app.operator().await;
    world.enrol(&first).await;
    for entry in std::fs::read_dir(world.house.path().join("place/factors")).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }

    let answer = world.app.stranger_from([127, 0, 3, 1].into()).sign_in(NAME, PASSWORD).await;

    answer.assert_says(StatusCode::SERVICE_UNAVAILABLE, "rampart operator reset");
    world.agent.stop().await;
}

#[tokio::test]
async fn a_wrong_enrolment_code_and_a_wrong_first_code_are_said_at_their_field_and_nothing_is_in_force() {
    let world = World::new().await;
    let browser = world.app.operator().await;
    let invitation = world.invitation();

    let unknown = browser.submit(FACTOR, &[("code", "abcd-efgh")]).await;
    let early = browser.submit(PROOF, &[("code", "123456")]).await;
    let begun = browser.submit(FACTOR, &[("code", &invitation)]).await;
    let wrong = browser.submit(PROOF, &[("code", "000000")]).await;

    unknown.assert_says(StatusCode::UNPROCESSABLE_ENTITY, "the code is not right");
    early.assert_says(StatusCode::UNPROCESSABLE_ENTITY, "Too much time has passed");
    assert_eq!(begun.status, StatusCode::OK);
    assert!(begun.body.contains("<svg class=\"qr\""), "{}", begun.body);
    wrong.assert_says(StatusCode::UNPROCESSABLE_ENTITY, "the code is not right");
    assert!(wrong.text("code.seed").is_empty(), "the seed is shown once");
    let ann = OperatorName::parse(NAME).unwrap();
    assert_eq!(world.agent.agent.factor(&ann).await.unwrap().since, None);
    world.agent.stop().await;
}

/// ASVS 7.5.1, 7.5.3.
#[tokio::test]
async fn what_reaches_root_shows_its_plan_asks_for_a_code_and_is_done_once_for_it() {
    let world = World::new().await;
    let browser = world.app.operator().await;
    let agent = &world.agent.agent;
    let order = |code: Option<String>| {
        let mut fields = vec![("certificate", "1".to_owned())];
        fields.extend(code.map(|code| ("code", code)));
        fields
    };
    let end = async |browser: &Browser, code: Option<String>| {
        let fields = order(code);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        browser.submit("/certificates/standing-orders/end", &fields).await
    };
    let place = world.house.path().join("place");
    let one = rampart::base::ids::CertificateId(1);
    crate::support::authenticator::allow(agent, &place, one, &["north.example.test"]).await;

    let unenrolled = end(&browser, None).await;
    let ann = world.enrol(&browser).await;
    let asked = end(&browser, None).await;
    let wrong = end(&browser, Some("000000".to_owned())).await;
    let still = agent.standing_orders().await.unwrap().len();
    let before = browser.cookie();
    let done = end(&browser, Some(ann.recovery[0].clone())).await;
    let gone = agent.standing_orders().await.unwrap().len();

    unenrolled.assert_says(StatusCode::OK, "Set up a second factor");
    asked
        .assert_says(StatusCode::OK, "The agent will no longer keep by itself: certificate 1 for north.example.test");
    wrong.assert_says(StatusCode::UNPROCESSABLE_ENTITY, "the code is not right");
    assert_eq!(wrong.form("/certificates/standing-orders/end", &[("certificate", "1")]).action.len(), 33);
    done.assert_redirect("/certificates");
    assert_ne!(before, browser.cookie(), "the id changes at step-up");
    assert_eq!((still, gone), (1, 0));
    let outcomes: Vec<String> =
        world.app.trail("standing-order.end").await.into_iter().map(|entry| entry.outcome).collect();
    assert_eq!(outcomes, ["done", "refused"]);
    world.agent.stop().await;
}

#[tokio::test]
async fn an_agent_that_is_down_is_said_so_on_the_page_of_the_second_factor() {
    let world = World::new().await;
    let browser = world.app.operator().await;
    let enrolled = browser.get(FACTOR).await;
    world.agent.stop().await;

    let page = browser.get(FACTOR).await;
    let begun = browser.submit(FACTOR, &[("code", "abcd")]).await;

    enrolled.assert_says(StatusCode::OK, "rampart-agent enrol ann");
    page.assert_says(StatusCode::OK, "the agent is not running");
    assert_eq!(begun.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(browser.get("/").await.status, StatusCode::OK);
}
