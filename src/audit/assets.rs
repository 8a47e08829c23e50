//! What stands in front of each asset: a layer counts only where a check has seen it stand.

use serde::{Deserialize, Serialize};

use crate::audit::finding::Outcome;
use crate::audit::registry::Report;

/// Something that an attacker wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asset {
    /// A shell on the host.
    Ssh,
    /// FusionPBX's pages.
    WebAdmin,
    /// Registrations and calls.
    Sip,
    /// Phones' configurations.
    Provisioning,
    /// The XML RPC module.
    XmlRpc,
    /// FreeSWITCH's event socket.
    EventSocket,
    /// FusionPBX's database.
    PostgreSql,
}

/// One independent layer in front of an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// It listens only where it must.
    BindAddress,
    /// The firewall keeps strangers away.
    Firewall,
    /// A list of addresses does.
    AccessList,
    /// A credential that holds.
    Credential,
    /// Guessing is slowed down and locked out.
    RateLimit,
    /// The line cannot be read.
    Tls,
}

/// Whether a layer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Every check behind it passed.
    Stands,
    /// A check behind it failed, or its risk was accepted.
    Missing,
    /// Nothing has looked, or not everything could be seen.
    Unknown,
}

/// One asset and its layers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guarded {
    /// Which asset.
    pub asset: Asset,
    /// The six layers, in their order.
    pub layers: Vec<(Layer, Standing)>,
}

impl Asset {
    /// All seven.
    pub const ALL: [Self; 7] =
        [Self::Ssh, Self::WebAdmin, Self::Sip, Self::Provisioning, Self::XmlRpc, Self::EventSocket, Self::PostgreSql];

    /// Its name on a page.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Ssh => "SSH",
            Self::WebAdmin => "web admin",
            Self::Sip => "SIP",
            Self::Provisioning => "provisioning",
            Self::XmlRpc => "XML RPC",
            Self::EventSocket => "event socket",
            Self::PostgreSql => "PostgreSQL",
        }
    }

    /// The checks that must all pass for `layer` to stand; none where nothing looks yet.
    const fn checks(self, layer: Layer) -> &'static [&'static str] {
        match (self, layer) {
            (Self::Ssh, Layer::Credential) => &["SSH-01", "SSH-02", "SSH-03"],
            (Self::Ssh, Layer::RateLimit) => &["SSH-05", "SSH-06", "F2B-01"],
            (Self::Ssh, Layer::Tls) => &["SSH-04"],
            (Self::WebAdmin, Layer::Credential) => &["US-01", "US-03", "US-05"],
            (Self::WebAdmin | Self::Provisioning, Layer::Tls) => &["TL-01", "TL-02"],
            (Self::WebAdmin, Layer::RateLimit) => &["F2B-01"],
            (Self::Provisioning, Layer::Credential) => &["PV-01"],
            // A strong password lets PV-02 pass without any list, so nothing proves the list itself yet.
            (Self::XmlRpc, Layer::Credential) => &["SW-03"],
            (Self::EventSocket, Layer::BindAddress) => &["SW-01"],
            (Self::EventSocket, Layer::Credential) => &["SW-02"],
            _ => &[],
        }
    }
}

impl Layer {
    /// All six.
    pub const ALL: [Self; 6] =
        [Self::BindAddress, Self::Firewall, Self::AccessList, Self::Credential, Self::RateLimit, Self::Tls];

    /// Its name on a page.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::BindAddress => "bind address",
            Self::Firewall => "firewall",
            Self::AccessList => "access list",
            Self::Credential => "credential",
            Self::RateLimit => "rate limit",
            Self::Tls => "encryption",
        }
    }
}

impl Guarded {
    /// How many layers are like `standing`.
    #[must_use]
    pub fn count(&self, standing: Standing) -> usize {
        self.layers.iter().filter(|(_, known)| *known == standing).count()
    }
}

/// The layers in front of every asset, as far as `report` knows them.
#[must_use]
pub fn layers(report: &Report) -> Vec<Guarded> {
    let guarded = |asset: Asset| Guarded {
        asset,
        layers: Layer::ALL.into_iter().map(|layer| (layer, standing(report, asset.checks(layer)))).collect(),
    };
    Asset::ALL.into_iter().map(guarded).collect()
}

/// A layer stands if every check behind it does, and is missing if one of them failed.
fn standing(report: &Report, checks: &[&str]) -> Standing {
    let all: Vec<Standing> = checks.iter().map(|id| one_check(report, id)).collect();
    if all.contains(&Standing::Missing) {
        Standing::Missing
    } else if all.is_empty() || all.contains(&Standing::Unknown) {
        Standing::Unknown
    } else {
        Standing::Stands
    }
}

fn one_check(report: &Report, id: &str) -> Standing {
    let findings = report.findings.iter().filter(|finding| finding.id.as_str() == id);
    let outcomes: Vec<Outcome> = findings.map(|finding| finding.outcome).collect();
    if outcomes.iter().any(|outcome| matches!(outcome, Outcome::Fail | Outcome::Accepted)) {
        Standing::Missing
    } else if outcomes.contains(&Outcome::NotTested) || !outcomes.contains(&Outcome::Pass) {
        Standing::Unknown
    } else {
        Standing::Stands
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::facts::Facts;
    use crate::audit::registry::{checks, judge};
    use crate::base::clock::Timestamp;

    fn report(change: impl Fn(&str) -> Outcome) -> Report {
        let mut report = judge(&Facts::none(Timestamp::from_unix(0)));
        for finding in &mut report.findings {
            finding.outcome = change(finding.id.as_str());
        }
        report
    }

    fn of(report: &Report, asset: Asset, layer: Layer) -> Standing {
        let guarded = layers(report).into_iter().find(|guarded| guarded.asset == asset).unwrap();
        guarded.layers.into_iter().find(|(known, _)| *known == layer).unwrap().1
    }

    #[test]
    fn without_facts_every_layer_is_unknown() {
        let report = report(|_| Outcome::NotTested);

        assert!(layers(&report).iter().all(|guarded| guarded.count(Standing::Unknown) == 6));
    }

    #[test]
    fn a_layer_stands_only_if_every_check_behind_it_passes() {
        let good = report(|_| Outcome::Pass);
        let weak = report(|id| if id == "SSH-02" { Outcome::Fail } else { Outcome::Pass });
        let half = report(|id| if id == "SSH-02" { Outcome::NotTested } else { Outcome::Pass });

        assert_eq!(of(&good, Asset::Ssh, Layer::Credential), Standing::Stands);
        assert_eq!(of(&weak, Asset::Ssh, Layer::Credential), Standing::Missing);
        assert_eq!(of(&half, Asset::Ssh, Layer::Credential), Standing::Unknown);
        assert_eq!(of(&good, Asset::PostgreSql, Layer::BindAddress), Standing::Unknown);
    }

    #[test]
    fn every_check_named_here_exists() {
        for asset in Asset::ALL {
            for id in Layer::ALL.into_iter().flat_map(|layer| asset.checks(layer)) {
                assert!(checks().any(|check| check.id == *id), "{id}");
            }
        }
    }
}
