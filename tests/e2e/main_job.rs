//! What an operator comes for: sign in, see the walls, mend a setting, get a certificate, leave.

use std::net::SocketAddr;
use std::time::Duration;

use rampart::app::demo::world::{OPERATOR, World};
use rampart::base::names::Fqdn;
use rampart::tls::probe;
use serde_json::Value;

use crate::browser::Browser;
use crate::town::{StillCa, code, stored, world};

const SETTING: &str = "users.password_length";
const ROW: &str = "#users-password_length";

#[tokio::test(flavor = "multi_thread")]
async fn the_main_job_goes_through_in_a_browser() {
    let world = world().await;
    let browser = Browser::start(&world).await;

    sign_in_after_a_wrong_password(&browser, &world).await;
    see_the_walls(&browser).await;
    see_what_a_length_yields(&browser, &world).await;
    raise_and_undo(&browser, &world).await;
    let (seed, _) = browser.enrol(&world).await;
    register(&browser).await;
    order_and_watch(&browser, &world, &seed).await;
    sign_out(&browser).await;

    assert_eq!(browser.witnessed().await, "");
    browser.close().await;
}

async fn sign_in_after_a_wrong_password(browser: &Browser, world: &World) {
    browser.open("/passwords").await;
    assert_eq!(browser.path().await, "/sign-in");
    browser.fill("#name", OPERATOR).await;
    browser.fill("#password", "not the password").await;
    browser.press("button.main").await;

    browser.sees("[role=alert]", "password is not right").await;
    assert_eq!(browser.value("#name").await, OPERATOR);
    assert_eq!(browser.value("#password").await, "");

    // After a failure the next try is looked at a second later.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    browser.fill("#password", world.password.expose()).await;
    browser.press("button.main").await;
    browser.sees("h1", "Passwords").await;
}

async fn see_the_walls(browser: &Browser) {
    let walls = ["Passwords", "Firewall", "Certificates", "Upgrades", "XML RPC", "Intrusion", "SSH"];
    let judged = async || {
        browser.open("/").await;
        let verdicts = browser.texts(".walls .mark").await;
        // The first look is over when each wall that has something planted is judged; the firewall is this machine's own.
        let planted = ["Passwords", "Certificates", "Upgrades", "SSH"];
        let mut seen = walls.iter().zip(&verdicts).filter(|(wall, _)| planted.contains(wall));
        Ok((verdicts.len() == walls.len() && seen.all(|(_, words)| words.contains("fail"))).then_some(()))
    };
    browser.until("a verdict on the walls of the town", judged).await;

    assert_eq!(browser.texts(".walls b").await, walls);
    assert_eq!(browser.texts(".fortress .ring").await.len(), walls.len());
    let score: u32 = browser.text("#score .number").await.parse().expect("a number");
    assert!(score > 0 && score < 100, "{score}");
}

/// While one types: in the preview's own field, and in the field of the setting; nothing is saved by either.
async fn see_what_a_length_yields(browser: &Browser, world: &World) {
    let facts = "[data-preview-of='extension'] [data-facts]";
    // In one step: the list is replaced while it is looked at.
    let lengths = "const all = document.querySelectorAll(\"[data-preview-of='extension'] [data-examples] code\");
                   return [...new Set([...all].map((one) => one.textContent.length))].join()";
    let of_length = async |wanted: &str| {
        let all_are = async || Ok((browser.run(lengths).await == wanted).then_some(()));
        browser.until("examples of that length", all_are).await;
    };
    browser.open("/passwords").await;
    browser.press("details.try:has([data-preview-of='extension']) > summary").await;
    of_length("20").await;
    let before = browser.text(facts).await;

    browser.fill("#preview-extension-length", "8").await;
    of_length("8").await;
    assert_ne!(browser.text(facts).await, before);
    browser.press("#extension-password_length summary").await;
    browser.fill("#extension-password_length-value", "31").await;
    of_length("31").await;

    assert_eq!(stored(world, "extension.password_length").await.as_deref(), Some("20"));
}

async fn raise_and_undo(browser: &Browser, world: &World) {
    browser.open("/passwords").await;
    assert_eq!(browser.text(&format!("{ROW} .value")).await, "12");

    browser.press(&format!("{ROW} summary")).await;
    browser.fill(&format!("{ROW}-value"), "4000").await;
    browser.press_button(ROW, "Save the length").await;
    browser.sees(&format!("{ROW} .fault"), "at most 72").await;
    assert_eq!(browser.value(&format!("{ROW}-value")).await, "4000");
    let in_sight = "return document.activeElement.id + (scrollY > 0 ? ' in sight' : '')";
    assert_eq!(browser.run(in_sight).await, "users-password_length-value in sight");
    assert_eq!(stored(world, SETTING).await.as_deref(), Some("12"));

    browser.fill(&format!("{ROW}-value"), "16").await;
    browser.press_button(ROW, "Save the length").await;
    browser.sees(".flash", "16").await;
    assert_eq!(browser.text(&format!("{ROW} .value")).await, "16");
    assert_eq!(stored(world, SETTING).await.as_deref(), Some("16"));

    browser.press_button(".trail", "Put 12 back").await;
    browser.sees(&format!("{ROW} .value"), "12").await;
    assert_eq!(stored(world, SETTING).await.as_deref(), Some("12"));
}

async fn register(browser: &Browser) {
    browser.open("/certificates").await;
    browser.sees("#order", "no account").await;
    browser.fill("#contact", "operator@example.test").await;
    browser.press("#terms").await;
    browser.press("#account button").await;
    browser.sees("#account", "operator@example.test").await;
}

async fn order_and_watch(browser: &Browser, world: &World, seed: &str) {
    let still = StillCa::hold(world);
    browser.fill("#order-name", "east.example.test").await;
    browser.press("#order button").await;
    browser.step_up("Order a certificate for *.east.example.test", &code(seed, 1)).await;
    browser.sees(".steps, ol[data-events]", "").await;
    // Whatever the list holds at each change outlives the reload at the end.
    let at_first = browser
        .run(
            "const list = document.querySelector('ol[data-events]');
             const keep = () => sessionStorage.setItem('rows', [...list.children].map((row) => row.textContent).join('|'));
             new MutationObserver(keep).observe(list, { childList: true });
             return list.children.length",
        )
        .await;
    drop(still);

    browser.sees("#proof", "Proof").await;
    let at_first = at_first.as_u64().expect("a list that follows the order");
    let Value::String(live) = browser.run("return sessionStorage.getItem('rows')").await else {
        panic!("no step came by itself");
    };
    let steps = browser.texts(".step b").await;
    assert!(u64::try_from(live.split('|').count()).unwrap() > at_first + 2, "{live}");
    assert!(steps.iter().take(live.split('|').count()).all(|step| live.contains(step.as_str())), "{live}\n{steps:?}");

    let listener: SocketAddr = world.nginx_listener().parse().unwrap();
    let name = Fqdn::parse("phones.east.example.test").unwrap();
    let served = probe::handshake(listener, &name, Duration::from_secs(5)).await.unwrap();
    let shown = browser.texts("section.note-pass td[data-label='Served serial']").await;
    assert!(!shown.is_empty() && shown.iter().all(|serial| *serial == served.leaf.serial), "{shown:?}");
}

async fn sign_out(browser: &Browser) {
    browser.press_button(".who", "Sign out").await;
    browser.sees("h1", "Sign in to").await;

    browser.back().await;
    browser.sees("h1", "Sign in to").await;
    browser.open("/passwords").await;
    assert_eq!(browser.path().await, "/sign-in");
}
