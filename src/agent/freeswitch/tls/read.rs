//! What is known of FreeSWITCH's certificate: the files, the profiles, and what each listener serves.

use tokio::runtime::Handle;

use crate::agent::certificates::in_force;
use crate::agent::config::FreeSwitchConfig;
use crate::agent::freeswitch::files::Ground;
use crate::agent::freeswitch::tls::ground::{self, BUNDLE, CA_FILE, LINKS};
use crate::agent::freeswitch::tls::way_back::{self, Stage};
use crate::agent::freeswitch::tls::{profiles, served};
use crate::agent::place::Place;
use crate::base::chain::Chain;
use crate::base::names::{CertificateName, Fqdn};
use crate::tls::{leaf, pair};
use crate::wire::grant::Consumer;
use crate::wire::switch_tls::{BundleFacts, SwitchServed, TlsFacts};

/// The name that is asked for where no certificate names one.
const ANY_NAME: &str = "freeswitch.invalid";

/// Reads everything; `None` where FreeSWITCH has no such directory.
pub(in crate::agent::freeswitch) fn read(config: &FreeSwitchConfig, place: &Place) -> Option<TlsFacts> {
    let ground = ground::open(config).ok()?;
    let (directory, _) = ground.facts().ok()?;
    let bundle = bundle(&ground);
    let leaf = bundle.as_ref().ok().and_then(|(_, der)| der.clone());
    let profiles = profiles::read(config);
    let listeners = profiles::listeners(profiles.as_deref().unwrap_or_default());
    let name = name(bundle.as_ref().map_or(&[][..], |(facts, _)| &facts.leaf.names));
    let seen = name.map_or_else(Vec::new, |name| Handle::current().block_on(served::look(&listeners, &name)));
    let served = seen
        .into_iter()
        .map(|(listener, seen)| SwitchServed {
            listener: listener.to_string(),
            is_bundle: seen.as_ref().is_ok_and(|seen| seen.chain.first() == leaf.as_ref()),
            certificates: seen.as_ref().map_or(0, |seen| count(seen.chain.len())),
            outcome: seen.map(|seen| seen.leaf),
        })
        .collect();
    let names = LINKS.into_iter().chain([CA_FILE]).map(|name| {
        let words = ground.lies(name).map_or_else(|error| Chain(&error).to_string(), |lies| lies.spoken());
        (name.to_owned(), words)
    });
    Some(TlsFacts {
        directory,
        names: names.collect(),
        bundle: bundle.map(|(facts, _)| facts),
        profiles,
        served,
        ours: in_force::read(place, Consumer::FreeSwitch)
            .ok()
            .flatten()
            .map(|record| (record.certificate, record.generation)),
        pending: way_back::mark(place, Stage::Pending).ok().flatten().map(|mark| mark.reason),
    })
}

/// `all.pem`, judged; and its leaf.
fn bundle(ground: &Ground) -> Result<(BundleFacts, Option<Vec<u8>>), String> {
    let failed = |error: &(dyn std::error::Error + 'static)| Chain(error).to_string();
    let found = ground.read(BUNDLE).map_err(|error| failed(&error))?;
    let chain =
        leaf::chain_from_pem(&String::from_utf8_lossy(found.bytes.expose())).map_err(|error| failed(&error))?;
    let first = chain.first().cloned().unwrap_or_default();
    let leaf = leaf::read(&first).map_err(|error| failed(&error))?;
    let key_matches = pair::matches(found.bytes.expose(), &first);
    let facts = BundleFacts { file: found.facts, leaf, certificates: count(chain.len()), key_matches };
    Ok((facts, Some(first)))
}

fn name(names: &[String]) -> Option<Fqdn> {
    let own = names.iter().find_map(|name| CertificateName::parse(name).ok()).map(|name| name.base().clone());
    own.or_else(|| Fqdn::parse(ANY_NAME).ok())
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
