//! One Chromium with a profile of its own, driven over `WebDriver`. Every step waits for what it needs, none for a time.

use std::fs;
use std::time::{Duration, Instant};

use crate::town::code;
use rampart::app::demo::process::{Child, Start, free_port};
use rampart::app::demo::world::{OPERATOR, World};
use serde_json::{Value, json};
use thirtyfour::prelude::*;
use tokio::net::TcpStream;

/// How long a condition may take to come true.
const PATIENCE: Duration = Duration::from_secs(20);

/// Between two looks at the page.
const PAUSE: Duration = Duration::from_millis(40);

const FLAGS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--ignore-certificate-errors",
    "--window-size=1280,900",
];

/// Runs before every page's own script: remembers what must never happen, across pages.
const WITNESS: &str = "
    const note = (what) => sessionStorage.setItem('witness', (sessionStorage.getItem('witness') ?? '') + what + '\\n');
    document.addEventListener('securitypolicyviolation', (event) => note(`${event.effectiveDirective} ${event.blockedURI}`));
    for (const dialog of ['alert', 'confirm', 'prompt']) window[dialog] = (words) => note(`${dialog} ${words}`);
";

/// The browser, with the console's address.
pub(crate) struct Browser {
    driver: WebDriver,
    address: String,
    // Ends after the driver has said good-bye to it.
    _chromedriver: Child,
}

impl Browser {
    /// Opens a browser on the console of `world`.
    pub(crate) async fn start(world: &World) -> Self {
        let directory = world.directory().join("browser");
        fs::create_dir(&directory).unwrap();
        let port = free_port().unwrap();
        let mut chromedriver = Start::program("chromedriver", &directory)
            .arg(format!("--port={port}"))
            .env("HOME", &directory)
            .env("TMPDIR", &directory)
            .spawn()
            .unwrap();
        chromedriver
            .wait_until(PATIENCE, async || TcpStream::connect(("127.0.0.1", port)).await.is_ok())
            .await
            .unwrap();
        let mut wanted = DesiredCapabilities::chrome();
        for flag in FLAGS {
            wanted.add_arg(flag).unwrap();
        }
        wanted.add_arg(&format!("--user-data-dir={}", directory.join("profile").display())).unwrap();
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), wanted).await.unwrap();
        driver.set_page_load_timeout(PATIENCE).await.unwrap();
        let browser = Self { driver, address: world.address(), _chromedriver: chromedriver };
        browser.tell("Page.addScriptToEvaluateOnNewDocument", json!({ "source": WITNESS })).await;
        browser
    }

    /// One that runs no script of any page.
    pub(crate) async fn without_script(world: &World) -> Self {
        let browser = Self::start(world).await;
        browser.tell("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
        browser
    }

    async fn tell(&self, command: &str, values: Value) {
        self.driver.cdp().send_raw(command, values).await.unwrap();
    }

    /// Closes it. A test that fails before closes it too, by dropping it.
    pub(crate) async fn close(self) {
        self.driver.quit().await.unwrap();
    }

    /// Loads a page of the console.
    pub(crate) async fn open(&self, path: &str) {
        self.driver.goto(format!("{}{path}", self.address)).await.unwrap();
    }

    /// Goes one page back in the history.
    pub(crate) async fn back(&self) {
        self.driver.back().await.unwrap();
    }

    /// The path that the address bar shows.
    pub(crate) async fn path(&self) -> String {
        self.driver.current_url().await.unwrap().path().to_owned()
    }

    /// Waits until `look` finds something. An element may be gone the moment it is asked: then it is looked for again.
    pub(crate) async fn until<T>(&self, what: &str, look: impl AsyncFn() -> WebDriverResult<Option<T>>) -> T {
        let start = Instant::now();
        loop {
            if let Ok(Some(seen)) = look().await {
                return seen;
            }
            if start.elapsed() > PATIENCE {
                let page = self.driver.find(By::Tag("body")).await;
                let words = match page {
                    Ok(body) => body.text().await.unwrap_or_default(),
                    Err(error) => error.to_string(),
                };
                panic!("waited for {what}; {} says:\n{words}", self.path().await);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The text of the first element that matches, once there is one.
    pub(crate) async fn text(&self, css: &str) -> String {
        self.until(css, async || Ok(Some(self.driver.find(By::Css(css)).await?.text().await?))).await
    }

    /// The texts of all elements that match now.
    pub(crate) async fn texts(&self, css: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for element in self.driver.find_all(By::Css(css)).await.unwrap() {
            texts.push(element.text().await.unwrap());
        }
        texts
    }

    /// Waits until an element that matches holds these words.
    pub(crate) async fn sees(&self, css: &str, words: &str) {
        let look = async || {
            for element in self.driver.find_all(By::Css(css)).await? {
                if element.text().await?.contains(words) {
                    return Ok(Some(()));
                }
            }
            Ok(None)
        };
        self.until(&format!("{words:?} in {css}"), look).await;
    }

    /// What a field holds.
    pub(crate) async fn value(&self, css: &str) -> String {
        self.until(css, async || self.driver.find(By::Css(css)).await?.value().await).await
    }

    /// Empties a field and types into it.
    pub(crate) async fn fill(&self, css: &str, text: &str) {
        let fill = async || {
            let field = self.driver.find(By::Css(css)).await?;
            field.clear().await?;
            field.send_keys(text).await?;
            Ok(Some(()))
        };
        self.until(css, fill).await;
    }

    /// Presses what matches, once it can be pressed.
    pub(crate) async fn press(&self, css: &str) {
        self.until(css, async || Ok(Some(self.driver.find(By::Css(css)).await?.click().await?))).await;
    }

    /// Presses the button with these words.
    pub(crate) async fn press_button(&self, within: &str, words: &str) {
        let press = async || {
            for button in self.driver.find_all(By::Css(format!("{within} button"))).await? {
                if button.text().await? == words {
                    return Ok(Some(button.click().await?));
                }
            }
            Ok(None)
        };
        self.until(&format!("the button {words:?} in {within}"), press).await;
    }

    /// Presses keys, wherever the focus is.
    pub(crate) async fn keys(&self, keys: impl Into<TypingData>) {
        self.driver.action_chain().send_keys(keys).perform().await.unwrap();
    }

    /// Presses Tab until what matches has the focus.
    pub(crate) async fn tab_to(&self, css: &str) {
        for _ in 0..80 {
            let is_there = self.run(&format!("return document.activeElement.matches({})", json!(css))).await;
            if is_there == Value::Bool(true) {
                return;
            }
            self.keys(Key::Tab).await;
        }
        panic!("80 times Tab did not lead to {css}");
    }

    /// Runs a script in the page, with the browser's own rights.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.driver.execute(script, Vec::new()).await.unwrap().json().clone()
    }

    /// What must never happen and did, on any page so far.
    pub(crate) async fn witnessed(&self) -> String {
        let noted = self.run("return sessionStorage.getItem('witness') ?? ''").await;
        noted.as_str().unwrap_or_default().to_owned()
    }

    /// Signs in as the demo's operator.
    pub(crate) async fn sign_in(&self, world: &World) {
        self.open("/sign-in").await;
        self.fill("#name", OPERATOR).await;
        self.fill("#password", world.password.expose()).await;
        self.press("button.main").await;
        self.sees("h1", "The walls of").await;
    }

    /// Sets up the second factor with the code that root printed; answers the seed and the recovery codes.
    pub(crate) async fn enrol(&self, world: &World) -> (String, Vec<String>) {
        self.open("/account/second-factor").await;
        self.fill("#proof", world.enrolment.expose()).await;
        self.press("button.main").await;
        self.sees("h2", "Scan this").await;
        let seed = self.text("code.seed").await;
        self.fill("#code", &code(&seed, 0)).await;
        self.press("button.main").await;
        self.sees("h2", "Recovery codes").await;
        (seed, self.texts(".codes code").await)
    }

    /// Shows the code that an act which reaches root is asked for.
    pub(crate) async fn step_up(&self, heading: &str, code: &str) {
        self.sees("h1", heading).await;
        self.fill("#code", code).await;
        self.press("button.main").await;
    }
}
