//! What was read, when, and what could not be read. The sweep fills it; checks only look.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::audit::credentials::CredentialFacts;
use crate::audit::finding::Evidence;
use crate::audit::firewall::FirewallFacts;
use crate::base::clock::{Timestamp, spoken};
use crate::fusionpbx::survey::{Part, Survey};
use crate::wire::answer::{CertificateFacts, Hello, LeafFacts, PackageFacts, SshFacts};
use crate::wire::inventory::Inventory;
use crate::wire::switch::SwitchFacts;

/// The age beyond which a fact says nothing any more: 24 hours.
pub const TOO_OLD: Duration = Duration::from_hours(24);

/// How far ahead of the clock a reading may lie before it is not believed: 5 minutes.
const AHEAD: Duration = Duration::from_mins(5);

/// One source of facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Source<T> {
    /// Nobody has looked since the console was set up.
    NotYet,
    /// It was read.
    Known {
        /// When.
        at: Timestamp,
        /// What it said.
        value: T,
    },
    /// It could not be read.
    Unknown {
        /// When that was tried.
        at: Timestamp,
        /// Why not, in words an operator can act on, without secrets.
        reason: String,
    },
}

/// Everything a sweep has gathered. Same facts, same findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The moment of judging.
    pub now: Timestamp,
    /// The agent's introduction.
    pub agent: Source<Hello>,
    /// Effective settings of sshd.
    pub ssh: Source<SshFacts>,
    /// State of Debian's packages.
    pub packages: Source<PackageFacts>,
    /// Certificates that the agent keeps on disk.
    pub kept: Source<CertificateFacts>,
    /// What the listeners showed in handshakes.
    pub served: Source<ServedFacts>,
    /// Every certificate of the host, found and not configured.
    pub inventory: Source<Inventory>,
    /// FusionPBX's database.
    pub fusionpbx: Source<Survey>,
    /// The last audit of FusionPBX's credentials.
    pub credentials: Source<CredentialFacts>,
    /// FreeSWITCH's XML RPC and event socket.
    pub switch: Source<SwitchFacts>,
    /// The firewall, and who reaches what through it.
    pub firewall: Source<FirewallFacts>,
}

/// What was seen by shaking hands with the listeners.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedFacts {
    /// One entry for each listener and name that was tried.
    pub handshakes: Vec<ServedName>,
}

/// One handshake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedName {
    /// Address and port.
    pub listener: String,
    /// The name that was asked for (SNI).
    pub name: String,
    /// The leaf that was served, or why there was none.
    pub outcome: Result<LeafFacts, String>,
    /// Whether the leaf is signed by its own key; false where there was none.
    pub self_signed: bool,
}

/// A fact that may be judged.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a, T> {
    /// When it was read.
    pub at: Timestamp,
    /// What it said.
    pub value: &'a T,
    /// Its age, where that is more than this source should have.
    pub old: Option<Duration>,
}

/// Why a check could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untested {
    /// Where the fact would have come from.
    pub source: &'static str,
    /// When that was last tried; the moment of judging if never.
    pub at: Timestamp,
    /// What is in the way.
    pub reason: String,
}

impl<T> Source<T> {
    /// The fact, unless it is missing, older than [`TOO_OLD`], or from the future. Past `usual` its age is shown.
    fn read(&self, name: &'static str, now: Timestamp, usual: Duration) -> Result<Reading<'_, T>, Untested> {
        let untested = |at, reason| Err(Untested { source: name, at, reason });
        match self {
            Self::NotYet => untested(now, "not read yet".to_owned()),
            Self::Unknown { at, reason } => untested(*at, reason.clone()),
            Self::Known { at, .. } if at.since(now) > AHEAD => {
                untested(*at, "the last reading lies ahead of the clock; the clock was moved".to_owned())
            }
            Self::Known { at, .. } if now.since(*at) > TOO_OLD => {
                untested(*at, format!("last read {} h ago", now.since(*at).as_secs() / 3_600))
            }
            Self::Known { at, value } => {
                let age = now.since(*at);
                Ok(Reading { at: *at, value, old: (age > usual).then_some(age) })
            }
        }
    }
}

impl<T> Reading<'_, T> {
    /// Evidence from this reading, with its age on top where that is more than usual.
    pub fn evidence(&self, source: &str, lines: impl IntoIterator<Item = String>) -> Evidence {
        let age = self.old.map(|age| format!("(read {} ago, later readings are missing)", spoken(age)));
        Evidence::new(source, self.at, age.into_iter().chain(lines))
    }
}

impl Facts {
    /// Facts of which none has been read.
    #[must_use]
    pub const fn none(now: Timestamp) -> Self {
        Self {
            now,
            agent: Source::NotYet,
            ssh: Source::NotYet,
            packages: Source::NotYet,
            kept: Source::NotYet,
            served: Source::NotYet,
            inventory: Source::NotYet,
            fusionpbx: Source::NotYet,
            credentials: Source::NotYet,
            switch: Source::NotYet,
            firewall: Source::NotYet,
        }
    }

    /// sshd's settings; usually at most an hour old.
    ///
    /// # Errors
    /// Says why there is nothing to judge, as do all the others here.
    pub(crate) fn ssh(&self) -> Result<Reading<'_, SshFacts>, Untested> {
        self.ssh.read("sshd -T", self.now, Duration::from_hours(1))
    }

    /// Debian's packages; usually at most six hours old.
    pub(crate) fn packages(&self) -> Result<Reading<'_, PackageFacts>, Untested> {
        self.packages.read("apt", self.now, Duration::from_hours(6))
    }

    /// The certificates on disk; usually at most an hour old.
    pub(crate) fn kept(&self) -> Result<Reading<'_, CertificateFacts>, Untested> {
        self.kept.read("the agent's certificates", self.now, Duration::from_hours(1))
    }

    /// What is served; usually at most an hour old.
    pub(crate) fn served(&self) -> Result<Reading<'_, ServedFacts>, Untested> {
        self.served.read("handshakes", self.now, Duration::from_hours(1))
    }

    /// Every certificate of the host; usually at most two hours old.
    pub(crate) fn inventory(&self) -> Result<Reading<'_, Inventory>, Untested> {
        self.inventory.read("the host's certificates", self.now, Duration::from_hours(2))
    }

    /// FreeSWITCH; usually at most an hour old.
    pub(crate) fn switch(&self) -> Result<Reading<'_, SwitchFacts>, Untested> {
        self.switch.read("FreeSWITCH", self.now, Duration::from_hours(1))
    }

    /// The firewall; usually at most an hour old.
    pub(crate) fn firewall(&self) -> Result<Reading<'_, FirewallFacts>, Untested> {
        self.firewall.read("firewall", self.now, Duration::from_hours(1))
    }

    /// One part of what is known of FreeSWITCH.
    pub(crate) fn switch_part<T>(
        &self,
        pick: impl FnOnce(&SwitchFacts) -> &Result<T, String>,
    ) -> Result<Reading<'_, T>, Untested> {
        let Reading { at, value, old } = self.switch()?;
        match pick(value) {
            Ok(value) => Ok(Reading { at, value, old }),
            Err(reason) => Err(Untested { source: "FreeSWITCH", at, reason: reason.clone() }),
        }
    }

    /// FusionPBX's database; usually at most an hour old.
    pub(crate) fn survey(&self) -> Result<Reading<'_, Survey>, Untested> {
        self.fusionpbx.read("FusionPBX's database", self.now, Duration::from_hours(1))
    }

    /// The last audit of credentials; usually at most seven hours old.
    pub(crate) fn credentials(&self) -> Result<Reading<'_, CredentialFacts>, Untested> {
        self.credentials.read("the audit of credentials", self.now, Duration::from_hours(7))
    }

    /// One part of what FusionPBX's database says.
    pub(crate) fn part<T>(&self, pick: impl FnOnce(&Survey) -> &Part<T>) -> Result<Reading<'_, T>, Untested> {
        let Reading { at, value, old } = self.survey()?;
        match pick(value) {
            Ok(value) => Ok(Reading { at, value, old }),
            Err(reason) => Err(Untested { source: "FusionPBX's database", at, reason: reason.clone() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_795_371_696);

    fn read_at(at: Timestamp) -> Source<u8> {
        Source::Known { at, value: 7 }
    }

    fn read(source: &Source<u8>) -> Result<Reading<'_, u8>, Untested> {
        source.read("test", NOW, Duration::from_hours(1))
    }

    #[test]
    fn a_fresh_fact_is_judged_and_an_older_one_shows_its_age() {
        let fresh = read_at(NOW.minus(Duration::from_mins(59)));
        let older = read_at(NOW.minus(Duration::from_hours(5)));

        assert_eq!(read(&fresh).unwrap().old, None);
        let lines = read(&older).unwrap().evidence("test", ["a line".to_owned()]).lines;
        assert_eq!(lines, ["(read 5 h ago, later readings are missing)", "a line"]);
    }

    #[test]
    fn a_fact_older_than_a_day_or_from_the_future_is_not_judged() {
        let old = read_at(NOW.minus(Duration::from_hours(31)));
        let ahead = read_at(NOW.plus(Duration::from_hours(1)));

        assert_eq!(read(&old).unwrap_err().reason, "last read 31 h ago");
        assert!(read(&ahead).unwrap_err().reason.contains("ahead of the clock"));
    }

    #[test]
    fn facts_survive_being_stored() {
        let mut facts = Facts::none(NOW);
        facts.ssh = Source::Unknown { at: NOW, reason: "the agent is not running".to_owned() };
        facts.served = Source::Known { at: NOW, value: ServedFacts::default() };

        let text = serde_json::to_string(&facts).unwrap();

        assert_eq!(serde_json::from_str::<Facts>(&text).unwrap(), facts);
    }
}
