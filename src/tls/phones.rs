//! What is known of desk phones and the certificates that they accept, each line with the grade of its evidence. Nothing here
//! is as good as a phone that was seen to fetch its settings after the change.

/// How a fact came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// The phone was seen to do it.
    Observed,
    /// The maker's own manual says it.
    Manual,
    /// Somebody else's report.
    Report,
    /// FusionPBX's template sets it.
    Template,
    /// Nobody is known to have said.
    Unknown,
}

impl Grade {
    /// Words for a page.
    #[must_use]
    pub const fn spoken(self) -> &'static str {
        match self {
            Self::Observed => "observed here",
            Self::Manual => "the maker's manual",
            Self::Report => "a report",
            Self::Template => "FusionPBX's template",
            Self::Unknown => "not known",
        }
    }
}

/// Whom a phone trusts, as it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Public CAs, Let's Encrypt's root among them.
    Public,
    /// A closed list without Let's Encrypt's root.
    Closed,
    /// It does not look: it neither breaks nor protects.
    Anybody,
    /// It speaks no TLS at all.
    NoTls,
    /// Nobody is known to have said.
    Unknown,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
struct Line {
    vendor: &'static str,
    /// Pieces of a template's, model's or user agent's name; any of them. None: every model.
    models: &'static [&'static str],
    trust: Trust,
    grade: Grade,
    note: &'static str,
}

/// First that fits counts.
const TABLE: [Line; 15] = [
    line(
        "cisco",
        &["spa", "pap2"],
        Trust::Closed,
        Grade::Manual,
        "takes servers signed by Cisco only; some models load another CA (Custom_CA_Rule)",
    ),
    line("linksys", &[], Trust::Closed, Grade::Manual, "takes servers signed by Cisco only"),
    line(
        "cisco",
        &["78", "88", "68", "mpp"],
        Trust::Unknown,
        Grade::Manual,
        "has a list of public CAs; Let's Encrypt's root is not confirmed",
    ),
    line(
        "polycom",
        &["7000"],
        Trust::Closed,
        Grade::Report,
        "SoundStation IP 7000 failed in 2021 even after the fix",
    ),
    line(
        "polycom",
        &[],
        Trust::Unknown,
        Grade::Report,
        "old firmware needed a configured CA in 2021 (sec.TLS.customCaCert)",
    ),
    line("poly", &[], Trust::Unknown, Grade::Unknown, "its list of CAs is not confirmed"),
    line(
        "aastra",
        &["9000", "675", "673", "671", "9143", "9480"],
        Trust::Closed,
        Grade::Manual,
        "a closed list: VeriSign, GeoTrust, Thawte, Comodo, CyberTrust",
    ),
    line("aastra", &[], Trust::Closed, Grade::Manual, "up to release 4.2 a list without Let's Encrypt's root"),
    line(
        "mitel",
        &[],
        Trust::Closed,
        Grade::Manual,
        "up to release 4.2 a list without Let's Encrypt's root; later ones are not confirmed",
    ),
    line(
        "algo",
        &["8180", "8028", "8128", "8061"],
        Trust::NoTls,
        Grade::Manual,
        "the first generation speaks no TLS",
    ),
    line(
        "yealink",
        &[],
        Trust::Public,
        Grade::Report,
        "many held Let's Encrypt's root in 2021; very old firmware may not",
    ),
    line("grandstream", &[], Trust::Anybody, Grade::Template, "the template turns the check of the chain off"),
    line("fanvil", &[], Trust::Anybody, Grade::Template, "the template trusts every certificate"),
    line("gigaset", &[], Trust::Unknown, Grade::Manual, "has \"Accept all certificates\": see that it is off"),
    line("snom", &[], Trust::Unknown, Grade::Manual, "names DigiCert, VeriSign, Thawte \"and others\""),
];

const fn line(
    vendor: &'static str,
    models: &'static [&'static str],
    trust: Trust,
    grade: Grade,
    note: &'static str,
) -> Line {
    Line { vendor, models, trust, grade, note }
}

/// The certificate that phones would get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offered {
    /// Whether its key is RSA with 2048 to 4096 bits, which every phone with TLS takes.
    pub is_plain_rsa: bool,
    /// Whether a CA signed it.
    pub is_signed: bool,
    /// Whether the name that phones call is only covered by a wildcard.
    pub is_wildcard: bool,
}

/// What will become of a phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It will stop fetching its settings over TLS.
    Breaks,
    /// Nobody knows.
    Unknown,
    /// It takes anything: nothing breaks, nothing is protected.
    Unprotected,
    /// It should go on.
    Works,
}

/// What is known of one phone against `offered`: its fate, how that is known, and why.
#[must_use]
pub fn fate(vendor: &str, model: &str, offered: Offered) -> (Fate, Grade, String) {
    let (vendor, model) = (vendor.to_ascii_lowercase(), model.to_ascii_lowercase());
    let fits = |line: &&Line| {
        line.vendor == vendor && (line.models.is_empty() || line.models.iter().any(|piece| model.contains(piece)))
    };
    let Some(known) = TABLE.iter().find(fits) else {
        return (Fate::Unknown, Grade::Unknown, "nothing is known of this maker".to_owned());
    };
    let because = |more: &str| format!("{more}; {}", known.note);
    match known.trust {
        Trust::NoTls | Trust::Closed => (Fate::Breaks, known.grade, known.note.to_owned()),
        Trust::Anybody => (Fate::Unprotected, known.grade, known.note.to_owned()),
        Trust::Unknown => (Fate::Unknown, known.grade, known.note.to_owned()),
        Trust::Public if !offered.is_signed => (Fate::Breaks, known.grade, because("no CA signed it")),
        Trust::Public if !offered.is_plain_rsa => (
            Fate::Unknown,
            Grade::Unknown,
            because("its key is no RSA key, and that phones take another is not confirmed"),
        ),
        Trust::Public if offered.is_wildcard => (
            Fate::Unknown,
            Grade::Unknown,
            because("its name is a wildcard, and that phones take one is not confirmed"),
        ),
        Trust::Public => (Fate::Works, known.grade, known.note.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Offered = Offered { is_plain_rsa: true, is_signed: true, is_wildcard: false };

    fn judged(vendor: &str, model: &str, offered: Offered) -> (Fate, Grade) {
        let (fate, grade, _) = fate(vendor, model, offered);
        (fate, grade)
    }

    #[test]
    fn each_maker_is_judged_by_what_is_known_and_no_better() {
        assert_eq!(judged("Cisco", "cisco/spa504g", PLAIN), (Fate::Breaks, Grade::Manual));
        assert_eq!(judged("cisco", "cisco/8861", PLAIN), (Fate::Unknown, Grade::Manual));
        assert_eq!(judged("yealink", "yealink/t46s", PLAIN), (Fate::Works, Grade::Report));
        assert_eq!(judged("grandstream", "grandstream/grp2612", PLAIN), (Fate::Unprotected, Grade::Template));
        assert_eq!(judged("polycom", "SoundStation 7000", PLAIN), (Fate::Breaks, Grade::Report));
        assert_eq!(judged("algo", "algo/8180", PLAIN), (Fate::Breaks, Grade::Manual));
        assert_eq!(judged("acme", "x", PLAIN), (Fate::Unknown, Grade::Unknown));
        assert_eq!(judged("", "", PLAIN), (Fate::Unknown, Grade::Unknown));
    }

    #[test]
    fn ecdsa_wildcards_and_self_signed_certificates_are_not_promised_to_work() {
        let ecdsa = Offered { is_plain_rsa: false, ..PLAIN };
        let wildcard = Offered { is_wildcard: true, ..PLAIN };
        let own = Offered { is_signed: false, ..PLAIN };

        assert_eq!(judged("yealink", "t46s", ecdsa).0, Fate::Unknown);
        assert_eq!(judged("yealink", "t46s", wildcard).0, Fate::Unknown);
        assert_eq!(judged("yealink", "t46s", own).0, Fate::Breaks);
    }
}
