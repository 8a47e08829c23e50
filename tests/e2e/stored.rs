//! What tenants, certificate authorities and programs leave in the databases, shown in a real browser: it stays text.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::sync::Arc;

use rampart::app::build;
use rampart::app::demo::world::World;
use rampart::base::clock::{Clock as _, SystemClock};
use rampart::base::rng::SystemRandom;
use rampart::store::trail::{Act, Actor};
use serde_json::Value;
use sqlx::{PgPool, SqlitePool};

use crate::browser::Browser;
use crate::town::world;

/// What would run, load, navigate or hide, if any of it were more than text.
const PAYLOADS: [&str; 60] = [
    "<script>alert(1)</script>",
    "<SCRIPT>alert(1)</SCRIPT>",
    "<script src=//evil.example/x.js></script>",
    "</script><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</td></tr></table><script>alert(1)</script>",
    "</option></select><script>alert(1)</script>",
    "\"><script>alert(1)</script>",
    "'><script>alert(1)</script>",
    "--><script>alert(1)</script>",
    "]]><script>alert(1)</script>",
    "<<script>alert(1)//<</script>",
    "<scr\0ipt>alert(1)</scr\0ipt>",
    "<img src=x onerror=alert(1)>",
    "\"><img src=x onerror=alert(1)>",
    "<img src='x' onerror='alert(1)'",
    "<img/src=x/onerror=alert(1)>",
    "<img src=/sign-out>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><a xlink:href=javascript:alert(1)><text>x</text></a></svg>",
    "<math><mi xlink:href=javascript:alert(1)>x</mi></math>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<body onload=alert(1)>",
    "<iframe src=javascript:alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<object data=javascript:alert(1)>",
    "<embed src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "<a href='java&#x09;script:alert(1)'>x</a>",
    "<form action=https://evil.example><button>x</button></form>",
    "<form><button formaction=javascript:alert(1)>x</button></form>",
    "<input autofocus onfocus=alert(1)>",
    "\" autofocus onfocus=alert(1) x=\"",
    "' autofocus onfocus=alert(1) x='",
    "` onmouseover=alert(1) `",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)>",
    "<audio src=x onerror=alert(1)>",
    "<marquee onstart=alert(1)>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<base href=https://evil.example/>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<style>*{background:url(https://evil.example/x)}</style>",
    "<div style='position:fixed;inset:0'>x</div>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<x contenteditable onblur=alert(1)>",
    "<dialog open>x</dialog>",
    "{{constructor.constructor('alert(1)')()}}",
    "{% raw %}${alert(1)}#{alert(1)}",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "\u{ff1c}script\u{ff1e}alert(1)\u{ff1c}/script\u{ff1e}",
    "\u{202e}tpircs\u{202c} turned round",
    "zero\u{200b}width\u{200d}\u{2060}\u{feff} joined",
    "\u{2066}isolated\u{2069} \u{2028}\u{2029} lines",
];

/// What no page may hold, whoever put it there; and marks that turn or hide text.
const FOREIGN: &str = r#"
    const own = 'script[src^="/static/"], link[href^="/static/"]';
    const wanted = ['script', 'link', 'style', 'img', 'iframe', 'object', 'embed', 'base', 'math', 'video', 'audio', 'template',
        'marquee', 'dialog', 'noscript', 'animate', 'form[action^="http"]', '[formaction]', '[srcdoc]', '[style]', '[contenteditable]',
        '[href^="javascript" i]', 'a[href*="evil"]', 'meta[http-equiv]', 'main body'];
    const found = [...document.querySelectorAll(wanted.join(','))].filter((element) => !element.matches(own));
    for (const element of document.querySelectorAll('*'))
        for (const attribute of element.attributes) if (attribute.name.startsWith('on')) found.push(element);
    const marks = document.documentElement.textContent.match(/[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u2028\u2029]/g) ?? [];
    return found.map((element) => element.outerHTML.slice(0, 200)).concat(marks.map((mark) => 'U+' + mark.charCodeAt(0).toString(16)))
        .join('\n');
"#;

/// Puts every payload wherever the console shows what others wrote.
async fn plant(world: &World) {
    let database = PgPool::connect(world.superuser().expose()).await.unwrap();
    for (nth, payload) in PAYLOADS.iter().enumerate() {
        // PostgreSQL's texts hold no NUL.
        let (payload, nth) = (payload.replace('\0', ""), i32::try_from(nth).unwrap());
        let tenant = "INSERT INTO v_domains (domain_uuid, domain_name, domain_enabled, domain_description)
             VALUES (md5('hostile ' || $1)::uuid, $2, true, $2)";
        sqlx::query(tenant).bind(nth).bind(&payload).execute(&database).await.unwrap();
        let value = "INSERT INTO v_domain_settings (domain_setting_uuid, domain_uuid, domain_setting_category,
                domain_setting_subcategory, domain_setting_name, domain_setting_value, domain_setting_enabled)
             VALUES (gen_random_uuid(), md5('hostile ' || $1)::uuid, 'users', 'password_length', 'numeric', $2, true)";
        sqlx::query(value).bind(nth).bind(&payload).execute(&database).await.unwrap();
    }
    for (key, payload) in ["password_length", "password_number", "password_special"].into_iter().zip(PAYLOADS) {
        let sql = "UPDATE v_default_settings SET default_setting_value = $2
             WHERE default_setting_category = 'users' AND default_setting_subcategory = $1";
        sqlx::query(sql).bind(key).bind(payload).execute(&database).await.unwrap();
    }
    database.close().await;

    let state = world.directory().join("console");
    // The store's key is heeded for its owner only; it is ours while we write.
    let key = state.join("store.key");
    let owner = std::fs::metadata(&key).unwrap().uid();
    chown(&key, Some(nix::unistd::Uid::effective().as_raw()), None).unwrap();
    let deeds = build::deeds(&state, Arc::new(SystemClock), Arc::new(SystemRandom)).await.unwrap();
    for payload in PAYLOADS {
        let actor = Actor { name: payload.to_owned(), address: Some(payload.to_owned()) };
        let (before, after) = (Some(payload), Some(payload));
        let act = Act { act: payload, subject: payload, before, after, ..Act::default() };
        deeds.store.refuse_entry(&actor, act, payload, SystemClock.now()).await.unwrap();
    }
    deeds.store.close().await;
    chown(&key, Some(owner), None).unwrap();
    let own = SqlitePool::connect(&format!("sqlite://{}", state.join("rampart.sqlite").display())).await.unwrap();
    for (nth, payload) in PAYLOADS.iter().enumerate() {
        let id = i64::try_from(nth).unwrap() + 1_000;
        let certificate =
            "INSERT INTO certificates (id, names, key_kind, created_at, generation, issuer, serial, not_before,
                not_after, failures, last_attempt_at, last_failure, next_attempt_at)
             VALUES ($1, $2, 'ecdsa-p256', 1, 1, $3, $3, 1, 4000000000, 1, 1, $3, 4000000000)";
        let names = format!("[\"n{id}.example.test\"]");
        sqlx::query(certificate).bind(id).bind(names).bind(payload).execute(&own).await.unwrap();
        let order =
            "INSERT INTO orders (id, certificate_id, asked_by, state, created_at, ended_at, failure_place, failure,
                served_serial)
             VALUES ($1, $1, $2, 'failed', 1, 2, $2, $2, $2)";
        sqlx::query(order).bind(id).bind(payload).execute(&own).await.unwrap();
        let step = "INSERT INTO order_steps (order_id, at, words) VALUES ($1, 1, $2)";
        sqlx::query(step).bind(id).bind(payload).execute(&own).await.unwrap();
    }
    own.close().await;
}

/// ASVS 1.2.1, 3.2.2.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_others_wrote_stays_text_in_the_browser() {
    let world = world().await;
    let browser = Browser::start(&world).await;
    browser.sign_in(&world).await;
    plant(&world).await;
    browser.press("form[action=\"/look-again\"] button").await;
    let reload = async || {
        browser.open("/certificates?find=alert").await;
        Ok(browser.texts("#coverage").await.iter().any(|table| table.contains("<svg onload=alert(1)>")).then_some(()))
    };
    browser.until("the hostile tenants", reload).await;

    let mut waiting: Vec<String> =
        ["/", "/passwords", "/certificates", "/trail", "/ssh", "/upgrades", "/firewall", "/xml-rpc", "/intrusion"]
            .map(ToOwned::to_owned)
            .to_vec();
    waiting.extend((1_000..1_060).step_by(4).map(|order| format!("/certificates/orders/{order}")));
    let (mut words, mut seen) = (String::new(), 0);
    while let Some(page) = waiting.pop() {
        browser.open(&page).await;
        assert_eq!(browser.run(FOREIGN).await, Value::String(String::new()), "{page}");
        words.push_str(&browser.texts("main").await.concat());
        seen += 1;
        // On to the next page of every list.
        let onward = browser
            .run("return [...document.querySelectorAll('.pager a')].map((a) => a.getAttribute('href')).join('\\n')")
            .await;
        let onward = onward.as_str().unwrap_or_default().to_owned();
        let here = page.split('?').next().unwrap_or_default().to_owned();
        let fresh = onward
            .lines()
            .filter(|to| seen < 60 && to.contains("after=") || to.contains("before=") || to.ends_with("page=1"));
        waiting.extend(fresh.map(|to| if to.starts_with('?') { format!("{here}{to}") } else { to.to_owned() }));
    }

    assert_eq!(browser.witnessed().await, "");
    for payload in ["<script>alert(1)</script>", "<svg onload=alert(1)>", "\\u{202e}tpircs", "zero\\u{200b}width"] {
        assert!(words.contains(payload), "{payload} was never shown");
    }
    assert!(!world.logs().contains("broke the content security policy"), "{}", world.logs());
    // The witness is awake, and what breaks the policy is reported.
    browser
        .run("document.body.append(Object.assign(document.createElement('img'), { src: 'https://evil.example/x' }))")
        .await;
    browser
        .until("a report", async || Ok(world.logs().contains("broke the content security policy").then_some(())))
        .await;
    assert!(world.logs().contains("policy.blocked=\"https://evil.example\""), "{}", world.logs());
    browser.close().await;
}
