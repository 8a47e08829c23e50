//! Who is registered now: `show registrations as json`, counted.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Deserialize;

use crate::agent::freeswitch::esl::{EventSocket, refused};
use crate::base::chain::Chain;
use crate::wire::switch::{DirectoryUser, Registrations};

/// The most addresses of an answer.
const MOST_SOURCES: usize = 1000;

/// The most accounts of an answer.
const MOST_ACCOUNTS: usize = 5000;

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

/// Asks and counts.
///
/// # Errors
/// FreeSWITCH does not answer, or not in JSON.
pub(super) fn read(socket: &mut EventSocket) -> Result<Registrations, String> {
    let shown = socket.api("show registrations as json").map_err(|error| Chain(&error).to_string())?;
    if let Some(words) = refused(&shown) {
        return Err(format!("FreeSWITCH does not show its registrations: {words}"));
    }
    count(&shown).ok_or_else(|| "FreeSWITCH's list of registrations is no JSON".to_owned())
}

fn count(shown: &str) -> Option<Registrations> {
    let shown: Shown = serde_json::from_str(shown).ok()?;
    let (mut sources, mut users) = (BTreeMap::<String, u64>::new(), BTreeMap::<String, u64>::new());
    let mut total = 0;
    for row in shown.rows {
        total += 1;
        // A phone says who it is; only what is an address or a name goes on from here.
        let source = row.network_ip.parse::<IpAddr>().map_or_else(|_| "unknown".to_owned(), |ip| ip.to_string());
        *sources.entry(source).or_default() += 1;
        let account = DirectoryUser::parse(&format!("{}@{}", row.reg_user, row.realm));
        *users.entry(account.map_or_else(|_| "unknown".to_owned(), |user| user.to_string())).or_default() += 1;
    }
    let cut = sources.len() > MOST_SOURCES || users.len() > MOST_ACCOUNTS;
    let largest = |counts: BTreeMap<String, u64>, most: usize| {
        let mut all: Vec<(String, u64)> = counts.into_iter().collect();
        all.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        all.truncate(most);
        all
    };
    Some(Registrations {
        total,
        by_source: largest(sources, MOST_SOURCES),
        by_user: largest(users, MOST_ACCOUNTS),
        cut,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_counted_by_source_and_by_account() {
        let row = |user: &str, ip: &str| {
            format!(
                "{{\"reg_user\":\"{user}\",\"realm\":\"a.example.com\",\"network_ip\":\"{ip}\",\"url\":\"sofia/x\"}}"
            )
        };
        let rows =
            [row("1001", "203.0.113.5"), row("1002", "203.0.113.5"), row("1001", "2001:db8::1"), row("<b>", "x")];
        let text = format!("{{\"row_count\":4,\"rows\":[{}]}}", rows.join(","));

        let counted = count(&text).unwrap();

        assert_eq!(counted.total, 4);
        let pair = |name: &str, count| (name.to_owned(), count);
        assert_eq!(counted.by_source, [pair("203.0.113.5", 2), pair("2001:db8::1", 1), pair("unknown", 1)]);
        assert_eq!(
            counted.by_user,
            [pair("1001@a.example.com", 2), pair("1002@a.example.com", 1), pair("unknown", 1)]
        );
        assert_eq!(count("{\"row_count\":0}").unwrap(), Registrations::default());
        assert_eq!(count("-ERR nothing"), None);
    }

    #[test]
    fn a_list_without_end_is_cut() {
        let row = |n: u32| {
            format!("{{\"reg_user\":\"{n}\",\"realm\":\"a\",\"network_ip\":\"10.{}.{}.1\"}}", n >> 8, n & 255)
        };
        let rows: Vec<String> = (0..6000).map(row).collect();

        let counted = count(&format!("{{\"rows\":[{}]}}", rows.join(","))).unwrap();

        assert_eq!((counted.total, counted.by_source.len(), counted.by_user.len()), (6000, 1000, 5000));
        assert!(counted.cut);
    }
}
