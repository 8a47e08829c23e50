//! A second factor in a real browser: set up with the code that root printed, asked for at the next sign-in, and again
//! before what reaches root.

use std::time::Duration;

use rampart::app::demo::world::OPERATOR;

use crate::browser::Browser;
use crate::town::{code, world};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_is_set_up_asked_for_and_allows_one_act() {
    let world = world().await;
    let browser = Browser::start(&world).await;
    browser.sign_in(&world).await;

    let (seed, recovery) = browser.enrol(&world).await;
    assert_eq!(recovery.len(), 10);
    browser.open("/account/second-factor").await;
    browser.sees(".gate", "set up").await;
    assert!(browser.texts("code.seed, .codes code").await.is_empty(), "shown once");

    browser.press_button(".who", "Sign out").await;
    browser.fill("#name", OPERATOR).await;
    browser.fill("#password", world.password.expose()).await;
    browser.press("button.main").await;
    browser.sees("h1", "Second factor of").await;
    browser.open("/passwords").await;
    assert!(browser.path().await.starts_with("/sign-in"), "the password alone opens nothing");
    browser.open("/sign-in/code").await;
    browser.fill("#code", "000000").await;
    browser.press("button.main").await;
    browser.sees("[role=alert]", "not right").await;
    // After a failure the next try is looked at a second later.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    browser.fill("#code", &code(&seed, 1)).await;
    browser.press("button.main").await;
    browser.sees("h1", "The walls of").await;

    browser.open("/certificates").await;
    browser.fill("#contact", "operator@example.test").await;
    browser.press("#terms").await;
    browser.press("#account button").await;
    browser.sees("#account", "operator@example.test").await;
    browser.fill("#order-name", "west.example.test").await;
    browser.press("#order button").await;
    browser.step_up("Order a certificate for *.west.example.test", &code(&seed, 1)).await;
    browser.sees("[role=alert]", "not right").await;
    browser.step_up("Order a certificate for *.west.example.test", &recovery[0]).await;
    let ordered = async || Ok(browser.path().await.starts_with("/certificates/orders/1").then_some(()));
    browser.until("the order's page", ordered).await;

    assert_eq!(browser.witnessed().await, "");
    browser.close().await;
}
