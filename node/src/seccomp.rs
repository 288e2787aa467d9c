//! What the process of an appliance may not ask of the kernel.
//!
//! Its peers are untrusted. Whoever gets a fault of it to run foreign code shall find neither other processes to read or to change, nor programs
//! to start, nor namespaces, mounts, keys, modules, traces or clocks to go on with. The list is of what an appliance never does; all else passes, so
//! that a new kernel or library does not stop a market. A call on it fails with `EPERM`.
//!
//! * The policy holds from the start on, before anything is listened on, for all threads and for every program that is started.
//! * Programs are started only where the configuration has some: verifiers of proofs, and a prover. Elsewhere `execve` is on the list.
//! * What io_uring does is no system call: the gateway's ring is restricted by itself (`gateway/src/driver/ring.rs`).
//! * With [`Seccomp::Log`] the kernel notes what would fail in its audit log, and lets it pass.
//!
//! Known limitation: arguments are not looked at, so what files and sockets are opened is the operating system's to restrict.

use crate::config::schema::Seccomp;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};
use std::collections::BTreeMap;

/// Why there is no policy.
#[derive(Debug, thiserror::Error)]
#[error("{0}; `seccomp = \"off\"` in [security] does without")]
pub struct SeccompError(#[from] seccompiler::Error);

/// Whether programs may be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Programs {
    /// The configuration has some.
    Allowed,
    /// It has none.
    Denied,
}

/// Puts this process under the policy. It cannot be taken back.
///
/// # Errors
///
/// If the kernel has no seccomp, or the architecture is not known.
pub fn confine(mode: Seccomp, programs: Programs) -> Result<(), SeccompError> {
    let action = match mode {
        Seccomp::Off => return Ok(()),
        Seccomp::On => SeccompAction::Errno(libc::EPERM.unsigned_abs()),
        Seccomp::Log => SeccompAction::Log,
    };
    let rules: BTreeMap<i64, Vec<_>> = denied(programs).flat_map(by_all_doors).map(|call| (call, Vec::new())).collect();
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(seccompiler::Error::Backend)?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, arch).map_err(seccompiler::Error::Backend)?;
    let program = BpfProgram::try_from(filter).map_err(seccompiler::Error::Backend)?;
    Ok(seccompiler::apply_filter_all_threads(&program)?)
}

/// Numbers of the system calls that fail.
pub fn denied(programs: Programs) -> impl Iterator<Item = i64> {
    let starts: &[i64] = match programs {
        Programs::Allowed => &[],
        Programs::Denied => &[libc::SYS_execve, libc::SYS_execveat],
    };
    DENIED.iter().chain(OF_THE_ARCHITECTURE).chain(starts).copied()
}

/// A call by its number, and on x86-64 also by that of the x32 interface, which a filter would take for another one.
fn by_all_doors(call: i64) -> impl Iterator<Item = i64> {
    let x32 = cfg!(target_arch = "x86_64").then_some(call | X32);
    std::iter::once(call).chain(x32)
}

const X32: i64 = 0x4000_0000;

const DENIED: &[i64] = &[
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_perf_event_open,
    // The kernel itself.
    libc::SYS_bpf,
    libc::SYS_userfaultfd,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_syslog,
    libc::SYS_personality,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // Namespaces and mounts.
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_chroot,
    libc::SYS_pivot_root,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_quotactl,
    libc::SYS_acct,
    // Files past their names, and devices.
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_mknodat,
    // The machine's name and clocks.
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    // Other users.
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    libc::SYS_setgroups,
    libc::SYS_capset,
];

#[cfg(target_arch = "x86_64")]
const OF_THE_ARCHITECTURE: &[i64] =
    &[libc::SYS_kexec_file_load, libc::SYS_iopl, libc::SYS_ioperm, libc::SYS_modify_ldt, libc::SYS_mknod, libc::SYS_uselib];
#[cfg(not(target_arch = "x86_64"))]
const OF_THE_ARCHITECTURE: &[i64] = &[];
