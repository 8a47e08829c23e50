//! The steps of an order, in the words of the page.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;
use crate::base::names::CertificateName;

/// One step of an order. `Display` is the line that a page shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Step {
    /// A new order goes to the CA.
    Ordering {
        /// For these names.
        names: Vec<CertificateName>,
    },
    /// The CA did not want to hear which certificate is replaced: the order goes out again without.
    OrderingAnew {
        /// What it said.
        because: String,
    },
    /// An order that was begun before goes on.
    Resuming {
        /// Where it lies at the CA.
        order_url: String,
    },
    /// The CA knows from before that the name is ours.
    AlreadyProved {
        /// The name.
        name: CertificateName,
    },
    /// A challenge record goes into DNS.
    Presenting {
        /// The record's owner.
        record: String,
    },
    /// Somebody has to put a challenge record into DNS.
    ByHand {
        /// The record's owner.
        record: String,
        /// Its text.
        value: String,
    },
    /// The record does not show on every server yet.
    WaitingForDns {
        /// The record's owner.
        record: String,
    },
    /// The CA was told to look.
    Checking {
        /// The name it looks for.
        name: CertificateName,
    },
    /// The CA found every record.
    Proved,
    /// The agent makes a key and a signing request.
    MakingKey,
    /// The signing request goes to the CA.
    Finalising,
    /// The CA signs.
    WaitingForCertificate,
    /// The certificate is here and is what was asked for.
    Downloaded {
        /// Its serial number, lower-case hex.
        serial: String,
        /// The end of its validity.
        not_after: Timestamp,
    },
    /// No chain of the CA leads to the wanted root; the one that it recommends is used.
    OtherChain {
        /// The root's common name.
        wanted: String,
    },
    /// The challenge records were taken out of DNS.
    Cleared,
    /// A challenge record could not be taken out of DNS; the next order tries again.
    NotCleared {
        /// The record's owner.
        record: String,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ordering { names } => {
                let names: Vec<String> = names.iter().map(ToString::to_string).collect();
                write!(out, "Ordering a certificate for {}", names.join(" and "))
            }
            Self::OrderingAnew { because } => {
                write!(out, "Ordering again without naming the certificate that is replaced ({because})")
            }
            Self::Resuming { .. } => out.write_str("Going on with the order that was begun before"),
            Self::AlreadyProved { name } => write!(out, "The CA has proof for {name} already"),
            Self::Presenting { record } if record.starts_with("http://") => {
                write!(out, "Having nginx serve {record}")
            }
            Self::Presenting { record } => write!(out, "Putting {record} into DNS"),
            Self::ByHand { record, value } => write!(
                out,
                "Put this record into DNS now, beside others at its name: {record} TXT \"{value}\". Rampart looks for it \
                 by itself; it may go again once the certificate is here"
            ),
            Self::WaitingForDns { record } if record.starts_with("http://") => {
                write!(out, "Looking whether nginx serves {record}")
            }
            Self::WaitingForDns { record } => write!(out, "Waiting until every name server shows {record}"),
            Self::Checking { name } => write!(out, "The CA is checking {name}"),
            Self::Proved => out.write_str("The CA found what it looked for"),
            Self::MakingKey => out.write_str("The agent is making the private key"),
            Self::Finalising => out.write_str("Asking the CA to sign"),
            Self::WaitingForCertificate => out.write_str("Waiting for the certificate"),
            Self::Downloaded { serial, not_after } => {
                write!(out, "Certificate {serial} is here, valid until {}", not_after.minutes())
            }
            Self::OtherChain { wanted } => {
                write!(out, "No chain of the CA leads to {wanted}; the one that it recommends is used")
            }
            Self::Cleared => out.write_str("The challenge records are out of DNS again"),
            Self::NotCleared { record } if record.starts_with("http://") => {
                write!(out, "{record} could not be taken away yet")
            }
            Self::NotCleared { record } => write!(out, "{record} could not be taken out of DNS yet"),
        }
    }
}
