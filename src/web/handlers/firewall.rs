//! The firewall: who reaches what, one question, and the rules themselves.

use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use crate::audit::finding::Wall;
use crate::audit::firewall::{self, FirewallFacts, ReachFacts, ServiceFacts, ZoneFacts};
use crate::base::chain::printable;
use crate::base::clock::Timestamp;
use crate::firewall::explain::{Asked, Explained, explain};
use crate::firewall::reach::{Carried, Verdict};
use crate::web::auth::Visit;
use crate::web::error::PageError;
use crate::web::handlers::draw;
use crate::web::pages::firewall::{
    AnswerView, AskView, CellView, ChainView, FirewallPage, FirewallView, RuleView, ServiceView,
};
use crate::web::parts::Mark;
use crate::web::state::AppState;
use crate::web::{routes, view};
use crate::wire::firewall::{BootFacts, FirewallSaves};

/// Protocols that can be asked for.
const PROTOCOLS: [(&str, &str, Carried); 3] =
    [("tcp", "TCP", Carried::Tcp), ("udp", "UDP", Carried::Udp), ("ping", "Ping", Carried::Echo)];

/// What the address asks for.
#[derive(Clone, Deserialize)]
pub(crate) struct FirewallAsk {
    #[serde(default)]
    from: String,
    #[serde(default)]
    port: String,
    #[serde(default)]
    protocol: String,
    #[serde(default)]
    interface: String,
}

/// The page.
pub(crate) async fn get(
    State(app): State<AppState>,
    visit: Visit,
    Query(ask): Query<FirewallAsk>,
) -> Result<Response, PageError> {
    let walls = app.walls.borrow().clone();
    let facts = &walls.facts.firewall;
    let saves = view::known(facts).map(|(facts, _)| facts.saves.clone());
    draw(&FirewallPage {
        frame: view::frame(&app, &visit, Wall::Firewall.title(), Wall::Firewall.slug()).await?,
        head: view::wall_head(&walls, Wall::Firewall, view::read_at(facts), app.deeds.clock.now()),
        findings: view::wall_findings(&walls, Wall::Firewall),
        ask: asked(&ask, saves).await,
        facts: view::known(facts).map(|(facts, at)| facts_view(facts, at)),
    })
}

/// The question as it was typed, with its answer.
async fn asked(ask: &FirewallAsk, saves: Result<FirewallSaves, String>) -> AskView {
    let mut drawn = AskView {
        action: routes::FIREWALL.to_owned(),
        from: printable(&ask.from),
        port: printable(&ask.port),
        protocols: PROTOCOLS
            .iter()
            .map(|(value, words, _)| ((*value).to_owned(), (*words).to_owned(), ask.protocol == *value))
            .collect(),
        interface: printable(&ask.interface),
        fault: None,
        answer: None,
    };
    if ask.from.trim().is_empty() {
        return drawn;
    }
    match (parse(ask), saves) {
        (Err(fault), _) | (_, Err(fault)) => drawn.fault = Some(fault),
        (Ok(asked), Ok(saves)) => {
            // A large rule set takes a while, and others wait for this thread.
            let explained = tokio::task::spawn_blocking(move || {
                let snapshot = firewall::snapshot(&saves);
                explain(&firewall::rules(&saves, &snapshot), &snapshot.host(), &asked)
            });
            match explained.await {
                Ok(Ok(explained)) => drawn.answer = Some(answer_view(&explained)),
                Ok(Err(fault)) => drawn.fault = Some(fault),
                Err(_) => drawn.fault = Some("The question could not be worked out; the log says more.".to_owned()),
            }
        }
    }
    drawn
}

fn parse(ask: &FirewallAsk) -> Result<Asked, String> {
    let from =
        ask.from.trim().parse().map_err(|_| "Give one address, such as 203.0.113.9 or 2001:db8::9.".to_owned())?;
    let carried = PROTOCOLS.iter().find(|(value, ..)| *value == ask.protocol).map_or(Carried::Tcp, |found| found.2);
    let port = match ask.port.trim() {
        "" if !carried.has_ports() => 0,
        text => text.parse().map_err(|_| "Give one port, from 0 to 65535.".to_owned())?,
    };
    let interface = Some(ask.interface.trim().to_owned()).filter(|name| !name.is_empty());
    Ok(Asked { from, to: None, port, carried, interface })
}

fn answer_view(explained: &Explained) -> AnswerView {
    AnswerView {
        mark: mark(explained.verdict.words()),
        words: printable(&explained.head),
        reason: printable(&explained.reason),
        path: explained.path.iter().map(|(what, place)| ((*what).to_owned(), printable(place))).collect(),
    }
}

/// Reachable is neither good nor bad by itself: findings say where it is.
fn mark(verdict: &str) -> Mark {
    if verdict == Verdict::Unreachable.words() {
        Mark::Pass
    } else if verdict == Verdict::Reachable.words() {
        Mark::Plain
    } else {
        Mark::NotTested
    }
}

fn facts_view(facts: &FirewallFacts, at: Timestamp) -> FirewallView {
    let mut chains: Vec<ChainView> = Vec::new();
    for rule in &facts.rules {
        let title = printable(&rule.chain);
        if chains.last().is_none_or(|chain| chain.title != title) {
            chains.push(ChainView { title, rules: Vec::new() });
        }
        let row = RuleView {
            number: rule.number.to_string(),
            text: printable(&rule.text),
            packets: rule.packets.map_or_else(String::new, |packets| packets.to_string()),
            owner: rule.owner.clone(),
        };
        chains.last_mut().into_iter().for_each(|chain| chain.rules.push(row.clone()));
    }
    let shown = facts.rules.len();
    let rule_words = if shown < facts.rule_count {
        format!("{} rules; the first {shown} are shown.", facts.rule_count)
    } else {
        format!("{shown} rules.")
    };
    FirewallView {
        source: format!("the save tools of every backend, read {}", at.minutes()),
        doubts: facts.doubts.iter().map(|doubt| printable(doubt)).collect(),
        zones: facts.zones.iter().map(|zone| (zone.place.clone(), zone_note(zone))).collect(),
        services: facts.services.iter().map(|service| service_view(service, &facts.zones)).collect(),
        boot: boot_lines(&facts.saves.boot, &facts.backends),
        chains,
        rule_words,
    }
}

fn zone_note(zone: &ZoneFacts) -> String {
    let note = format!("{} by {}", if zone.v6 { "IPv6" } else { "IPv4" }, printable(&zone.interface));
    if zone.no_neighbours { format!("{note}, neighbour discovery dropped") } else { note }
}

fn service_view(service: &ServiceFacts, zones: &[ZoneFacts]) -> ServiceView {
    let cell = |(zone, reached): (&ZoneFacts, &Option<ReachFacts>)| {
        let label = format!("{}, {}", zone.place, zone_note(zone));
        match reached {
            Some(reached) => CellView {
                zone: label,
                mark: mark(&reached.verdict),
                words: reached.verdict.clone(),
                note: printable(&reached.words),
            },
            None => CellView { zone: label, mark: Mark::Plain, words: "not bound".to_owned(), note: String::new() },
        }
    };
    ServiceView {
        name: format!("{} {}", if service.udp { "udp" } else { "tcp" }, service.port),
        address: if service.address == "*" { "every address".to_owned() } else { printable(&service.address) },
        holder: printable(&service.holder),
        cells: zones.iter().zip(&service.reached).map(cell).collect(),
    }
}

fn boot_lines(boot: &BootFacts, backends: &[String]) -> Vec<String> {
    let unit = |name: &str, enabled: bool| format!("{name} is {}.", if enabled { "enabled" } else { "not enabled" });
    let file = |name: &str, text: &Option<String>| match text {
        Some(text) => {
            let rules = text.lines().filter(|line| line.starts_with("-A ")).count();
            format!("{name} holds {rules} rules.")
        }
        None => format!("{name} is not there."),
    };
    let running = if backends.is_empty() { "no backend".to_owned() } else { backends.join(", ") };
    vec![
        format!("Rules stand now in {running}."),
        unit("netfilter-persistent", boot.netfilter_persistent),
        file("/etc/iptables/rules.v4", &boot.rules_v4),
        file("/etc/iptables/rules.v6", &boot.rules_v6),
        unit("nftables", boot.nftables),
    ]
}
