//! Forks: how a writer learns that it is a child's now, and that the child holds no lock of its parent's.
//!
//! A child never writes to its parent's file (V1-W7), and closes its copies of lock descriptors: else the lock would
//! outlive the parent (V1-W6). Both happen in a function that the C library calls in the child, so that an update need
//! not ask for the process id. That function may take no lock and no memory; hence atomics, and a list that only grows.

use std::fs::File;
use std::io;
use std::os::fd::{IntoRawFd, RawFd};
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::sync::OnceLock;

use crate::sys;

/// How many forks lie between the program's beginning and this process.
static GENERATION: AtomicU32 = AtomicU32::new(0);
static WATCHED: OnceLock<Result<(), i32>> = OnceLock::new();
static HELD: Place = Place::free();

const NONE: RawFd = -1;

/// One place of the list of lock descriptors, free or taken.
struct Place {
    fd: AtomicI32,
    next: OnceLock<Box<Place>>,
}

impl Place {
    const fn free() -> Self {
        Self {
            fd: AtomicI32::new(NONE),
            next: OnceLock::new(),
        }
    }

    fn close(&self) {
        let fd = self.fd.swap(NONE, Ordering::AcqRel);
        if fd != NONE {
            sys::close_number(fd);
        }
    }
}

/// A descriptor that is closed when it is dropped, and in every child at once. There its place is another's from then
/// on, perhaps: so only who took it in this process closes it.
pub struct Private {
    place: &'static Place,
    generation: u32,
}

impl Private {
    /// Takes charge of an open file.
    pub fn new(file: File) -> Self {
        let fd = file.into_raw_fd();
        let mut place = &HELD;
        while place
            .fd
            .compare_exchange(NONE, fd, Ordering::AcqRel, Ordering::Relaxed)
            .is_err()
        {
            place = place.next.get_or_init(|| Box::new(Place::free()));
        }
        Self {
            place,
            generation: generation(),
        }
    }

    /// The descriptor's number.
    pub fn number(&self) -> RawFd {
        self.place.fd.load(Ordering::Acquire)
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        if self.generation == generation() {
            self.place.close();
        }
    }
}

/// The generation of this process: another one than a file's means that the file is the parent's.
#[inline]
pub fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// Sees to it that forks are noticed from now on.
pub fn watch() -> io::Result<()> {
    let watched =
        WATCHED.get_or_init(|| sys::at_fork(in_child).map_err(|e| e.raw_os_error().unwrap_or(0)));
    watched.map_err(io::Error::from_raw_os_error)
}

extern "C" fn in_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    let mut place = Some(&HELD);
    while let Some(held) = place {
        held.close();
        place = held.next.get().map(Box::as_ref);
    }
}
