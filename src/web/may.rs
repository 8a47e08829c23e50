//! What a visitor may do. Each row of the router's table names one of these; who has it is one match.

use crate::base::role::Role;

/// One permission. How far it reaches (all tenants, or one domain) is the visitor's scope, not another permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum May {
    /// Open to strangers.
    Anyone,
    /// The visitor's own account and session.
    SignedIn,
    /// All walls with their findings: the start page, SSH, upgrades and the walls beside them.
    SeeWalls,
    /// Asks for a fresh look at the host and FusionPBX.
    LookAgain,
    /// The password settings in the visitor's scope.
    SeePolicy,
    /// Changes and puts back the password settings in the visitor's scope.
    ChangePolicy,
    /// Gives extensions, mailboxes and devices new secrets, and sees them once.
    RotateSecrets,
    /// Where weak secrets and accounts are in the visitor's scope, never the secret.
    SeeCredentials,
    /// The certificates and orders in the visitor's scope.
    SeeCertificates,
    /// Renews a certificate in the visitor's scope.
    RenewCertificate,
    /// Orders a certificate for further names.
    OrderCertificate,
    /// Registers with a certificate authority.
    RegisterAtCa,
    /// Keeps credentials for DNS services, and says in which zones names may be ordered.
    ManageDns,
    /// Changes FreeSWITCH's XML RPC and event socket, each time with a fresh code.
    ChangeSwitch,
    /// The trail's entries in the visitor's scope.
    SeeTrail,
    /// The whole trail, whatever it concerns.
    ExportTrail,
    /// Adds, changes and disables accounts.
    ManageOperators,
}

impl May {
    /// Every permission.
    pub const ALL: [Self; 17] = [
        Self::Anyone,
        Self::SignedIn,
        Self::SeeWalls,
        Self::LookAgain,
        Self::SeePolicy,
        Self::ChangePolicy,
        Self::RotateSecrets,
        Self::SeeCredentials,
        Self::SeeCertificates,
        Self::RenewCertificate,
        Self::OrderCertificate,
        Self::RegisterAtCa,
        Self::ManageDns,
        Self::ChangeSwitch,
        Self::SeeTrail,
        Self::ExportTrail,
        Self::ManageOperators,
    ];
}

impl May {
    /// What it lets someone do, as the documentation's table of roles has it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Anyone => "the sign-in page, static files",
            Self::SignedIn => "the own session",
            Self::SeeWalls => "all walls and findings, SSH, upgrades",
            Self::LookAgain => "ask for a fresh look",
            Self::SeePolicy => "see password settings",
            Self::ChangePolicy => "change password settings, put them back",
            Self::RotateSecrets => "give extensions, mailboxes and devices new secrets",
            Self::SeeCredentials => "see where weak credentials are, never the secret",
            Self::SeeCertificates => "see certificates and orders",
            Self::RenewCertificate => "renew a certificate",
            Self::OrderCertificate => "order a certificate",
            Self::RegisterAtCa => "register with the CA",
            Self::ManageDns => "keep DNS credentials, approve zones",
            Self::ChangeSwitch => "change XML RPC and the event socket",
            Self::SeeTrail => "see the trail",
            Self::ExportTrail => "download the trail",
            Self::ManageOperators => "invite, change and shut out accounts",
        }
    }
}

impl Role {
    /// Whether an account of this role may do that. This match is the whole of who may what.
    #[must_use]
    pub const fn may(self, act: May) -> bool {
        match act {
            May::Anyone
            | May::SignedIn
            | May::SeePolicy
            | May::SeeCredentials
            | May::SeeCertificates
            | May::SeeTrail => true,
            May::SeeWalls | May::ExportTrail => matches!(self, Self::Viewer | Self::Support | Self::Operator),
            May::LookAgain => matches!(self, Self::Support | Self::Operator),
            May::RenewCertificate => matches!(self, Self::Support | Self::Tenant | Self::Operator),
            May::ChangePolicy => matches!(self, Self::Tenant | Self::Operator),
            May::OrderCertificate
            | May::RegisterAtCa
            | May::ManageDns
            | May::ChangeSwitch
            | May::ManageOperators
            | May::RotateSecrets => {
                matches!(self, Self::Operator)
            }
        }
    }
}
