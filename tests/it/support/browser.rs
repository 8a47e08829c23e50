//! A browser without a window: a small jar of cookies, kept by hand; headers as browsers send them; answers as text.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::time::Duration;

use reqwest::header::{COOKIE, HOST, HeaderMap, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Method, Request, Response, StatusCode};
use scraper::{ElementRef, Html, Selector};

use crate::support::app;

/// One browser. Its cookies are the only thing it remembers.
pub(crate) struct Browser {
    http: reqwest::Client,
    base: String,
    jar: Mutex<Jar>,
}

/// Cookies: their values by name.
pub(crate) type Jar = BTreeMap<String, String>;

/// The session's cookie.
const SESSION: &str = "__Host-rampart";

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Browser {
    pub(crate) fn new(address: SocketAddr, from: IpAddr) -> Self {
        Self::at(format!("http://{address}"), from)
    }

    /// One that speaks TLS, and takes any certificate.
    pub(crate) fn over_tls(address: SocketAddr, from: IpAddr) -> Self {
        Self::at(format!("https://{address}"), from)
    }

    fn at(base: String, from: IpAddr) -> Self {
        let http = reqwest::Client::builder()
            .danger_accept_invalid_certs(true)
            .redirect(reqwest::redirect::Policy::none())
            .local_address(from)
            .no_proxy()
            .timeout(Duration::from_mins(1))
            .build()
            .unwrap();
        Self { http, base, jar: Mutex::default() }
    }

    /// `name=value` of the session's cookie, if there is one.
    pub(crate) fn cookie(&self) -> Option<String> {
        self.jar().get(SESSION).map(|value| format!("{SESSION}={value}"))
    }

    /// Puts a session's cookie in place of the present one.
    pub(crate) fn hold(&self, cookie: Option<String>) {
        let mut jar = self.jar();
        jar.remove(SESSION);
        if let Some(pair) = cookie {
            jar.extend(pair.split_once('=').map(owned));
        }
        self.put(jar);
    }

    /// All cookies.
    pub(crate) fn jar(&self) -> Jar {
        self.jar.lock().unwrap().clone()
    }

    /// Puts these cookies in place of all present ones.
    pub(crate) fn put(&self, jar: Jar) {
        *self.jar.lock().unwrap() = jar;
    }

    /// A request with the cookies and the console's name, and nothing that says where it comes from.
    pub(crate) fn bare(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.to_host(app::HOST, method, path)
    }

    /// The same, for another host name.
    pub(crate) fn to_host(&self, host: &str, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base)).header(HOST, host);
        let pairs: Vec<String> = self.jar().iter().map(|(name, value)| format!("{name}={value}")).collect();
        if pairs.is_empty() { request } else { request.header(COOKIE, pairs.join("; ")) }
    }

    /// A request as a browser sends it from one of the console's own pages.
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        // Browsers send no origin with what they only read.
        let reads = method == Method::GET;
        let request = self.bare(method, path).header("sec-fetch-site", "same-origin");
        if reads { request } else { request.header(ORIGIN, format!("https://{}", app::HOST)) }
    }

    /// Sends a request and keeps the cookies that come back; the body is still to be read.
    pub(crate) async fn open(&self, request: Request) -> Response {
        let response = self.http.execute(request).await.unwrap();
        for cookie in response.headers().get_all(SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = owned(pair.split_once('=').unwrap());
            let mut jar = self.jar();
            if value.is_empty() {
                jar.remove(&name)
            } else {
                jar.insert(name, value)
            };
            self.put(jar);
        }
        response
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = self.open(request.build().unwrap()).await;
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, body: response.text().await.unwrap() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn json(&self, path: &str) -> serde_json::Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    /// The session's token.
    pub(crate) async fn csrf(&self) -> String {
        self.json("/api/session").await["csrf"].as_str().unwrap().to_owned()
    }

    /// Sends a form with the session's token.
    pub(crate) async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf().await;
        self.submit_with(&csrf, path, fields).await
    }

    /// Sends a form with this token.
    pub(crate) async fn submit_with(&self, csrf: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut form = vec![("csrf", csrf)];
        form.extend_from_slice(fields);
        self.send(self.request(Method::POST, path).form(&form)).await
    }

    /// Presses the button of a form that a page holds, with `changes` typed into it.
    pub(crate) async fn press(&self, form: &PageForm, changes: &[(&str, &str)]) -> Answer {
        let mut fields = form.fields.clone();
        for (name, value) in changes {
            fields.retain(|(field, _)| field != name);
            fields.push(((*name).to_owned(), (*value).to_owned()));
        }
        self.send(self.request(Method::POST, &form.action).form(&fields)).await
    }

    pub(crate) async fn sign_in(&self, name: &str, password: &str) -> Answer {
        self.submit("/sign-in", &[("name", name), ("password", password)]).await
    }
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// A form of a page, as it stands there.
#[derive(Clone, Debug)]
pub(crate) struct PageForm {
    pub(crate) action: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl Answer {
    pub(crate) fn page(&self) -> Html {
        Html::parse_document(&self.body)
    }

    /// What a person reads in the parts that `selector` finds.
    pub(crate) fn text(&self, selector: &str) -> String {
        let (page, selector) = (self.page(), Selector::parse(selector).unwrap());
        let words: Vec<String> =
            page.select(&selector).map(|part| part.text().collect::<Vec<_>>().join(" ")).collect();
        words.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// What a person reads of the page.
    pub(crate) fn words(&self) -> String {
        self.text("main")
    }

    /// An attribute of the one part that `selector` finds.
    pub(crate) fn attribute(&self, selector: &str, name: &str) -> String {
        let (page, selector) = (self.page(), Selector::parse(selector).unwrap());
        let part = page.select(&selector).next().unwrap_or_else(|| panic!("{selector:?} is not in {}", self.words()));
        part.attr(name).unwrap_or_default().to_owned()
    }

    pub(crate) fn location(&self) -> &str {
        self.headers.get(LOCATION).map_or("", |to| to.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn assert_redirect(&self, to: &str) {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.words());
        assert_eq!(self.location(), to);
    }

    #[track_caller]
    pub(crate) fn assert_says(&self, status: StatusCode, words: &str) {
        assert_eq!(self.status, status, "{}", self.words());
        assert!(self.words().contains(words), "{words:?} is not said in: {}", self.words());
    }

    /// The POST forms of the page to `action` whose fields hold every one of `known`.
    pub(crate) fn forms(&self, action: &str, known: &[(&str, &str)]) -> Vec<PageForm> {
        let page = self.page();
        let form = Selector::parse("form[method=post]").unwrap();
        let forms = page.select(&form).map(|form| PageForm {
            action: form.attr("action").unwrap_or_default().to_owned(),
            fields: fields(form),
        });
        let has = |form: &PageForm| {
            known.iter().all(|(name, value)| form.fields.iter().any(|(n, v)| n == name && v == value))
        };
        forms.filter(|form| form.action == action && has(form)).collect()
    }

    /// The last of these forms: the one with the field to type into, after the buttons.
    #[track_caller]
    pub(crate) fn form(&self, action: &str, known: &[(&str, &str)]) -> PageForm {
        let found = self.forms(action, known).pop();
        found.unwrap_or_else(|| panic!("no form {action} with {known:?} in: {}", self.words()))
    }
}

/// Hidden and typed fields, and what is chosen.
fn fields(form: ElementRef<'_>) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for input in form.select(&Selector::parse("input[name]").unwrap()) {
        let kind = input.attr("type").unwrap_or_default();
        if !matches!(kind, "radio" | "checkbox") || input.attr("checked").is_some() {
            let (name, value) = (input.attr("name").unwrap(), input.attr("value").unwrap_or_default());
            fields.push((name.to_owned(), value.to_owned()));
        }
    }
    for select in form.select(&Selector::parse("select[name]").unwrap()) {
        let chosen = select.select(&Selector::parse("option[selected]").unwrap()).next();
        let first = select.select(&Selector::parse("option").unwrap()).next();
        let value = chosen.or(first).and_then(|option| option.attr("value")).unwrap_or_default();
        fields.push((select.attr("name").unwrap().to_owned(), value.to_owned()));
    }
    fields
}
