//! What the agent may do with the kernel's help, and what each program that it starts may (capabilities(7)). The table
//! with the reasons stands in docs/security.md.

use std::io;

use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set, remove_capability_from_bounding_set,
    set_capabilities,
};
use tracing::{info, warn};

use crate::agent::config::AgentConfig;
use crate::base::confine::{self, ConfineError, Group};

/// A capability that the agent or a program of it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Capability {
    /// Give a file to another user or group: the socket to its group, nginx's temporary directories to www-data.
    Chown,
    /// Open files of other users: nginx's logs belong to www-data.
    DacOverride,
    /// Change the mode of another user's file: nginx's temporary directories.
    Fowner,
    /// Read the firewall: the kernel tells its rules to nobody else.
    NetAdmin,
    /// A raw socket, by which iptables-legacy-save asks the kernel.
    NetRaw,
    /// Listen below port 1024, as `nginx -t` does.
    NetBindService,
    /// Take capabilities away from the programs that the agent starts.
    SetPcap,
    /// A mount namespace of its own for `sshd -T`, with `[ssh] private_run`.
    SysAdmin,
}

/// All of them.
const ALL: [Capability; 8] = [
    Capability::Chown,
    Capability::DacOverride,
    Capability::Fowner,
    Capability::NetAdmin,
    Capability::NetRaw,
    Capability::NetBindService,
    Capability::SetPcap,
    Capability::SysAdmin,
];

/// `nginx -t` opens logs, temporary directories and listeners as nginx would when it starts.
pub(super) const NGINX_TEST: &[Capability] =
    &[Capability::Chown, Capability::DacOverride, Capability::Fowner, Capability::NetBindService];

/// `nginx -s reload` reads the configuration with all its keys, and sends a signal to a process of root's.
pub(super) const NGINX_RELOAD: &[Capability] = &[Capability::DacOverride];

/// The save tools ask the kernel for its rules.
pub(super) const FIREWALL_READ: &[Capability] = &[Capability::NetAdmin, Capability::NetRaw];

impl Capability {
    /// As setpriv(1) spells it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Chown => "chown",
            Self::DacOverride => "dac_override",
            Self::Fowner => "fowner",
            Self::NetAdmin => "net_admin",
            Self::NetRaw => "net_raw",
            Self::NetBindService => "net_bind_service",
            Self::SetPcap => "setpcap",
            Self::SysAdmin => "sys_admin",
        }
    }

    const fn set(self) -> CapabilitySet {
        match self {
            Self::Chown => CapabilitySet::CHOWN,
            Self::DacOverride => CapabilitySet::DAC_OVERRIDE,
            Self::Fowner => CapabilitySet::FOWNER,
            Self::NetAdmin => CapabilitySet::NET_ADMIN,
            Self::NetRaw => CapabilitySet::NET_RAW,
            Self::NetBindService => CapabilitySet::NET_BIND_SERVICE,
            Self::SetPcap => CapabilitySet::SETPCAP,
            Self::SysAdmin => CapabilitySet::SYS_ADMIN,
        }
    }
}

/// Whether this process may take capabilities away from what it starts.
pub(super) fn may_lower() -> bool {
    capabilities(None).is_ok_and(|own| own.effective.contains(CapabilitySet::SETPCAP))
}

/// Gives up all that the agent does not need with these settings, for good. To be called before a second thread is
/// started: the kernel keeps capabilities and filters for each thread.
///
/// # Errors
/// The kernel said no. What it cannot do at all is said in the log.
pub fn give_up(config: &AgentConfig) -> Result<(), ConfineError> {
    let own_namespace = config.ssh.private_run;
    let needed = ALL.into_iter().filter(|capability| own_namespace || *capability != Capability::SysAdmin);
    let needed = needed.fold(CapabilitySet::empty(), |all, capability| all | capability.set());
    keep_only(needed).map_err(|source| ConfineError::Kernel { what: "capabilities", source })?;
    confine::deny_calls(if own_namespace { &[] } else { &[Group::Namespaces] })?;
    if nix::unistd::Uid::effective().is_root() && !may_lower() {
        warn!("CAP_SETPCAP is missing: the programs that the agent starts have its own capabilities, and not fewer");
    }
    info!("Capabilities and system calls that the agent does not need are given up");
    Ok(())
}

fn keep_only(needed: CapabilitySet) -> io::Result<()> {
    let own = capabilities(None)?;
    if own.effective.contains(CapabilitySet::SETPCAP) {
        for unwanted in CapabilitySet::all().iter().filter(|capability| !needed.contains(*capability)) {
            // A kernel that is older than this list does not know the last ones.
            if capability_is_in_bounding_set(unwanted).unwrap_or(false) {
                remove_capability_from_bounding_set(unwanted)?;
            }
        }
    }
    let kept = own.permitted & needed;
    let sets =
        CapabilitySets { effective: own.effective & needed, permitted: kept, inheritable: CapabilitySet::empty() };
    Ok(set_capabilities(None, sets)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_who_is_started_gets_more_than_the_agent_keeps() {
        for capability in NGINX_TEST.iter().chain(NGINX_RELOAD).chain(FIREWALL_READ) {
            assert!(ALL.contains(capability));
            assert!(!matches!(capability, Capability::SetPcap | Capability::SysAdmin), "{capability:?}");
        }
    }
}
