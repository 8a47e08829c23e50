//! Restarts SIP profiles, so that they take their certificate from the disk. Every call on them ends: calls that are up stop
//! it, unless whoever asked said that they may end.

use std::time::Duration;

use tokio::runtime::Handle;

use crate::agent::certificates::proof::prove;
use crate::agent::freeswitch::change::{Hands, unable};
use crate::agent::freeswitch::tls::ground::{self, BUNDLE};
use crate::agent::freeswitch::tls::way_back::{self, Stage};
use crate::agent::freeswitch::tls::{profiles, served};
use crate::base::chain::Chain;
use crate::base::names::CertificateName;
use crate::tls::{leaf, pair};
use crate::wire::answer::Refusal;
use crate::wire::switch::SwitchChanged;
use crate::wire::switch_tls::{MOST_PROFILES, ProfileFacts, ProfileName};

/// A restart goes on by itself after FreeSWITCH has answered: the listeners are asked once they are there again.
const AWAY: Duration = Duration::from_millis(500);

/// Restarts `wanted`, and proves that each serves what `all.pem` holds.
///
/// # Errors
/// Calls are up, the files are not fit to start with (nothing was done then), or a profile does not serve them: then what
/// FreeSWITCH served before is put back, if it is still kept.
pub(in crate::agent::freeswitch) fn restart(
    hands: Hands<'_>,
    wanted: &[ProfileName],
    even_with_calls: bool,
) -> Result<SwitchChanged, Refusal> {
    if wanted.is_empty() || wanted.len() > MOST_PROFILES {
        return Err(Refusal::NotAllowed { reason: format!("between 1 and {MOST_PROFILES} profiles at a time") });
    }
    let der = fit(hands)?;
    let running = profiles::read(hands.config).map_err(unable)?;
    let chosen: Vec<&ProfileFacts> =
        wanted.iter().filter_map(|name| running.iter().find(|profile| profile.name == *name)).collect();
    if chosen.len() < wanted.len() {
        return Err(unable("one of these SIP profiles does not run".to_owned()));
    }
    let calls: u64 = chosen.iter().map(|profile| profile.calls).sum();
    if calls > 0 && !even_with_calls {
        return Err(unable(format!("{} would be dropped; nothing was restarted", legs(calls))));
    }
    if let Err(reason) = restart_each(hands, &chosen, &der) {
        return Err(go_back(hands, &chosen, reason));
    }
    settle_if_all_serve(hands, &running, &der);
    let notes = if calls > 0 { vec![format!("{} ended.", legs(calls))] } else { Vec::new() };
    Ok(SwitchChanged { notes, ..SwitchChanged::default() })
}

/// `1 call leg`.
fn legs(calls: u64) -> String {
    if calls == 1 { "1 call leg".to_owned() } else { format!("{calls} call legs") }
}

/// The leaf of `all.pem`, if a profile can start with that file: one that is cut off stops the whole profile, UDP and TCP
/// too, and one whose key does not match leaves it without TLS.
fn fit(hands: Hands<'_>) -> Result<Vec<u8>, Refusal> {
    let read = ground::open(hands.config).and_then(|ground| ground.read(BUNDLE));
    let bundle = read.map_err(|error| unable(Chain(&error).to_string()))?.bytes;
    let chain = leaf::chain_from_pem(&String::from_utf8_lossy(bundle.expose()));
    let chain = chain.map_err(|error| unable(format!("{BUNDLE} is not fit to start with: {}", Chain(&error))))?;
    let first = chain.into_iter().next().unwrap_or_default();
    if !pair::matches(bundle.expose(), &first) {
        return Err(unable(format!("{BUNDLE} is not fit to start with: its key does not belong to its certificate")));
    }
    Ok(first)
}

fn restart_each(hands: Hands<'_>, chosen: &[&ProfileFacts], der: &[u8]) -> Result<(), String> {
    for profile in chosen {
        profiles::restart(hands.config, &profile.name)?;
    }
    std::thread::sleep(AWAY);
    for profile in chosen {
        proved(profile, der)?;
    }
    Ok(())
}

/// Waits until every TLS port of `profile` serves `der`.
fn proved(profile: &ProfileFacts, der: &[u8]) -> Result<(), String> {
    let leaf = leaf::read(der).map_err(|error| Chain(&error).to_string())?;
    let name = leaf.names.first().and_then(|name| CertificateName::parse(name).ok());
    let name = name.ok_or("its certificate has no name")?;
    let ports = [profile.tls, profile.wss].into_iter().flatten();
    let wanted: Vec<std::net::SocketAddr> = ports
        .map(|port| {
            let found = profiles::listeners([&ProfileFacts { tls: Some(port), wss: None, ..profile.clone() }]);
            // Not back yet, or gone for good: a handshake with loopback says which.
            found.first().copied().unwrap_or_else(|| ([127, 0, 0, 1], port).into())
        })
        .collect();
    Handle::current()
        .block_on(prove(&wanted, &[name], der))
        .map(drop)
        .map_err(|reason| format!("the profile {} does not serve it: {reason}", profile.name))
}

/// What FreeSWITCH served before comes back, where it is kept.
fn go_back(hands: Hands<'_>, chosen: &[&ProfileFacts], reason: String) -> Refusal {
    let gone = ground::open(hands.config)
        .map_err(way_back::WayBackError::from)
        .and_then(|ground| way_back::go(hands.place, &ground, Stage::Pending));
    match gone {
        Ok(Some((_, foreign))) if foreign.is_empty() => {}
        Ok(None) => return unable(reason),
        Ok(Some((_, foreign))) => {
            return unable(format!("{reason}; and somebody else changed {} meanwhile", foreign.join(" and ")));
        }
        Err(error) => {
            return unable(format!("{reason}; and the former files could not be put back: {}", Chain(&error)));
        }
    }
    let der = match fit(hands) {
        Ok(der) => der,
        Err(refusal) => return unable(format!("{reason}; the former files are back, but {refusal}")),
    };
    match restart_each(hands, chosen, &der) {
        Ok(()) => Refusal::RolledBack { reason },
        Err(more) => unable(format!("{reason}; the former files are back, but {more}")),
    }
}

/// Nothing waits any more once the other profiles serve it too.
fn settle_if_all_serve(hands: Hands<'_>, running: &[ProfileFacts], der: &[u8]) {
    let Ok(leaf) = leaf::read(der) else { return };
    let Some(name) = leaf.names.first().and_then(|name| CertificateName::parse(name).ok()) else { return };
    let listeners = profiles::listeners(running);
    let seen = Handle::current().block_on(served::look(&listeners, name.base()));
    let all =
        seen.iter().all(|(_, seen)| seen.as_ref().is_ok_and(|seen| seen.chain.first().is_some_and(|own| own == der)));
    if all && let Err(error) = way_back::settle(hands.place) {
        tracing::warn!("The way back could not be let go: {}", Chain(&error));
    }
}
