//! What both programs give up as soon as they start, before they have a second thread: pictures of their memory, and
//! system calls that neither they nor anything they start has a use for. What is given up so is never got back.

use std::collections::BTreeMap;
use std::io;

use nix::libc::{self, c_long};
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch, apply_filter};

/// Why something could not be given up.
#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
    /// The kernel said no.
    #[error("{what} could not be given up")]
    Kernel {
        /// What was to be given up.
        what: &'static str,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The list of system calls cannot be put into the kernel's form.
    #[error("system calls could not be given up")]
    Calls(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// System calls that stay open to some programs and are closed to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// `execve`, `execveat`: starting a program.
    Programs,
    /// `mount`, `unshare`: a namespace of one's own.
    Namespaces,
}

/// No core file is written, and no other process of the same user may look into this one's memory or environment
/// (`RLIMIT_CORE` 0, also for what is started from here; `PR_SET_DUMPABLE` 0, until the next `execve`).
///
/// # Errors
/// The kernel said no.
pub fn no_dumps() -> Result<(), ConfineError> {
    let failed = |what| move |error: nix::Error| ConfineError::Kernel { what, source: error.into() };
    setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(failed("core files"))?;
    prctl::set_dumpable(false).map_err(failed("the view of our memory"))
}

/// Closes [`ALWAYS`] and `groups`: they answer `EPERM` from now on, here and in everything that is started from here
/// (seccomp(2)). Sets `no_new_privs`, which the kernel asks for.
///
/// # Errors
/// The kernel has no seccomp filters, or said no.
pub fn deny_calls(groups: &[Group]) -> Result<(), ConfineError> {
    let broken = |error: seccompiler::BackendError| ConfineError::Calls(error.into());
    let failed = |error: nix::Error| ConfineError::Kernel { what: "new privileges", source: error.into() };
    prctl::set_no_new_privs().map_err(failed)?;
    let architecture = TargetArch::try_from(std::env::consts::ARCH).map_err(broken)?;
    let numbers = ALWAYS.iter().chain(groups.iter().flat_map(|group| group.calls()));
    let rules: BTreeMap<i64, Vec<_>> =
        numbers.flat_map(|number| spellings(*number)).map(|number| (number, Vec::new())).collect();
    let denied = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, denied, architecture).map_err(broken)?;
    let program: BpfProgram = filter.try_into().map_err(broken)?;
    apply_filter(&program).map_err(|error| ConfineError::Calls(error.into()))
}

impl Group {
    const fn calls(self) -> &'static [c_long] {
        match self {
            Self::Programs => &[libc::SYS_execve, libc::SYS_execveat],
            Self::Namespaces => &[libc::SYS_mount, libc::SYS_unshare],
        }
    }
}

/// Closed to both programs and all their children: loading code into the kernel, looking into other processes, the
/// kernel's key rings, raw ports, handles past the file system's rights, other roots and namespaces, and what only an
/// administrator does by hand.
#[rustfmt::skip]
pub const ALWAYS: &[c_long] = &[
    // code in the kernel
    libc::SYS_init_module, libc::SYS_finit_module, libc::SYS_delete_module, libc::SYS_kexec_load, libc::SYS_bpf,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_kexec_file_load,
    // other processes
    libc::SYS_ptrace, libc::SYS_process_vm_readv, libc::SYS_process_vm_writev, libc::SYS_kcmp,
    libc::SYS_pidfd_getfd, libc::SYS_process_madvise, libc::SYS_perf_event_open, libc::SYS_move_pages,
    libc::SYS_migrate_pages, libc::SYS_lookup_dcookie,
    // key rings, and tools of attacks rather than of services
    libc::SYS_keyctl, libc::SYS_add_key, libc::SYS_request_key, libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register, libc::SYS_vmsplice,
    libc::SYS_personality, libc::SYS_fanotify_init, libc::SYS_vhangup,
    // past the rights of files
    libc::SYS_open_by_handle_at, libc::SYS_name_to_handle_at,
    // other roots and namespaces
    libc::SYS_chroot, libc::SYS_pivot_root, libc::SYS_setns, libc::SYS_umount2, libc::SYS_open_tree,
    libc::SYS_move_mount, libc::SYS_fsopen, libc::SYS_fsconfig, libc::SYS_fsmount, libc::SYS_fspick,
    libc::SYS_mount_setattr,
    // the machine
    libc::SYS_reboot, libc::SYS_swapon, libc::SYS_swapoff, libc::SYS_acct, libc::SYS_quotactl,
    libc::SYS_settimeofday, libc::SYS_clock_settime, libc::SYS_clock_adjtime, libc::SYS_adjtimex,
    libc::SYS_sethostname, libc::SYS_setdomainname, libc::SYS_syslog, libc::SYS_nfsservctl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
];

/// A kernel with the x32 interface knows each call of x86-64 by a second number, and a few by a third.
#[cfg(target_arch = "x86_64")]
fn spellings(number: c_long) -> Vec<c_long> {
    /// `__X32_SYSCALL_BIT` of Linux's `asm/unistd.h`.
    const X32: c_long = 0x4000_0000;
    // arch/x86/entry/syscalls/syscall_64.tbl, the numbers from 512 up.
    let own = match number {
        libc::SYS_execve => Some(520),
        libc::SYS_ptrace => Some(521),
        libc::SYS_kexec_load => Some(528),
        libc::SYS_vmsplice => Some(532),
        libc::SYS_move_pages => Some(533),
        libc::SYS_process_vm_readv => Some(539),
        libc::SYS_process_vm_writev => Some(540),
        libc::SYS_execveat => Some(545),
        _ => None,
    };
    [number, number | X32].into_iter().chain(own.map(|own| own | X32)).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn spellings(number: c_long) -> Vec<c_long> {
    vec![number]
}
