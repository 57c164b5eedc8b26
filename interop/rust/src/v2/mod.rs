//! Version 2: declared families, each with series; values in words and latches.

mod catalog;
mod extent;
mod family;
mod header;
mod index;
mod live;
mod record;
mod slot;
mod storage;
mod value;
mod writer;

use std::sync::Arc;

pub use family::{Combination, Family, Kind, ValueType};
pub use header::{Header, State};
pub(crate) use live::Live;
pub use value::Value;
pub use writer::{Builder, FamilyId, Series, Writer};

use crate::error::{Malformed, ReadError};

/// What a version 2 file says (J-6).
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Who writes.
    pub header: Header,
    /// The application.
    pub app: Arc<str>,
    /// The host.
    pub host: Arc<str>,
    /// The families in the order of the file.
    pub families: Vec<FamilyValues>,
    /// Of an archive: the ids of the writers whose counts are in it.
    pub folded: Vec<[u8; 16]>,
}

/// A family and the values of its series, in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct FamilyValues {
    /// What was declared.
    pub family: Arc<Family>,
    /// One for each set of label values.
    pub series: Vec<SeriesValue>,
}

/// One series.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesValue {
    /// The values of the labels, in the order of the family's names.
    pub labels: Arc<[String]>,
    /// The value; of one that is not confirmed, that which was confirmed last.
    pub value: Value,
    /// Whether the reader knows that it was published so (J-9). Of a file at rest it is always so.
    pub confirmed: bool,
}

/// Parses a file of version 2, whose first byte is known to say so.
pub fn parse(bytes: &[u8]) -> Result<Document, Malformed> {
    let mut index = index::Index::default();
    match index.update(&bytes) {
        Ok(()) => {}
        Err(ReadError::Malformed(error)) => return Err(error),
        Err(ReadError::Io(_)) => unreachable!("reading from memory does not fail"),
    }
    let catalog = index.catalog();
    Ok(index.document(|number| {
        let series = &catalog.series[number];
        let family = &catalog.families[series.family];
        let slot = &bytes[index.slot_offset(series) as usize..][..family.slot_size()];
        (Value::of_slot(family, slot), true)
    }))
}
