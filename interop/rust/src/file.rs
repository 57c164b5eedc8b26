//! Opening files for reading.
//!
//! Nothing but a regular file is opened: a pipe would block, and a device could do anything (V1-R1). Files are read by
//! calls and never mapped: whoever truncated a mapped file would kill the reader. Nothing is written or locked.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use crate::sys;

/// The largest file that is read; a larger one is taken for an attack (3.16).
pub const LARGEST: u64 = 64 << 20;
const LARGEST_1: u64 = 8 << 20;

/// Opens a regular file, and nothing else.
pub fn open(path: &Path) -> io::Result<File> {
    check(&fs::symlink_metadata(path)?)?;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(sys::O_NONBLOCK | sys::O_NOFOLLOW)
        .open(path)?;
    // Another may have taken its place since.
    check(&file.metadata()?)?;
    Ok(file)
}

fn check(metadata: &Metadata) -> io::Result<()> {
    if !metadata.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "no regular file",
        ));
    }
    check_size(metadata.len())
}

/// Refuses what is larger than any file of statistics.
pub fn check_size(size: u64) -> io::Result<()> {
    within(size, LARGEST)
}

fn within(size: u64, most: u64) -> io::Result<()> {
    if size > most {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "too large a file",
        ));
    }
    Ok(())
}

/// Likewise of version 1, whose fields are small, and each of them takes memory of its own (2.7).
pub fn check_size_1(size: u64) -> io::Result<()> {
    within(size, LARGEST_1)
}

/// Whether a path leads to this file (V2-R9).
pub fn leads_to(path: &Path, file: &File) -> bool {
    match (fs::symlink_metadata(path), file.metadata()) {
        (Ok(there), Ok(here)) => (there.dev(), there.ino()) == (here.dev(), here.ino()),
        _ => false,
    }
}

/// Where bytes come from: a file that may be changing, or a copy of one.
pub trait Source {
    /// How many there are at this moment.
    fn size(&self) -> io::Result<u64>;

    /// Fills a buffer from an offset on; says whether the file had enough.
    fn read(&self, offset: u64, into: &mut [u8]) -> io::Result<bool>;
}

impl Source for &[u8] {
    fn size(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read(&self, offset: u64, into: &mut [u8]) -> io::Result<bool> {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.get(offset..));
        let Some(found) = rest.and_then(|rest| rest.get(..into.len())) else {
            return Ok(false);
        };
        into.copy_from_slice(found);
        Ok(true)
    }
}

impl Source for File {
    fn size(&self) -> io::Result<u64> {
        let size = self.metadata()?.len();
        check_size(size)?;
        Ok(size)
    }

    fn read(&self, offset: u64, into: &mut [u8]) -> io::Result<bool> {
        match self.read_exact_at(into, offset) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }
}
