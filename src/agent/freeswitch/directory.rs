//! What is done for accounts whose secret was changed: their cached directory entries are dropped, so that the next
//! registration meets the new secret, and their phones are told to fetch their settings again.
//!
//! Neither needs a grant. Nothing is lost: FreeSWITCH and FusionPBX make what was dropped anew from the database, and a phone
//! that is told to look again would do so by itself. What a captured console could do with them is bounded: typed names,
//! 200 at a time, and no phone is told twice within five minutes.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::agent::config::FreeSwitchConfig;
use crate::agent::freeswitch::esl::{EventSocket, refused};
use crate::agent::freeswitch::files::Ground;
use crate::agent::freeswitch::session;
use crate::base::chain::{Chain, printable};
use crate::wire::answer::Refusal;
use crate::wire::switch::{DirectoryUser, Flushed, MOST_USERS, Resynced};

/// A phone is not told again sooner.
const PAUSE: Duration = Duration::from_mins(5);

/// The most elements of FreeSWITCH's list of profiles: a provider has some thousand gateways in it.
const MOST_NODES: u32 = 500_000;

/// The most profiles of one FreeSWITCH that are asked.
const MOST_PROFILES: usize = 16;

/// When accounts were told to look again.
#[derive(Debug, Default)]
pub(super) struct Told(HashMap<DirectoryUser, Instant>);

impl Told {
    /// Whether `user` may be told now; notes that it was.
    fn tell(&mut self, user: &DirectoryUser, now: Instant) -> bool {
        self.0.retain(|_, then| now.duration_since(*then) < PAUSE);
        let is_free = !self.0.contains_key(user);
        if is_free {
            self.0.insert(user.clone(), now);
        }
        is_free
    }
}

/// Refuses a list that is empty or too long.
///
/// # Errors
/// It is.
pub(super) fn bounded(users: &[DirectoryUser]) -> Result<(), Refusal> {
    if (1..=MOST_USERS).contains(&users.len()) {
        return Ok(());
    }
    Err(Refusal::NotAllowed { reason: format!("between 1 and {MOST_USERS} accounts at a time") })
}

/// Drops the cached entries of `users`, as FusionPBX's own cache class does (`resources/classes/cache.php`): its files,
/// where `:` in a key is written `.`, or memcache's keys; then FreeSWITCH's own.
pub(super) fn flush(config: &FreeSwitchConfig, users: &[DirectoryUser]) -> Flushed {
    let mut flushed = Flushed::default();
    let host = nix::unistd::gethostname().unwrap_or_default().to_string_lossy().into_owned();
    match Ground::open(&config.cache, None) {
        Ok(cache) => {
            for user in users {
                remove(&cache, &format!("directory.{user}"), &mut flushed);
                // FusionPBX 5.3 and later put the host's name before the key.
                if !host.is_empty() && !host.contains('/') {
                    remove(&cache, &format!("{host}.directory.{user}"), &mut flushed);
                }
            }
        }
        // A FusionPBX that keeps its cache in memcache has no such directory.
        Err(error) if error.is_absent() => {}
        Err(error) => flushed.failed.push(Chain(&error).to_string()),
    }
    match session::open(config) {
        Ok(mut socket) => {
            if let Err(reason) = tell_freeswitch(&mut socket, users, &host, &mut flushed) {
                flushed.failed.push(reason);
            }
        }
        Err(reason) => flushed.failed.push(reason),
    }
    flushed
}

fn remove(cache: &Ground, name: &str, flushed: &mut Flushed) {
    match cache.remove(name) {
        Ok(was_there) => flushed.files += u64::from(was_there),
        Err(error) if flushed.failed.len() < 10 => flushed.failed.push(Chain(&error).to_string()),
        Err(_) => {}
    }
}

fn tell_freeswitch(
    socket: &mut EventSocket,
    users: &[DirectoryUser],
    host: &str,
    flushed: &mut Flushed,
) -> Result<(), String> {
    let failed = |error| Chain(&error).to_string();
    flushed.memcache = socket.api("module_exists mod_memcache").map_err(failed)?.trim() == "true";
    for user in users {
        if flushed.memcache {
            for key in [format!("directory:{user}"), format!("{host}:directory:{user}")] {
                // A key that is not there is no failure.
                socket.api(&format!("memcache delete {key}")).map_err(failed)?;
                socket.api(&format!("memcache delete {}", key.replace(':', "."))).map_err(failed)?;
            }
        }
        let answer = socket.api(&format!("xml_flush_cache id {} {}", user.user(), user.domain())).map_err(failed)?;
        match refused(&answer) {
            None => flushed.told += 1,
            Some(words) => return Err(format!("FreeSWITCH's directory cache: {}", printable(words))),
        }
    }
    Ok(())
}

/// Sends `NOTIFY` with `Event: check-sync` to the phones of `users`, on every profile.
///
/// # Errors
/// FreeSWITCH cannot be asked.
pub(super) fn resync(
    config: &FreeSwitchConfig,
    users: Vec<DirectoryUser>,
    told: &mut Told,
) -> Result<Resynced, String> {
    let failed = |error| Chain(&error).to_string();
    let mut socket = session::open(config)?;
    let status = socket.api("sofia xmlstatus").map_err(failed)?;
    let profiles = profiles(&status).ok_or("FreeSWITCH does not list its SIP profiles")?;
    let mut done = Resynced::default();
    for user in users {
        if !told.tell(&user, Instant::now()) {
            done.too_soon.push(user);
            continue;
        }
        let mut refusals = Vec::new();
        for profile in &profiles {
            let answer = socket.api(&format!("sofia profile {profile} check_sync {user}")).map_err(failed)?;
            refusals.extend(refused(&answer).map(|words| format!("{user} on {profile}: {}", printable(words))));
        }
        if refusals.len() < profiles.len() {
            done.told.push(user);
        } else {
            done.failed.extend(refusals);
        }
    }
    done.failed.truncate(20);
    Ok(done)
}

/// The names of the running profiles, out of what `sofia xmlstatus` says.
pub(super) fn profiles(status: &str) -> Option<Vec<String>> {
    // The declaration says ISO-8859-1; the names that go on are plain ASCII.
    let options = roxmltree::ParsingOptions { nodes_limit: MOST_NODES, ..roxmltree::ParsingOptions::default() };
    let document = roxmltree::Document::parse_with_options(status.trim_start(), options).ok()?;
    let plain = |name: &&str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        !name.is_empty() && name.len() <= 100 && name.bytes().all(allowed)
    };
    let own_name = |node: roxmltree::Node<'_, '_>| {
        node.children().find(|child| child.has_tag_name("name"))?.text().filter(plain).map(str::to_owned)
    };
    let mut found: Vec<String> =
        document.descendants().filter(|node| node.has_tag_name("profile")).filter_map(own_name).collect();
    found.sort();
    found.dedup();
    found.truncate(MOST_PROFILES);
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_named_once_and_only_by_plain_names() {
        let status = "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<profiles>\n<alias><name>a.example.com</name></alias>\
                      <profile><name>internal</name><state>RUNNING (0)</state></profile><profile><name>internal</name>\
                      </profile><profile><name>x y; stop</name></profile></profiles>\n";

        assert_eq!(profiles(status).unwrap(), ["internal"]);
        assert_eq!(profiles("-ERR no"), None);
    }

    #[test]
    fn nobody_is_told_twice_within_five_minutes() {
        let user = DirectoryUser::parse("1001@a.example.com").unwrap();
        let start = Instant::now();
        let mut told = Told::default();

        assert!(told.tell(&user, start));
        assert!(!told.tell(&user, start + Duration::from_secs(299)));
        assert!(told.tell(&user, start + Duration::from_secs(301)));
    }
}
