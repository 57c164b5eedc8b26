//! Extents: the parts by which a file grows (FORMAT.md 3.4).

use super::header::control_word;
use crate::crc::crc_around;
use crate::error::{Code, Malformed};
use crate::layout::extent::{
    COVERED, CRC, HEAD, METADATA_CAPACITY, METADATA_USED, NEXT, TAG, TOTAL, VALUES_CAPACITY,
    VALUES_OFFSET,
};
use crate::layout::{control, u32_at, u64_at, WORD};

/// What never changes of an extent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Where it begins in the file.
    pub offset: u64,
    pub size: u64,
    pub metadata_capacity: u64,
    /// Where the values area begins in the extent.
    pub values_offset: u64,
    pub values_capacity: u64,
}

impl Extent {
    /// Checks a head that lies whole in the file: its tag, its CRC, its four sizes.
    pub fn parse(head: &[u8; HEAD], offset: u64) -> Result<Self, Malformed> {
        if head[..TAG.len()] != TAG {
            return Err(Code::BadExtent.at(offset));
        }
        if u32_at(head, CRC) != crc_around(&head[..COVERED], CRC) {
            return Err(Code::BadCrc.at(offset + CRC as u64));
        }
        let size = u64_at(head, TOTAL);
        let metadata_capacity = u64_at(head, METADATA_CAPACITY);
        let values_offset = u64_at(head, VALUES_OFFSET);
        let values_capacity = u64_at(head, VALUES_CAPACITY);
        // Each one is compared with what those before it leave, so that nothing overflows.
        let fits = |place: usize, number: u64, least: u64, most: Option<u64>| {
            let between = most.is_some_and(|most| (least..=most).contains(&number));
            match number % WORD == 0 && between {
                true => Ok(()),
                false => Err(Code::BadExtent.at(offset + place as u64)),
            }
        };
        let head = HEAD as u64;
        fits(TOTAL, size, head, Some(u64::MAX))?;
        fits(
            METADATA_CAPACITY,
            metadata_capacity,
            0,
            size.checked_sub(head),
        )?;
        fits(
            VALUES_OFFSET,
            values_offset,
            head + metadata_capacity,
            Some(size),
        )?;
        fits(
            VALUES_CAPACITY,
            values_capacity,
            0,
            size.checked_sub(values_offset),
        )?;
        Ok(Self {
            offset,
            size,
            metadata_capacity,
            values_offset,
            values_capacity,
        })
    }

    /// The bytes of its head, with no records and nothing after it.
    pub fn head(&self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        let mut put = |offset: usize, number: u64| {
            bytes[offset..offset + WORD as usize].copy_from_slice(&number.to_le_bytes());
        };
        put(TOTAL, self.size);
        put(METADATA_CAPACITY, self.metadata_capacity);
        put(VALUES_OFFSET, self.values_offset);
        put(VALUES_CAPACITY, self.values_capacity);
        put(METADATA_USED, control(0));
        put(NEXT, control(0));
        bytes[..TAG.len()].copy_from_slice(&TAG);
        let crc = crc_around(&bytes[..COVERED], CRC);
        bytes[CRC..CRC + 4].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Where its metadata area begins in the file.
    pub fn metadata(&self) -> u64 {
        self.offset + HEAD as u64
    }

    /// Where its values area begins in the file.
    pub fn values(&self) -> u64 {
        self.offset + self.values_offset
    }

    /// Where it ends in the file.
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.size)
    }

    /// How many bytes of records a head says to be published (V2-17).
    pub fn metadata_used(&self, head: &[u8; HEAD]) -> Result<u64, Malformed> {
        let used = u64::from(control_word(head, METADATA_USED, self.offset)?) * WORD;
        if used > self.metadata_capacity {
            return Err(Code::BadExtent.at(self.offset + METADATA_USED as u64));
        }
        Ok(used)
    }

    /// Where a head says that the following extent begins (V2-15).
    pub fn next(&self, head: &[u8; HEAD]) -> Result<Option<u64>, Malformed> {
        let next = u64::from(control_word(head, NEXT, self.offset)?) * WORD;
        if next == 0 {
            return Ok(None);
        }
        if next < self.end() {
            return Err(self.bad_next());
        }
        Ok(Some(next))
    }

    /// What a *next* that leads nowhere is.
    pub fn bad_next(&self) -> Malformed {
        Code::BadExtent.at(self.offset + NEXT as u64)
    }
}
