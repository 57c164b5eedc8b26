//! Where everything lies in a file: the walk through header, extents and records, in the order of V2-34.
//!
//! The walk is the same for a file at rest and for one that changes. It remembers what it took in: a later walk decodes
//! only what is new, as long as the file still says the same before that. What leads to other bytes is read before
//! them (V2-R2): an extent's head before its records, and all of an extent before the next one.

use std::sync::Arc;

use super::catalog::{Catalog, Place, SeriesEntry};
use super::extent::Extent;
use super::header::Header;
use super::value::Value;
use super::{Document, FamilyValues, SeriesValue};
use crate::error::{Code, ReadError};
use crate::file::Source;
use crate::layout::{extent, header, WORD};

/// What is known of a file.
#[derive(Debug, Default)]
pub struct Index {
    header: Option<(Header, [u8; header::COVERED])>,
    extents: Vec<Known>,
    catalog: Catalog,
    /// How often it began anew.
    beginnings: u64,
}

/// What is known of an extent.
#[derive(Debug)]
struct Known {
    extent: Extent,
    head: [u8; extent::COVERED],
    /// The bytes of the records that were taken in.
    metadata: Vec<u8>,
    /// The bytes of their slots.
    slots: u64,
}

/// Why a walk ended early.
enum Stop {
    Failed(ReadError),
    /// The file does not say any more what was taken in: it is another one in the old one's place.
    Changed,
}

impl<E: Into<ReadError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Index {
    /// Takes in what is new.
    pub fn update(&mut self, source: &impl Source) -> Result<(), ReadError> {
        loop {
            match self.walk(source) {
                Ok(()) => return Ok(()),
                Err(Stop::Failed(error)) => return Err(error),
                // A walk that knows nothing finds nothing changed.
                Err(Stop::Changed) => {
                    *self = Self {
                        beginnings: self.beginnings + 1,
                        ..Self::default()
                    }
                }
            }
        }
    }

    fn walk(&mut self, source: &impl Source) -> Result<(), Stop> {
        self.take_header(source)?;
        let mut offset = extent::FIRST;
        for number in 0.. {
            let mut head = self.take_extent(source, number, offset)?;
            let extent = self.extents[number].extent;
            let has_next = number + 1 < self.extents.len();
            if !has_next && head[extent::NEXT..extent::NEXT + 4] != [0; 4] {
                // R2.5: an extent that has a next one gains nothing more, but the words of one call have no order.
                let word = extent::METADATA_USED..extent::METADATA_USED + WORD as usize;
                if !source.read(offset + word.start as u64, &mut head[word])? {
                    return Err(Code::Truncated.at(offset).into());
                }
            }
            let used = extent.metadata_used(&head)?;
            if has_next && used as usize != self.extents[number].metadata.len() {
                return Err(Stop::Changed);
            }
            self.take_records(source, number, used as usize)?;
            match extent.next(&head)? {
                None if number + 1 < self.extents.len() => return Err(Stop::Changed),
                None => break,
                Some(_) if number + 1 == extent::MOST => return Err(extent.bad_next().into()),
                Some(next) => offset = next,
            }
        }
        Ok(())
    }

    fn take_header(&mut self, source: &impl Source) -> Result<(), Stop> {
        let mut bytes = [0; header::SIZE];
        if !source.read(0, &mut bytes)? {
            return Err(Code::Truncated.at(0).into());
        }
        let parsed = Header::parse(&bytes)?;
        let fixed = crate::layout::array_at(&bytes, 0);
        if self
            .header
            .as_ref()
            .is_some_and(|(_, known)| *known != fixed)
        {
            return Err(Stop::Changed);
        }
        self.header = Some((parsed, fixed));
        Ok(())
    }

    /// Takes in an extent, or sees that it is the one that is known; gives its head.
    fn take_extent(
        &mut self,
        source: &impl Source,
        number: usize,
        offset: u64,
    ) -> Result<[u8; extent::HEAD], Stop> {
        let size = source.size()?;
        let mut head = [0; extent::HEAD];
        if !source.read(offset, &mut head)? {
            return Err(Code::Truncated.at(offset).into());
        }
        let known = self.extents.get(number);
        if known
            .is_some_and(|known| known.extent.offset != offset || !head.starts_with(&known.head))
        {
            return Err(Stop::Changed);
        }
        let extent = match known {
            Some(known) => known.extent,
            None => Extent::parse(&head, offset)?,
        };
        if extent.size > size.saturating_sub(offset) {
            return Err(Code::Truncated.at(offset).into());
        }
        if number == self.extents.len() {
            self.extents.push(Known {
                extent,
                head: crate::layout::array_at(&head, 0),
                metadata: Vec::new(),
                slots: 0,
            });
        }
        Ok(head)
    }

    fn take_records(
        &mut self,
        source: &impl Source,
        number: usize,
        used: usize,
    ) -> Result<(), Stop> {
        let is_archive = self.header().is_archive();
        let known = &mut self.extents[number];
        let mut records = vec![0; used];
        if !source.read(known.extent.metadata(), &mut records)? {
            return Err(Code::Truncated.at(known.extent.offset).into());
        }
        if !records.starts_with(&known.metadata) {
            return Err(Stop::Changed);
        }
        if number == 0 && used == 0 {
            return Err(Code::BadRecord.at(known.extent.metadata()).into());
        }
        while known.metadata.len() < used {
            let rest = &records[known.metadata.len()..];
            let place = Place {
                extent: &known.extent,
                number,
                metadata: known.metadata.len(),
                slots: known.slots,
                is_archive,
            };
            let (size, slot) = self.catalog.take(rest, place)?;
            known.metadata.extend(&rest[..size]);
            known.slots += slot;
        }
        Ok(())
    }

    /// The header of a file that was taken in.
    pub fn header(&self) -> &Header {
        let (header, _) = self.header.as_ref().expect("a walk begins with the header");
        header
    }

    /// How often it began anew, and so gave series other numbers.
    pub fn beginnings(&self) -> u64 {
        self.beginnings
    }

    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Of each extent where its values begin in the file, and how many bytes of slots there are.
    pub fn areas(&self) -> impl Iterator<Item = (u64, usize)> + '_ {
        let area = |known: &Known| (known.extent.values(), known.slots as usize);
        self.extents.iter().map(area)
    }

    /// Where a series' slot lies in the file.
    pub fn slot_offset(&self, series: &SeriesEntry) -> u64 {
        self.extents[series.extent].extent.values() + series.slot
    }

    /// The document, given the value of each series by its number, and whether it is confirmed.
    pub fn document(&self, value: impl Fn(usize) -> (Value, bool)) -> Document {
        let family_values = |family| FamilyValues {
            family: Arc::clone(family),
            series: Vec::new(),
        };
        let mut families: Vec<_> = self.catalog.families.iter().map(family_values).collect();
        for (number, series) in self.catalog.series.iter().enumerate() {
            let (value, confirmed) = value(number);
            families[series.family].series.push(SeriesValue {
                labels: Arc::clone(&series.labels),
                value,
                confirmed,
            });
        }
        let origin = self.catalog.origin.as_ref();
        let origin = origin.expect("the first record is an origin");
        Document {
            header: self.header().clone(),
            app: Arc::clone(&origin.app),
            host: Arc::clone(&origin.host),
            families,
            folded: self.catalog.folded.clone(),
        }
    }
}
