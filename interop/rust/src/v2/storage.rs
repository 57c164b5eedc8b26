//! A writer's file: how it is made, and how records and slots are added to it (V2-W3 to V2-W5, V2-W8, V2-W9).

use std::io;
use std::path::Path;

use super::extent::Extent;
use super::header::{Header, State};
use crate::create::{Created, Draft};
use crate::identity::{now, Process};
use crate::layout::{control, extent, feature, header, LARGEST_MADE, WORD};
use crate::mapping::{store_fence, Words};
use crate::sys;

/// Room for metadata, and for values, that a new file has beside what is declared.
const SPARE: usize = 1024;

/// A record that is to be published, and the first value of its slot.
#[derive(Debug)]
pub struct Pending {
    pub record: Vec<u8>,
    pub slot: Vec<u64>,
}

impl Pending {
    /// A record without a slot.
    pub fn record(record: Vec<u8>) -> Self {
        let slot = Vec::new();
        Self { record, slot }
    }
}

/// The bytes of records, and of their slots.
fn needs(pending: &[Pending]) -> (usize, usize) {
    let metadata = pending.iter().map(|new| new.record.len()).sum();
    let values = pending.iter().map(|new| new.slot.len() * WORD as usize);
    (metadata, values.sum())
}

/// The file of a writer.
pub struct Storage {
    created: Created,
    header: Words,
    /// How many extents there are.
    count: usize,
    last: Tail,
}

/// The last extent, where records are added.
struct Tail {
    extent: Extent,
    words: Words,
    metadata_used: usize,
    values_used: usize,
}

impl Storage {
    /// Makes a file of some records, with all that they need, and gives the words of their slots.
    pub fn create(path: &Path, pending: &[Pending]) -> io::Result<(Self, Vec<Words>)> {
        let (metadata, values) = needs(pending);
        let least = header::SIZE + extent::HEAD + metadata + values + 2 * SPARE;
        let size = least.next_multiple_of(sys::page_size()) as u64;
        if size > LARGEST_MADE {
            return Err(io::Error::other("a file larger than every reader takes"));
        }
        let draft = Draft::new(path, size)?;
        let words = Words::map(&draft.file, 0, header::SIZE)?;
        words.copy_bytes(0, &new_header(draft.is_locked())?.bytes());
        let first = divided(extent::FIRST, size - extent::FIRST, metadata, values);
        let mut last = Tail::new(&draft, first)?;
        let slots = last.append(pending);
        let storage = Self {
            created: draft.publish()?,
            header: words,
            count: 1,
            last,
        };
        Ok((storage, slots))
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.created.path
    }

    /// Publishes records at once, and gives the words of their slots; or changes nothing.
    pub fn append(&mut self, pending: &[Pending]) -> io::Result<Vec<Words>> {
        let (metadata, values) = needs(pending);
        if !self.last.has_room(metadata, values) {
            self.grow(metadata, values)?;
        }
        Ok(self.last.append(pending))
    }

    /// Adds an extent with room for so much (V2-W4). It is as large as all of the file before it (V2-W8), which keeps
    /// the number of extents small, and the file a number of pages.
    fn grow(&mut self, metadata: usize, values: usize) -> io::Result<()> {
        let end = self.last.extent.end();
        let least = (extent::HEAD + metadata + values).next_multiple_of(sys::page_size());
        let size = end.max(least as u64);
        if self.count == extent::MOST || size > LARGEST_MADE.saturating_sub(end) {
            return Err(io::Error::other("the file is as large as it may be"));
        }
        // W4.1
        sys::reserve(&self.created.file, end, size)?;
        // W4.2
        let next = Tail::new(&self.created, divided(end, size, metadata, values))?;
        // W4.3 and W4.4
        let units = (end / WORD) as u32;
        self.last
            .words
            .publish(extent::NEXT / WORD as usize, control(units));
        self.last = next;
        self.count += 1;
        Ok(())
    }

    /// Says that the writer has ended (V2-W11).
    pub fn store_closed(&self) {
        let word = header::STATE / WORD as usize;
        self.header.publish(word, control(header::CLOSED));
    }

    /// Says which thread writes.
    pub fn store_thread(&self) {
        let word = header::THREAD_ID / WORD as usize;
        self.header.publish(word, control(sys::thread_id()));
    }
}

fn new_header(locked: bool) -> io::Result<Header> {
    let process = Process::this();
    Ok(Header {
        incompatible: 0,
        compatible: if locked { 0 } else { feature::NO_LOCK },
        writer_id: sys::random()?,
        created: now(),
        pid: process.pid,
        process_start: process.start,
        boot_id: process.boot,
        pid_namespace: process.namespace,
        state: State::Live,
        thread_id: sys::thread_id(),
    })
}

/// An extent of a size that is enough for so much metadata and so many values; each gets half of what is left.
fn divided(offset: u64, size: u64, metadata: usize, values: usize) -> Extent {
    let left = size - (extent::HEAD + metadata + values) as u64;
    let metadata_capacity = metadata as u64 + left / 2 / WORD * WORD;
    let values_offset = extent::HEAD as u64 + metadata_capacity;
    Extent {
        offset,
        size,
        metadata_capacity,
        values_offset,
        values_capacity: size - values_offset,
    }
}

impl AsRef<std::fs::File> for Draft {
    fn as_ref(&self) -> &std::fs::File {
        &self.file
    }
}

impl AsRef<std::fs::File> for Created {
    fn as_ref(&self) -> &std::fs::File {
        &self.file
    }
}

impl Tail {
    /// Stores the head of an extent without records.
    fn new(file: &impl AsRef<std::fs::File>, extent: Extent) -> io::Result<Self> {
        let words = Words::map(file.as_ref(), extent.offset, extent.size as usize)?;
        words.copy_bytes(0, &extent.head());
        Ok(Self {
            extent,
            words,
            metadata_used: 0,
            values_used: 0,
        })
    }

    fn has_room(&self, metadata: usize, values: usize) -> bool {
        self.metadata_used + metadata <= self.extent.metadata_capacity as usize
            && self.values_used + values <= self.extent.values_capacity as usize
    }

    /// Publishes records, for which there is room (V2-W3).
    fn append(&mut self, pending: &[Pending]) -> Vec<Words> {
        let word = WORD as usize;
        let mut slots = Vec::new();
        for new in pending {
            // W3.1
            let place = (self.extent.values_offset as usize + self.values_used) / word;
            self.words.copy(place, &new.slot);
            // W3.2
            let behind = (extent::HEAD + self.metadata_used) / word;
            self.words.copy_bytes(behind, &new.record);
            if !new.slot.is_empty() {
                slots.push(self.words.part(place, new.slot.len()));
            }
            self.values_used += new.slot.len() * word;
            self.metadata_used += new.record.len();
        }
        // W3.3
        store_fence();
        // W3.4
        let units = (self.metadata_used / word) as u32;
        self.words
            .store(extent::METADATA_USED / word, control(units));
        slots
    }
}
