//! Reading a version 2 file that may be changing (FORMAT.md 3.9).
//!
//! Latches are confirmed by V2-R4 with read calls: three copies of all values, the sequence words taken from the first
//! and the third, the buffers from the second. Those that were updated meanwhile are read again one by one, a bounded
//! number of times. Then the value that was confirmed last is returned, and marked (V2-R5).

use std::fs::File;

use super::index::Index;
use super::value::{published, Value};
use super::Document;
use crate::error::{Code, ReadError};
use crate::file::Source;
use crate::layout::{u64_at, WORD};

/// How often one latch is read again in a poll.
const TRIES: usize = 8;

/// What is known of a file from poll to poll.
#[derive(Debug, Default)]
pub(crate) struct Live {
    index: Index,
    /// The index's count when the latches began.
    beginnings: u64,
    latches: Vec<Latch>,
    copies: [Copy; 3],
}

/// A copy of the values areas, one after the other.
#[derive(Debug, Default)]
struct Copy {
    bytes: Vec<u8>,
    /// Where each extent's begins.
    areas: Vec<usize>,
}

/// What is known of a series' latch, if it has one.
#[derive(Clone, Debug, Default)]
struct Latch {
    /// The content that was confirmed last; empty where there is none.
    content: Vec<u8>,
    /// Whether this poll confirmed it.
    confirmed: bool,
}

impl Live {
    /// What the file says now.
    pub(crate) fn poll(&mut self, file: &File) -> Result<Document, ReadError> {
        self.index.update(file)?;
        // Latches belong to series by number; an index that began anew has other ones.
        if self.beginnings != self.index.beginnings() {
            self.beginnings = self.index.beginnings();
            self.latches.clear();
        }
        let series = self.index.catalog().series.len();
        self.latches.resize(series, Latch::default());

        self.copies[0].read(&self.index, file)?;
        if self.has_latches() {
            self.copies[1].read(&self.index, file)?;
            self.copies[2].read(&self.index, file)?;
            self.confirm_from_copies();
            self.confirm_one_by_one(file)?;
        }
        Ok(self.document())
    }

    fn has_latches(&self) -> bool {
        let families = &self.index.catalog().families;
        families.iter().any(|family| family.is_latched())
    }

    fn confirm_from_copies(&mut self) {
        let catalog = self.index.catalog();
        let [first, second, third] = &self.copies;
        for (series, latch) in catalog.series.iter().zip(&mut self.latches) {
            let family = &catalog.families[series.family];
            if !family.is_latched() {
                continue;
            }
            let size = family.slot_size();
            let slots =
                [first, second, third].map(|copy| copy.slot(series.extent, series.slot, size));
            let [before, after] = [slots[0], slots[2]].map(|slot| u64_at(slot, 0));
            latch.confirmed = before == after;
            if latch.confirmed {
                latch.keep(before, slots[1], family.content_size());
            }
        }
    }

    fn confirm_one_by_one(&mut self, file: &File) -> Result<(), ReadError> {
        let catalog = self.index.catalog();
        let mut slot = Vec::new();
        for (series, latch) in catalog.series.iter().zip(&mut self.latches) {
            let family = &catalog.families[series.family];
            if !family.is_latched() {
                continue;
            }
            let offset = self.index.slot_offset(series);
            slot.resize(family.slot_size(), 0);
            for _ in 0..TRIES {
                if latch.confirmed {
                    break;
                }
                let before = word(file, offset)?;
                exactly(file, offset, &mut slot)?;
                latch.confirmed = word(file, offset)? == before;
                if latch.confirmed {
                    latch.keep(before, &slot, family.content_size());
                }
            }
        }
        Ok(())
    }

    fn document(&self) -> Document {
        let catalog = self.index.catalog();
        let unordered = self.index.header().is_unordered();
        self.index.document(|number| {
            let series = &catalog.series[number];
            let family = &catalog.families[series.family];
            if family.is_latched() {
                let latch = &self.latches[number];
                let value = match latch.content.is_empty() {
                    true => Value::Unset,
                    false => Value::of_content(family, &latch.content),
                };
                return (value, latch.confirmed && !unordered);
            }
            let word = self.copies[0].slot(series.extent, series.slot, WORD as usize);
            (Value::of_content(family, word), true)
        })
    }
}

impl Copy {
    /// Copies what the index knows of the values.
    fn read(&mut self, index: &Index, file: &File) -> Result<(), ReadError> {
        self.areas.clear();
        let mut begin = 0;
        for (offset, size) in index.areas() {
            self.areas.push(begin);
            self.bytes.resize(self.bytes.len().max(begin + size), 0);
            exactly(file, offset, &mut self.bytes[begin..begin + size])?;
            begin += size;
        }
        Ok(())
    }

    /// Some of an extent's values.
    fn slot(&self, extent: usize, offset: u64, size: usize) -> &[u8] {
        &self.bytes[self.areas[extent] + offset as usize..][..size]
    }
}

impl Latch {
    fn keep(&mut self, sequence: u64, slot: &[u8], content_size: usize) {
        self.content.clear();
        let begin = published(sequence, content_size);
        self.content.extend(&slot[begin..begin + content_size]);
    }
}

fn word(file: &File, offset: u64) -> Result<u64, ReadError> {
    let mut bytes = [0; WORD as usize];
    exactly(file, offset, &mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

/// Reads what was whole in the file; it must have been made shorter if it is not there.
fn exactly(file: &File, offset: u64, into: &mut [u8]) -> Result<(), ReadError> {
    match file.read(offset, into)? {
        true => Ok(()),
        false => Err(Code::Truncated.at(offset).into()),
    }
}
