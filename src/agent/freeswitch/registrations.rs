//! Who is registered now: `show registrations as json`, counted.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use serde::Deserialize;

use crate::agent::freeswitch::esl::{EventSocket, refused};
use crate::base::chain::Chain;
use crate::wire::switch::{DirectoryUser, Registrations, Source};

/// The most addresses of an answer.
const MOST_SOURCES: usize = 1000;

#[derive(Deserialize)]
struct Shown {
    #[serde(default)]
    rows: Vec<Row>,
}

/// One row; FreeSWITCH tells more of each.
#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    reg_user: String,
    #[serde(default)]
    realm: String,
    #[serde(default)]
    network_ip: String,
}

/// One device. A phone says who it is; only what is an address or a name goes on from here.
pub(super) struct Registration {
    /// With which account; `None` if that is no name.
    pub(super) user: Option<DirectoryUser>,
    /// From where; `None` if that is no address.
    pub(super) address: Option<IpAddr>,
}

/// Asks.
///
/// # Errors
/// FreeSWITCH does not answer, or not in JSON.
pub(super) fn read(socket: &mut EventSocket) -> Result<Vec<Registration>, String> {
    let shown = socket.api("show registrations as json").map_err(|error| Chain(&error).to_string())?;
    if let Some(words) = refused(&shown) {
        return Err(format!("FreeSWITCH does not show its registrations: {words}"));
    }
    understood(&shown).ok_or_else(|| "FreeSWITCH's list of registrations is no JSON".to_owned())
}

fn understood(shown: &str) -> Option<Vec<Registration>> {
    let shown: Shown = serde_json::from_str(shown).ok()?;
    let registration = |row: Row| Registration {
        user: DirectoryUser::parse(&format!("{}@{}", row.reg_user, row.realm)).ok(),
        address: row.network_ip.parse().ok(),
    };
    Some(shown.rows.into_iter().map(registration).collect())
}

/// Counts the devices of the accounts `of`, and who else shares their addresses: a jail bans an address, not an account.
pub(super) fn count(rows: &[Registration], of: &[DirectoryUser]) -> Registrations {
    let of: HashSet<&DirectoryUser> = of.iter().collect();
    let mut counts: BTreeMap<Option<IpAddr>, (u64, u64)> = BTreeMap::new();
    for row in rows {
        let (all, asked) = counts.entry(row.address).or_default();
        *all += 1;
        *asked += u64::from(row.user.as_ref().is_some_and(|user| of.contains(user)));
    }
    let mut sources: Vec<Source> = counts
        .into_iter()
        .filter(|(_, (_, asked))| *asked > 0)
        .map(|(address, (all, asked))| Source { address, all, asked })
        .collect();
    sources.sort_by_key(|source| std::cmp::Reverse(source.all));
    let asked = sources.iter().map(|source| source.asked).sum();
    let cut = sources.len() > MOST_SOURCES;
    sources.truncate(MOST_SOURCES);
    Registrations { total: rows.len() as u64, asked, sources, cut }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> DirectoryUser {
        DirectoryUser::parse(name).unwrap()
    }

    #[test]
    fn devices_of_an_account_are_counted_where_they_are_with_who_shares_the_address() {
        let row = |user: &str, ip: &str| {
            format!(
                "{{\"reg_user\":\"{user}\",\"realm\":\"a.example.com\",\"network_ip\":\"{ip}\",\"url\":\"sofia/x\"}}"
            )
        };
        let rows = [
            row("1001", "203.0.113.5"),
            row("1002", "203.0.113.5"),
            row("1003", "203.0.113.5"),
            row("1001", "2001:db8::1"),
            row("1003", "198.51.100.7"),
            row("1001", "<b>"),
            row("<b>", "203.0.113.5"),
        ];
        let rows = understood(&format!("{{\"row_count\":7,\"rows\":[{}]}}", rows.join(","))).unwrap();

        let counted = count(&rows, &[user("1001@a.example.com"), user("1002@a.example.com")]);

        let source = |address: &str, all, asked| Source { address: address.parse().ok(), all, asked };
        assert_eq!((counted.total, counted.asked, counted.cut), (7, 4, false));
        assert_eq!(counted.sources, [source("203.0.113.5", 4, 2), source("", 1, 1), source("2001:db8::1", 1, 1)]);
        assert!(understood("{\"row_count\":0}").unwrap().is_empty());
        assert!(understood("-ERR nothing").is_none());
    }

    #[test]
    fn a_list_without_end_is_cut() {
        let row =
            |n: u32| format!("{{\"reg_user\":\"1\",\"realm\":\"a\",\"network_ip\":\"10.{}.{}.1\"}}", n >> 8, n & 255);
        let rows: Vec<String> = (0..6000).map(row).collect();
        let rows = understood(&format!("{{\"rows\":[{}]}}", rows.join(","))).unwrap();

        let counted = count(&rows, &[user("1@a")]);

        assert_eq!((counted.total, counted.asked, counted.sources.len()), (6000, 6000, 1000));
        assert!(counted.cut);
    }
}
