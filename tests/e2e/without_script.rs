//! The main job where no script runs: nothing on the way may need one.

use std::net::SocketAddr;
use std::time::Duration;

use rampart::base::names::Fqdn;
use rampart::tls::probe;

use crate::browser::Browser;
use crate::town::{code, stored, world};

#[tokio::test(flavor = "multi_thread")]
async fn the_main_job_goes_through_without_script() {
    let world = world().await;
    let browser = Browser::without_script(&world).await;

    browser.sign_in(&world).await;
    browser.open("/passwords").await;
    browser.press_button("#users-password_length", "Raise to 15").await;
    browser.sees(".flash", "15").await;
    let (seed, _) = browser.enrol(&world).await;
    browser.open("/certificates").await;
    browser.fill("#contact", "operator@example.test").await;
    browser.press("#terms").await;
    browser.press("#account button").await;
    browser.press_button("#coverage", "Order *.mill.example.test").await;
    browser.step_up("Order a certificate for *.mill.example.test", &code(&seed, 1)).await;
    let look_again = async || {
        let is_over = !browser.texts("#proof").await.is_empty();
        if !is_over && !browser.texts(".refresh a").await.is_empty() {
            browser.press(".refresh a").await;
        }
        Ok(is_over.then_some(()))
    };
    browser.until("proof", look_again).await;
    let served = browser.text("section.note-pass td[data-label='Served serial']").await;

    assert_eq!(stored(&world, "users.password_length").await.as_deref(), Some("15"));
    let listener: SocketAddr = world.nginx_listener().parse().unwrap();
    let name = Fqdn::parse("phones.mill.example.test").unwrap();
    let shown = probe::handshake(listener, &name, Duration::from_secs(5)).await.unwrap();
    assert_eq!(shown.leaf.serial, served);
    browser.press_button(".who", "Sign out").await;
    browser.sees("h1", "Sign in to").await;
    browser.close().await;
}
