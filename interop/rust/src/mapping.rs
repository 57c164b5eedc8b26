//! A writer's view of its file: shared memory, in words and in bytes.
//!
//! Other processes read this memory at any time. So every word is stored at once (V2-W1), and nothing is ever read back:
//! a writer goes on from its own private copies.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr::{self, NonNull};
use std::sync::atomic::{fence, AtomicU16, AtomicU32, AtomicU64, AtomicU8, Ordering};
use std::sync::Arc;

use crate::layout::WORD;
use crate::sys;

/// Pages of a file. They stay mapped as long as a part of them is held.
#[derive(Debug)]
struct Pages {
    base: NonNull<u8>,
    length: usize,
}

// SAFETY: the memory is reached through atomics, or by the only owner of a `Bytes`; no thread owns the mapping.
unsafe impl Send for Pages {}
// SAFETY: as above.
unsafe impl Sync for Pages {}

impl Pages {
    fn new(file: &File, offset: u64, length: usize) -> io::Result<Self> {
        // SAFETY: a new mapping at a place of the system's choice touches no memory that is in use.
        let base = unsafe {
            sys::mmap(
                ptr::null_mut(),
                length,
                sys::PROT_READ_WRITE,
                sys::MAP_SHARED,
                file.as_raw_fd(),
                offset as i64,
            )
        };
        if base as isize == -1 {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(base.cast()).ok_or(io::ErrorKind::AddrInUse)?;
        Ok(Self { base, length })
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: this mapping was made by `new`, and whoever used it held an `Arc` of it.
        unsafe { sys::munmap(self.base.as_ptr().cast(), self.length) };
    }
}

/// Maps a part of a file; gives the pages, and where the part begins in them.
fn map(file: &File, offset: u64, length: usize) -> io::Result<(Pages, usize)> {
    let before = (offset % sys::page_size() as u64) as usize;
    let pages = Pages::new(file, offset - before as u64, before + length)?;
    Ok((pages, before))
}

/// A run of words in a mapped file.
#[derive(Clone, Debug)]
pub struct Words {
    pages: Arc<Pages>,
    first: usize,
    count: usize,
}

impl Words {
    /// Maps words of a file, which has them already. Offset and length are multiples of 8.
    pub fn map(file: &File, offset: u64, length: usize) -> io::Result<Self> {
        let (pages, before) = map(file, offset, length)?;
        Ok(Self {
            pages: Arc::new(pages),
            first: before / WORD as usize,
            count: length / WORD as usize,
        })
    }

    /// Some of these words.
    pub fn part(&self, first: usize, count: usize) -> Self {
        assert!(first <= self.count && count <= self.count - first);
        Self {
            pages: Arc::clone(&self.pages),
            first: self.first + first,
            count,
        }
    }

    #[inline]
    fn atomics(&self) -> &[AtomicU64] {
        // SAFETY: `map` and `part` keep these words within the pages, which are mapped while `self.pages` is held and
        // begin at a multiple of 8; all of this process's access to them is atomic.
        unsafe {
            let first = self.pages.base.as_ptr().cast::<AtomicU64>().add(self.first);
            std::slice::from_raw_parts(first, self.count)
        }
    }

    /// Stores a word at once.
    #[inline]
    pub fn store(&self, place: usize, word: u64) {
        self.atomics()[place].store(word.to_le(), Ordering::Relaxed);
    }

    /// Stores a word at once; no store before it becomes visible after it.
    #[inline]
    pub fn publish(&self, place: usize, word: u64) {
        store_fence();
        self.store(place, word);
    }

    /// Stores several words, each at once, in no order.
    #[inline]
    pub fn copy(&self, place: usize, words: &[u64]) {
        let target = &self.atomics()[place..place + words.len()];
        for (atomic, word) in target.iter().zip(words) {
            atomic.store(word.to_le(), Ordering::Relaxed);
        }
    }

    /// Stores bytes, whose number is a multiple of 8, as words.
    pub fn copy_bytes(&self, place: usize, bytes: &[u8]) {
        let words: Vec<u64> = bytes
            .chunks_exact(WORD as usize)
            .map(|word| crate::layout::u64_at(word, 0))
            .collect();
        self.copy(place, &words);
    }
}

/// No store after it becomes visible before one that stands before it.
#[inline]
pub fn store_fence() {
    fence(Ordering::Release);
}

/// The bytes of a version 1 file, where nothing is aligned (V1-2).
#[derive(Debug)]
pub struct Bytes {
    pages: Pages,
    first: usize,
    length: usize,
}

impl Bytes {
    /// Maps bytes of a file, which has them already.
    pub fn map(file: &File, offset: u64, length: usize) -> io::Result<Self> {
        let (pages, first) = map(file, offset, length)?;
        Ok(Self {
            pages,
            first,
            length,
        })
    }

    /// Where so many bytes lie in memory.
    #[inline]
    fn place(&self, offset: usize, count: usize) -> *mut u8 {
        assert!(offset <= self.length && count <= self.length - offset);
        // SAFETY: within the pages, by the check above and by `map`.
        unsafe { self.pages.base.as_ptr().add(self.first + offset) }
    }

    /// Stores bytes: in one go where they are as many as a machine word or a part of one, and the machine can.
    #[inline]
    pub fn store(&mut self, offset: usize, bytes: &[u8]) {
        let place = self.place(offset, bytes.len());
        let order = Ordering::Relaxed;
        // SAFETY: `place` has room for the bytes. Atomics are only made where it is aligned for them. The other stores
        // race with other processes' loads alone, as the format knows (2.8); in this process `self` is borrowed alone.
        unsafe {
            match *bytes {
                [a] => AtomicU8::from_ptr(place).store(a, order),
                [a, b] => {
                    let value = u16::from_ne_bytes([a, b]);
                    match place.align_offset(2) {
                        0 => AtomicU16::from_ptr(place.cast()).store(value, order),
                        _ => place.cast::<u16>().write_unaligned(value),
                    }
                }
                [a, b, c, d] => {
                    let value = u32::from_ne_bytes([a, b, c, d]);
                    match place.align_offset(4) {
                        0 => AtomicU32::from_ptr(place.cast()).store(value, order),
                        _ => place.cast::<u32>().write_unaligned(value),
                    }
                }
                [a, b, c, d, e, f, g, h] => {
                    let value = u64::from_ne_bytes([a, b, c, d, e, f, g, h]);
                    match place.align_offset(8) {
                        0 => AtomicU64::from_ptr(place.cast()).store(value, order),
                        _ => place.cast::<u64>().write_unaligned(value),
                    }
                }
                _ => ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len()),
            }
        }
        // The compiler may not put plain stores off, nor leave them out.
        store_fence();
    }

    /// Stores a byte; no store before it becomes visible after it.
    #[inline]
    pub fn publish(&mut self, offset: usize, byte: u8) {
        let place = self.place(offset, 1);
        // SAFETY: a byte is always aligned; the rest as in `store`.
        unsafe { AtomicU8::from_ptr(place).store(byte, Ordering::Release) };
    }
}
