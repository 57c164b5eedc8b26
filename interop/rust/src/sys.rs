//! The C library's functions that the standard library has no name for, each behind a safe one.
//!
//! Declared for Linux of 64 bits. `unsafe` is here and in `mapping`, and nowhere else.
#![allow(unsafe_code)]
#![allow(missing_docs)]

use std::ffi::{c_int, c_long, c_short, c_uint, c_void, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

#[cfg(not(all(
    target_os = "linux",
    target_pointer_width = "64",
    any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64",
        target_arch = "loongarch64"
    )
)))]
compile_error!("types and numbers are declared for Linux of 64 bits, on machines of this list");

pub const O_NONBLOCK: c_int = 0o4000;
#[cfg(target_arch = "aarch64")]
mod flags {
    pub const DIRECTORY: i32 = 0o40_000;
    pub const NOFOLLOW: i32 = 0o100_000;
}
#[cfg(not(target_arch = "aarch64"))]
mod flags {
    pub const DIRECTORY: i32 = 0o200_000;
    pub const NOFOLLOW: i32 = 0o400_000;
}
pub const O_NOFOLLOW: c_int = flags::NOFOLLOW;
pub const O_TMPFILE: c_int = 0o20_000_000 | flags::DIRECTORY;

const AT_FDCWD: c_int = -100;
const AT_SYMLINK_FOLLOW: c_int = 0x400;
const F_OFD_SETLK: c_int = 37;
const F_WRLCK: c_short = 1;
const SEEK_SET: c_short = 0;
const SIG_BLOCK: c_int = 0;
const SIG_SETMASK: c_int = 2;
const SIGXFSZ: c_int = 25;
const SC_PAGESIZE: c_int = 30;
pub(crate) const PROT_READ_WRITE: c_int = 1 | 2;
pub(crate) const MAP_SHARED: c_int = 1;

#[repr(C)]
struct Flock {
    kind: c_short,
    whence: c_short,
    start: i64,
    length: i64,
    pid: c_int,
}

/// A `sigset_t` of the C library: 1024 bits, that of signal 1 first.
#[repr(C)]
#[derive(Clone, Copy)]
struct SignalSet([u64; 16]);

impl SignalSet {
    const XFSZ: u64 = 1 << (SIGXFSZ - 1);

    fn xfsz() -> Self {
        let mut words = [0; 16];
        words[0] = Self::XFSZ;
        Self(words)
    }
}

#[repr(C)]
struct TimeSpec {
    seconds: i64,
    nanoseconds: c_long,
}

extern "C" {
    pub(crate) fn mmap(
        address: *mut c_void,
        length: usize,
        protection: c_int,
        flags: c_int,
        fd: c_int,
        offset: i64,
    ) -> *mut c_void;
    pub(crate) fn munmap(address: *mut c_void, length: usize) -> c_int;

    fn fcntl(fd: c_int, command: c_int, ...) -> c_int;
    fn close(fd: c_int) -> c_int;
    fn posix_fallocate(fd: c_int, offset: i64, length: i64) -> c_int;
    fn linkat(
        old_directory: c_int,
        old: *const std::ffi::c_char,
        new_directory: c_int,
        new: *const std::ffi::c_char,
        flags: c_int,
    ) -> c_int;
    fn getrandom(buffer: *mut c_void, length: usize, flags: c_uint) -> isize;
    fn gettid() -> c_int;
    fn sysconf(name: c_int) -> c_long;
    fn pthread_atfork(
        prepare: Option<extern "C" fn()>,
        parent: Option<extern "C" fn()>,
        child: Option<extern "C" fn()>,
    ) -> c_int;
    fn pthread_sigmask(how: c_int, set: *const SignalSet, old: *mut SignalSet) -> c_int;
    fn sigpending(set: *mut SignalSet) -> c_int;
    fn sigtimedwait(set: *const SignalSet, info: *mut c_void, timeout: *const TimeSpec) -> c_int;
    fn fork() -> c_int;
    fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn _exit(status: c_int) -> !;
}

/// The host page.
pub(crate) fn page_size() -> usize {
    // SAFETY: takes a number and returns one.
    let size = unsafe { sysconf(SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}

/// The thread's id, as the operating system counts threads.
pub(crate) fn thread_id() -> u32 {
    // SAFETY: takes nothing, and cannot fail.
    unsafe { gettid() as u32 }
}

/// Bytes from the system's generator.
pub(crate) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    let mut filled = 0;
    while filled < N {
        let rest = &mut bytes[filled..];
        // SAFETY: `rest` is as long as said, and writable.
        let count = unsafe { getrandom(rest.as_mut_ptr().cast(), rest.len(), 0) };
        match usize::try_from(count) {
            Ok(count) => filled += count,
            Err(_) => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
    Ok(bytes)
}

/// Locks the whole file for as long as this open file description lives (V1-W6).
pub(crate) fn lock_description(fd: RawFd) -> io::Result<()> {
    let lock = Flock {
        kind: F_WRLCK,
        whence: SEEK_SET,
        start: 0,
        length: 0,
        pid: 0,
    };
    // SAFETY: the command takes a pointer to a `struct flock`, which the call only reads.
    match unsafe { fcntl(fd, F_OFD_SETLK, &lock as *const Flock) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Closes a descriptor whose number is kept by itself: a child after a fork may do this, and little else.
pub(crate) fn close_number(fd: RawFd) {
    // SAFETY: a bad number is an error without an effect; whoever calls owns the number.
    unsafe { close(fd) };
}

/// Reserves space for real, and makes the file as long. A full disk or a limit on the size of files is an error, and no
/// signal: SIGXFSZ is held back from this thread meanwhile, and what the program does about it elsewhere stays as it is.
pub(crate) fn reserve(file: &File, offset: u64, length: u64) -> io::Result<()> {
    let range = (i64::try_from(offset), i64::try_from(length));
    let (Ok(offset), Ok(length)) = range else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let set = SignalSet::xfsz();
    let (mut before, mut waiting) = (SignalSet([0; 16]), SignalSet([0; 16]));
    // SAFETY: all sets have the C library's size.
    unsafe { sigpending(&mut waiting) };
    // SAFETY: likewise.
    unsafe { pthread_sigmask(SIG_BLOCK, &set, &mut before) };
    let error = loop {
        // SAFETY: takes numbers; the descriptor is open as long as `file` is borrowed.
        let error = unsafe { posix_fallocate(file.as_raw_fd(), offset, length) };
        let error = io::Error::from_raw_os_error(error);
        if error.kind() != io::ErrorKind::Interrupted {
            break error;
        }
    };
    // What this call has raised is taken away; what waited before is not this call's, wherever it is blocked.
    if waiting.0[0] & SignalSet::XFSZ == 0 {
        let now = TimeSpec {
            seconds: 0,
            nanoseconds: 0,
        };
        // SAFETY: takes the signal if it is there; the set and the time are whole, and no details are asked for.
        unsafe { sigtimedwait(&set, ptr::null_mut(), &now) };
    }
    // SAFETY: the set is the one that was given out above.
    unsafe { pthread_sigmask(SIG_SETMASK, &before, ptr::null_mut()) };
    match error.raw_os_error() {
        Some(0) => Ok(()),
        _ => Err(error),
    }
}

/// Gives an open file a name; fails where the name exists.
pub(crate) fn link_open_file(file: &File, name: &Path) -> io::Result<()> {
    let old = CString::new(own_path(file))?;
    let new = CString::new(name.as_os_str().as_bytes())?;
    // SAFETY: both are strings that end in a zero byte, and outlive the call.
    let result = unsafe {
        linkat(
            AT_FDCWD,
            old.as_ptr(),
            AT_FDCWD,
            new.as_ptr(),
            AT_SYMLINK_FOLLOW,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// A path that leads to an open file, whether it has a name or not.
pub(crate) fn own_path(file: &File) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

/// Has a function called in every child that this process forks. It may do only what a signal handler may.
pub(crate) fn at_fork(child: extern "C" fn()) -> io::Result<()> {
    // SAFETY: the function lives as long as the program.
    match unsafe { pthread_atfork(None, None, Some(child)) } {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// Forks; gives the parent the child's id. In the child this thread is the only one: it must not wait for what another
/// thread of its parent held, a lock for instance.
pub fn forked() -> io::Result<Option<c_int>> {
    // SAFETY: both processes have memory of their own, and the C library keeps its own allocator usable.
    match unsafe { fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(None),
        pid => Ok(Some(pid)),
    }
}

/// Waits for the end of a child.
pub fn wait_for(pid: c_int) {
    loop {
        // SAFETY: no status is asked for.
        let result = unsafe { waitpid(pid, ptr::null_mut(), 0) };
        let interrupted = io::Error::last_os_error().kind() == io::ErrorKind::Interrupted;
        if result != -1 || !interrupted {
            return;
        }
    }
}

/// Ends the process at once: nothing is dropped or flushed.
pub fn exit_now(status: c_int) -> ! {
    // SAFETY: takes a number, and does not return.
    unsafe { _exit(status) }
}
