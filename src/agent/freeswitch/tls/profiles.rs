//! What FreeSWITCH says of its SIP profiles: which run, where they speak TLS, how many call legs are up on each; and the two
//! commands that make it take a new certificate up.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;

use crate::agent::config::FreeSwitchConfig;
use crate::agent::freeswitch::directory::profiles as names_of;
use crate::agent::freeswitch::esl::{EventSocket, refused};
use crate::agent::freeswitch::{listening, session};
use crate::base::chain::{Chain, printable};
use crate::wire::switch_tls::{MOST_PROFILES, ProfileFacts, ProfileName};

/// A profile that has just begun is not restarted before it has run for ten seconds; it is asked again so often.
const TRIES: u32 = 3;

/// The longest that FreeSWITCH is waited for before it lets a profile be restarted.
const LONGEST_WAIT: u64 = 12;

/// What `reloadcert` did.
pub(super) enum Told {
    /// FreeSWITCH has taken the command; whether it did it is for a handshake to say.
    Taken,
    /// This FreeSWITCH has no such command (before 1.11.1).
    Unknown {
        /// Its version.
        version: String,
    },
}

#[derive(Deserialize)]
struct Channels {
    #[serde(default)]
    rows: Vec<Channel>,
}

#[derive(Deserialize)]
struct Channel {
    #[serde(default)]
    name: String,
}

/// Every profile that runs.
///
/// # Errors
/// FreeSWITCH cannot be asked.
pub(super) fn read(config: &FreeSwitchConfig) -> Result<Vec<ProfileFacts>, String> {
    let mut socket = session::open(config)?;
    let status = ask(&mut socket, "sofia xmlstatus")?;
    let names = names_of(&status).ok_or("FreeSWITCH does not list its SIP profiles")?;
    let calls = calls(&ask(&mut socket, "show channels as json")?)?;
    let mut profiles = Vec::new();
    for name in names.iter().filter_map(|name| ProfileName::parse(name).ok()).take(MOST_PROFILES) {
        let status = ask(&mut socket, &format!("sofia status profile {name}"))?;
        profiles.push(ProfileFacts {
            tls: port_of(&status, "TLS-BIND-URL"),
            wss: port_of(&status, "WSS-BIND-URL"),
            calls: calls.get(name.as_str()).copied().unwrap_or_default(),
            name,
        });
    }
    Ok(profiles)
}

/// Where these profiles listen with TLS on this host, as the kernel says it. FreeSWITCH's own words name addresses of the
/// outside too, and files say whatever their owner wants: only sockets of this host are ever asked.
pub(super) fn listeners<'a>(profiles: impl IntoIterator<Item = &'a ProfileFacts>) -> Vec<SocketAddr> {
    let ports = profiles.into_iter().flat_map(|profile| [profile.tls, profile.wss]).flatten();
    let mut found: Vec<SocketAddr> = ports.flat_map(listening::at_port).map(listening::reachable).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// `reloadcert`: every profile takes its certificate from the disk anew; calls and connections stay.
///
/// # Errors
/// FreeSWITCH cannot be asked, or says something else than that it did or does not know the command.
pub(super) fn reload(config: &FreeSwitchConfig) -> Result<Told, String> {
    let mut socket = session::open(config)?;
    let answer = ask(&mut socket, "reloadcert")?;
    if answer.contains("Command not found") {
        let version = ask(&mut socket, "version short").unwrap_or_default();
        return Ok(Told::Unknown { version: printable(version.trim()).chars().take(60).collect() });
    }
    match refused(&answer) {
        Some(words) => Err(format!("FreeSWITCH did not reload its certificates: {}", printable(words))),
        None => Ok(Told::Taken),
    }
}

/// Restarts a profile: drops every call on it and every connection to it.
///
/// # Errors
/// FreeSWITCH cannot be asked, or refuses.
pub(super) fn restart(config: &FreeSwitchConfig, profile: &ProfileName) -> Result<(), String> {
    for _ in 0..TRIES {
        let answer = ask(&mut session::open(config)?, &format!("sofia profile {profile} restart"))?;
        if let Some(seconds) = told_to_wait(&answer) {
            std::thread::sleep(Duration::from_secs(seconds.min(LONGEST_WAIT)));
            continue;
        }
        return match refused(&answer) {
            None if answer.contains("restarting") => Ok(()),
            words => {
                let words = words.unwrap_or(&answer).trim();
                let words: String = printable(words).chars().take(200).collect();
                Err(format!("FreeSWITCH did not restart the profile {profile}: {words}"))
            }
        };
    }
    Err(format!("FreeSWITCH did not restart the profile {profile}: it had only just begun"))
}

fn ask(socket: &mut EventSocket, command: &str) -> Result<String, String> {
    socket.api(command).map_err(|error| Chain(&error).to_string())
}

/// `Please wait N seconds`, which begins with no `-ERR`.
fn told_to_wait(answer: &str) -> Option<u64> {
    let rest = answer.split_once("Please wait ")?.1;
    let seconds: u64 = rest.split_whitespace().next()?.parse().ok()?;
    Some(seconds.saturating_add(1))
}

/// The port of a line such as `TLS-BIND-URL  sips:mod_sofia@192.0.2.1:5061;transport=tls`.
fn port_of(status: &str, key: &str) -> Option<u16> {
    let line = status.lines().find_map(|line| {
        let rest = line.trim_start().strip_prefix(key)?;
        rest.starts_with(char::is_whitespace).then(|| rest.trim())
    })?;
    let url = line.split(';').next()?;
    url.rsplit_once(':')?.1.trim().parse().ok()
}

/// Call legs by profile: a channel is called `sofia/<profile>/…`.
fn calls(shown: &str) -> Result<BTreeMap<String, u64>, String> {
    let shown: Channels =
        serde_json::from_str(shown).map_err(|_| "FreeSWITCH's list of channels is no JSON".to_owned())?;
    let mut calls = BTreeMap::new();
    for channel in shown.rows {
        if let Some(("sofia", rest)) = channel.name.split_once('/') {
            *calls.entry(rest.split('/').next().unwrap_or_default().to_owned()).or_default() += 1;
        }
    }
    Ok(calls)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "=====\nName             \tinternal\nURL              \tsip:mod_sofia@198.51.100.1:5060\n\
                          BIND-URL         \tsip:mod_sofia@198.51.100.1:5060;maddr=192.0.2.1;transport=udp,tcp\n\
                          TLS-URL          \tsip:mod_sofia@198.51.100.1:5061\n\
                          TLS-BIND-URL     \tsips:mod_sofia@198.51.100.1:5061;maddr=192.0.2.1;transport=tls\n\
                          WSS-BIND-URL     \tsips:mod_sofia@[2001:db8::1]:7443;transport=wss\n";

    #[test]
    fn the_ports_of_tls_are_read_whatever_stands_around_them() {
        assert_eq!(port_of(STATUS, "TLS-BIND-URL"), Some(5061));
        assert_eq!(port_of(STATUS, "WSS-BIND-URL"), Some(7443));
        assert_eq!(port_of(STATUS, "WS-BIND-URL"), None);
        assert_eq!(port_of("TLS-BIND-URL x", "TLS-BIND-URL"), None);
    }

    #[test]
    fn call_legs_are_counted_for_each_profile() {
        let shown = "{\"row_count\":3,\"rows\":[{\"name\":\"sofia/internal/1001@a\"},{\"name\":\"sofia/internal/x/y\"},\
                     {\"name\":\"loopback/1\"},{\"name\":\"sofia/external/2\"}]}";

        let counted = calls(shown).unwrap();

        assert_eq!(counted.get("internal"), Some(&2));
        assert_eq!(counted.get("external"), Some(&1));
        assert_eq!(counted.len(), 2);
        assert!(calls("{\"row_count\":0}").unwrap().is_empty());
        assert!(calls("-ERR").is_err());
    }

    #[test]
    fn a_profile_that_is_too_young_says_how_long_to_wait() {
        let words = "Profile internal must be up for at least 10 seconds to stop/restart.\nPlease wait 7 seconds\n";

        assert_eq!(told_to_wait(words), Some(8));
        assert_eq!(told_to_wait("Reload XML [Success]\nrestarting: internal\n"), None);
    }
}
