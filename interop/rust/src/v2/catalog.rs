//! What the records of a file say together: its origin, families and series.
//!
//! Records are taken in one by one, each after all checks in the order of V2-34. What was taken in stays.

use std::collections::HashSet;
use std::sync::Arc;

use super::extent::Extent;
use super::family::{Combination, Family, Kind, ValueType};
use super::record::{text, texts, Body, RawFamily};
use crate::crc::crc_around;
use crate::error::{Code, Malformed};
use crate::layout::record::{
    CRC, CRITICAL, FAMILY, FAMILY_COMBINATION, FAMILY_KIND, FAMILY_TYPE, FLAGS, FOLDED, HEAD,
    ORIGIN, SERIES, SERIES_FAMILY, SERIES_LABELS, SLOT, TYPE,
};
use crate::layout::{array_at, u16_at, u32_at, WORD};

/// The records that were taken in.
#[derive(Debug, Default)]
pub struct Catalog {
    pub origin: Option<Origin>,
    pub families: Vec<Arc<Family>>,
    names: HashSet<String>,
    pub series: Vec<SeriesEntry>,
    /// Family numbers and label values, as they stand in the records.
    label_sets: HashSet<Box<[u8]>>,
    pub folded: Vec<[u8; 16]>,
}

/// The application and the host.
#[derive(Debug)]
pub struct Origin {
    pub app: Arc<str>,
    pub host: Arc<str>,
}

/// One series, and where its slot lies.
#[derive(Debug)]
pub struct SeriesEntry {
    pub family: usize,
    pub labels: Arc<[String]>,
    /// The number of its extent.
    pub extent: usize,
    /// Where its slot begins in the values area.
    pub slot: u64,
}

/// The place of the next record and of its slot.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub extent: &'a Extent,
    /// The number of the extent.
    pub number: usize,
    /// How many bytes of records come before it in the extent.
    pub metadata: usize,
    /// How many bytes of slots do.
    pub slots: u64,
    pub is_archive: bool,
}

impl Catalog {
    /// Takes in the record that begins `rest`, all that is left of an extent's published records. Gives the bytes of
    /// the record, and of its slot.
    pub fn take(&mut self, rest: &[u8], place: Place) -> Result<(usize, u64), Malformed> {
        let base = place.extent.metadata() + place.metadata as u64;
        let bad_record = Code::BadRecord.at(base);
        if rest.len() < HEAD {
            return Err(bad_record);
        }
        let size = u32_at(rest, 0) as usize;
        if size < HEAD || size % WORD as usize != 0 || size > rest.len() {
            return Err(bad_record);
        }
        let record = &rest[..size];
        if u32_at(record, CRC) != crc_around(record, CRC) {
            return Err(Code::BadCrc.at(base + CRC as u64));
        }
        let record_type = u16_at(record, TYPE);
        let slot = u64::from(u32_at(record, SLOT));
        let slotless = matches!(record_type, ORIGIN | FAMILY | FOLDED);
        let room = place.extent.values_capacity - place.slots;
        if slot % WORD != 0 || slot > room || (slotless && slot != 0) {
            return Err(Code::BadRecord.at(base + SLOT as u64));
        }
        // The first record is an ORIGIN, and no other.
        if self.origin.is_some() == (record_type == ORIGIN) {
            return Err(bad_record);
        }
        match record_type {
            ORIGIN => self.take_origin(record, base)?,
            FAMILY => self.take_family(record, base)?,
            SERIES => self.take_series(record, base, slot, place)?,
            FOLDED if !place.is_archive => return Err(bad_record),
            FOLDED => self.take_folded(record).ok_or(bad_record)?,
            _ if u16_at(record, FLAGS) & CRITICAL != 0 => {
                return Err(Code::UnsupportedRecord.at(base))
            }
            _ => {}
        }
        Ok((size, slot))
    }

    fn take_origin(&mut self, record: &[u8], base: u64) -> Result<(), Malformed> {
        let (app, host) = origin_texts(record).ok_or(Code::BadRecord.at(base))?;
        let app = text(app).ok_or(Code::BadText.at(base))?;
        let host = text(host).ok_or(Code::BadText.at(base))?;
        self.origin = Some(Origin {
            app: app.into(),
            host: host.into(),
        });
        Ok(())
    }

    fn take_family(&mut self, record: &[u8], base: u64) -> Result<(), Malformed> {
        let raw = RawFamily::of(record).ok_or(Code::BadRecord.at(base))?;
        if !raw.is_text() {
            return Err(Code::BadText.at(base));
        }
        let wrong = |place: usize| Code::BadFamily.at(base + place as u64);
        let kind = Kind::coded(raw.kind).ok_or(wrong(FAMILY_KIND))?;
        let value_type = ValueType::coded(raw.value_type)
            .filter(|&value_type| kind.has_type(value_type))
            .ok_or(wrong(FAMILY_TYPE))?;
        let combination = Combination::coded(raw.combination)
            .filter(|&combination| kind.combines(value_type, combination))
            .ok_or(wrong(FAMILY_COMBINATION))?;
        let family = raw
            .decode(kind, value_type, combination)
            .ok_or(Code::BadText.at(base))?;
        if !family.has_good_names() || self.names.contains(&family.name) {
            return Err(wrong(0));
        }
        if !family.has_good_parts(raw.parts) {
            return Err(wrong(0));
        }
        self.names.insert(family.name.clone());
        self.families.push(Arc::new(family));
        Ok(())
    }

    fn take_series(
        &mut self,
        record: &[u8],
        base: u64,
        slot: u64,
        place: Place,
    ) -> Result<(), Malformed> {
        let bad_record = Code::BadRecord.at(base);
        let mut body = Body::new(record, SERIES_LABELS).ok_or(bad_record)?;
        let number = u32_at(record, SERIES_FAMILY) as usize;
        let family = self
            .families
            .get(number)
            .ok_or(Code::BadSeries.at(base + SERIES_FAMILY as u64))?;
        let labels = body.texts(family.labels.len()).ok_or(bad_record)?;
        body.end().ok_or(bad_record)?;
        let labels = texts(&labels).ok_or(Code::BadText.at(base))?;
        if slot != family.slot_size() as u64 {
            return Err(Code::BadSeries.at(base + SLOT as u64));
        }
        // Equal families and label values are equal bytes: the padding is zeros, and so says where they end.
        if !self.label_sets.insert(record[SERIES_FAMILY..].into()) {
            return Err(Code::BadSeries.at(base));
        }
        self.series.push(SeriesEntry {
            family: number,
            labels: labels.into(),
            extent: place.number,
            slot: place.slots,
        });
        Ok(())
    }

    fn take_folded(&mut self, record: &[u8]) -> Option<()> {
        let mut body = Body::new(record, HEAD)?;
        let id = array_at(body.bytes(16)?, 0);
        body.end()?;
        self.folded.push(id);
        Some(())
    }
}

fn origin_texts(record: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut body = Body::new(record, HEAD)?;
    let texts = (body.text()?, body.text()?);
    body.end()?;
    Some(texts)
}
