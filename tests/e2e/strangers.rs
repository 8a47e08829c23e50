//! Names that mean harm, and hands without a mouse.

use rampart::app::demo::world::OPERATOR;
use thirtyfour::Key;

use crate::browser::Browser;
use crate::town::{stored, world};

const PAGES: [&str; 9] =
    ["/", "/passwords", "/certificates", "/upgrades", "/ssh", "/firewall", "/xml-rpc", "/intrusion", "/trail"];

/// A tenant of the demo's town is called so.
const HOSTILE: &str = "<img src=x onerror=alert(1)>";

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_tenant_name_stays_text() {
    let world = world().await;
    let browser = Browser::start(&world).await;

    browser.sign_in(&world).await;
    for page in PAGES {
        browser.open(page).await;
        assert!(browser.texts("main img, main script").await.is_empty(), "{page}");
    }
    browser.open("/passwords").await;
    browser.sees("#overrides ~ table", HOSTILE).await;
    let reload = async || {
        browser.open("/certificates").await;
        Ok(browser.texts("#coverage table").await.iter().any(|table| table.contains(HOSTILE)).then_some(()))
    };
    browser.until("the tenants", reload).await;

    assert_eq!(browser.witnessed().await, "");
    // The witness is awake, and the policy would have held.
    let script = "const script = document.createElement('script');
        script.append('alert(2)');
        document.body.append(script, Object.assign(document.createElement('img'), { src: 'https://evil.example/x' }));
        try { document.body.innerHTML = '<p>'; } catch { /* as it should be */ }";
    browser.run(script).await;
    browser
        .until("the witness", async || {
            let noted = browser.witnessed().await;
            Ok((noted.contains("img-src https://evil.example/x\n") && noted.contains("trusted-types")).then_some(()))
        })
        .await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_alone_are_enough() {
    let world = world().await;
    let browser = Browser::start(&world).await;

    browser.open("/sign-in").await;
    browser.tab_to("#name").await;
    browser.keys(OPERATOR).await;
    browser.tab_to("#password").await;
    browser.keys(world.password.expose().as_str()).await;
    browser.keys(Key::Enter).await;
    browser.sees("h1", "The walls of").await;

    browser.open("/passwords").await;
    browser.keys(Key::Tab).await;
    assert_eq!(browser.run("return document.activeElement.textContent").await, "Skip to the page");
    browser.keys(Key::Enter).await;
    browser
        .until("the focus in the page", async || {
            let id = browser.run("return document.activeElement.id").await;
            Ok((id == "main").then_some(()))
        })
        .await;
    browser.tab_to("#users-password_length summary").await;
    browser.keys(Key::Enter).await;
    browser.tab_to("#users-password_length-value").await;
    for key in [Key::End, Key::Backspace, Key::Backspace] {
        browser.keys(key).await;
    }
    browser.keys("18").await;
    browser.keys(Key::Enter).await;
    browser.sees(".flash", "18").await;

    assert_eq!(stored(&world, "users.password_length").await.as_deref(), Some("18"));
    browser.close().await;
}
