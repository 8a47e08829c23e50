//! What is known of FreeSWITCH's certificate, in words for its page.

use crate::audit::walls::Walls;
use crate::base::chain::printable;
use crate::base::clock::Timestamp;
use crate::web::pages::switch_certificate::{SwitchListener, SwitchProfile};
use crate::web::pages::xml_rpc::{SwitchGroup, SwitchView};
use crate::web::parts::Mark;
use crate::web::view;
use crate::wire::switch_tls::{ProfileFacts, ProfileName, SwitchServed, TlsFacts};

/// The facts of the last look, with their time, or why there are none.
pub(super) fn tls(walls: &Walls) -> Result<(&TlsFacts, Timestamp), String> {
    let (facts, at) = view::known(&walls.facts.switch)?;
    let none = "FreeSWITCH has no directory of certificates (/etc/freeswitch/tls): make it, owned as FreeSWITCH's other files";
    facts.tls.as_ref().map(|tls| (tls, at)).ok_or_else(|| none.to_owned())
}

/// Files and names.
pub(super) fn view(tls: &TlsFacts, at: Timestamp) -> SwitchView {
    let pair = |name: &str, value: &str| (name.to_owned(), printable(value));
    let file = |facts: &crate::wire::switch::FileFacts| {
        format!("{}, owned by uid {}, mode {:04o}", facts.path, facts.owner, facts.mode)
    };
    let bundle = tls.bundle.as_ref().map(|bundle| {
        vec![
            pair("File", &file(&bundle.file)),
            pair("Names", &bundle.leaf.names.join(" ")),
            pair("Issuer", &bundle.leaf.issuer),
            pair("Serial", &bundle.leaf.serial),
            pair("Valid", &format!("{} to {}", bundle.leaf.not_before.minutes(), bundle.leaf.not_after.minutes())),
            pair("Key", &bundle.leaf.key),
            pair("Key belongs to it", if bundle.key_matches { "yes" } else { "no: no handshake can work" }),
            pair("Certificates in it", &bundle.certificates.to_string()),
        ]
    });
    let mut names: Vec<(String, String)> = vec![pair("Directory", &file(&tls.directory))];
    names.extend(tls.names.iter().map(|(name, lies)| pair(name, lies)));
    let ours = match tls.ours {
        Some((certificate, generation)) => format!("certificate {certificate}, generation {}", generation.0),
        None => "nothing: it came from elsewhere".to_owned(),
    };
    names.push(pair("Put there by Rampart", &ours));
    SwitchView {
        source: format!("The agent's look at FreeSWITCH's files, read {}", at.minutes()),
        groups: vec![
            SwitchGroup { title: "all.pem".to_owned(), rows: bundle.map_err(|reason| printable(reason)) },
            SwitchGroup { title: "The names that FreeSWITCH reads".to_owned(), rows: Ok(names) },
        ],
    }
}

/// What each listener serves.
pub(super) fn listeners(tls: &TlsFacts) -> Vec<SwitchListener> {
    let listener = |seen: &SwitchServed| {
        let (mark, words) = match &seen.outcome {
            Ok(_) if seen.is_bundle => (Mark::Pass, "what lies on the disk".to_owned()),
            Ok(_) => (Mark::Fail, "something else than lies on the disk".to_owned()),
            Err(reason) => (Mark::Fail, printable(reason)),
        };
        let leaf = seen.outcome.as_ref().ok();
        SwitchListener {
            address: seen.listener.clone(),
            mark,
            words,
            names: leaf.map(|leaf| printable(&leaf.names.join(" "))).unwrap_or_default(),
            until: leaf.map(|leaf| leaf.not_after.minutes()).unwrap_or_default(),
        }
    };
    tls.served.iter().map(listener).collect()
}

/// The profiles that run.
pub(super) fn profiles(tls: &TlsFacts) -> Vec<SwitchProfile> {
    let profile = |own: &ProfileFacts| SwitchProfile {
        name: own.name.to_string(),
        tls: state(own.tls, || {
            let variable = if own.name.as_str().starts_with("external") { "external" } else { "internal" };
            format!(
                "off. In FusionPBX: Advanced, Variables, {variable}_ssl_enable = true; then Status, SIP Status: flush the \
                 cache, reload XML; then restart the profile"
            )
        }),
        wss: state(own.wss, || {
            format!(
                "off. In FusionPBX: Advanced, SIP Profiles, {}: enable wss-binding (:7443); then flush the cache, reload XML, \
                 restart the profile",
                own.name
            )
        }),
        calls: legs(own.calls),
        has_calls: own.calls > 0,
    };
    tls.profiles.as_ref().map(|profiles| profiles.iter().map(profile).collect()).unwrap_or_default()
}

/// What a restart of `wanted` would drop, as the last look counted it.
pub(super) fn calls(walls: &Walls, wanted: &ProfileName) -> String {
    let known = tls(walls).ok().and_then(|(tls, at)| {
        let profile = tls.profiles.as_ref().ok()?.iter().find(|own| own.name == *wanted)?;
        Some(format!("Every call on {wanted} ends: {} at {}.", legs(profile.calls), at.minutes()))
    });
    known.unwrap_or_else(|| format!("Every call on {wanted} ends; how many are up is not known."))
}

fn state(port: Option<u16>, off: impl FnOnce() -> String) -> String {
    port.map_or_else(off, |port| format!("on, port {port}"))
}

fn legs(calls: u64) -> String {
    match calls {
        0 => "no call is up".to_owned(),
        1 => "1 call leg is up".to_owned(),
        many => format!("{many} call legs are up"),
    }
}
