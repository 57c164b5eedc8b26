//! Records: how ORIGIN, FAMILY, SERIES and FOLDED are written and taken apart (FORMAT.md 3.5).
//!
//! Whether what they say makes sense together is for `catalog`.

use super::family::{Combination, Family, Kind, ValueType};
use crate::crc::crc_around;
use crate::layout::record::{
    CRC, FAMILY, FAMILY_BOUNDS, FAMILY_CAPACITY, FAMILY_COMBINATION, FAMILY_FLAGS, FAMILY_KIND,
    FAMILY_LABELS, FAMILY_PARTS, FAMILY_TYPE, HEAD, KEPT, ORIGIN, SERIES, SLOT, TYPE,
};
use crate::layout::{aligned, u16_at, u32_at, u64_at, WORD};

/// The fields of a record's body, read one after the other. Each is nothing where the body ends before it does.
pub struct Body<'a> {
    rest: &'a [u8],
}

impl<'a> Body<'a> {
    /// The body of a record, from an offset in the record on.
    pub fn new(record: &'a [u8], from: usize) -> Option<Self> {
        Some(Self {
            rest: record.get(from..)?,
        })
    }

    /// So many bytes.
    pub fn bytes(&mut self, size: usize) -> Option<&'a [u8]> {
        let bytes = self.rest.get(..size)?;
        self.rest = &self.rest[size..];
        Some(bytes)
    }

    /// A text: a length of 16 bits, and as many bytes.
    pub fn text(&mut self) -> Option<&'a [u8]> {
        let size = u16_at(self.bytes(2)?, 0);
        self.bytes(size.into())
    }

    /// Several texts.
    pub fn texts(&mut self, count: usize) -> Option<Vec<&'a [u8]>> {
        (0..count).map(|_| self.text()).collect()
    }

    /// Nothing, unless only the zero bytes are left that make the record a multiple of 8 (V2-22).
    pub fn end(self) -> Option<()> {
        let padding = self.rest.len() < WORD as usize && self.rest.iter().all(|&byte| byte == 0);
        padding.then_some(())
    }
}

/// A FAMILY as its record has it.
pub struct RawFamily<'a> {
    pub kind: u8,
    pub value_type: u8,
    pub combination: u8,
    pub kept: bool,
    pub parts: usize,
    pub capacity: u32,
    pub bounds: Vec<f64>,
    pub name: &'a [u8],
    pub unit: &'a [u8],
    pub help: &'a [u8],
    pub labels: Vec<&'a [u8]>,
    pub states: Vec<&'a [u8]>,
}

impl<'a> RawFamily<'a> {
    /// Takes a record apart; nothing where its body is not what its fields say (V2-22).
    pub fn of(record: &'a [u8]) -> Option<Self> {
        let mut body = Body::new(record, FAMILY_BOUNDS)?;
        let kind = record[FAMILY_KIND];
        let parts = usize::from(u16_at(record, FAMILY_PARTS));
        let parts_of = |wanted: Kind| match Kind::coded(kind) == Some(wanted) {
            true => parts,
            false => 0,
        };
        let bounds = body.bytes(parts_of(Kind::Histogram) * WORD as usize)?;
        let bounds = bounds.chunks_exact(WORD as usize);
        let family = Self {
            kind,
            value_type: record[FAMILY_TYPE],
            combination: record[FAMILY_COMBINATION],
            kept: record[FAMILY_FLAGS] & KEPT != 0,
            parts,
            capacity: u32_at(record, FAMILY_CAPACITY),
            bounds: bounds
                .map(|bound| f64::from_bits(u64_at(bound, 0)))
                .collect(),
            name: body.text()?,
            unit: body.text()?,
            help: body.text()?,
            labels: body.texts(record[FAMILY_LABELS].into())?,
            states: body.texts(parts_of(Kind::StateSet))?,
        };
        body.end()?;
        Some(family)
    }

    /// The same with texts that are text; nothing where one is not (V2-23).
    pub fn decode(
        &self,
        kind: Kind,
        value_type: ValueType,
        combination: Combination,
    ) -> Option<Family> {
        Some(Family {
            kept: self.kept,
            unit: text(self.unit)?,
            help: text(self.help)?,
            labels: texts(&self.labels)?,
            bounds: self.bounds.clone(),
            states: texts(&self.states)?,
            capacity: self.capacity,
            ..Family::new(text(self.name)?, kind, value_type, combination)
        })
    }

    /// Whether all its texts are text (V2-23).
    pub fn is_text(&self) -> bool {
        let texts = [self.name, self.unit, self.help];
        let mut texts = texts.iter().chain(&self.labels).chain(&self.states);
        texts.all(|text| std::str::from_utf8(text).is_ok())
    }
}

/// Bytes as text, if they are UTF-8.
pub fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

/// Several texts, if all are.
pub fn texts(many: &[&[u8]]) -> Option<Vec<String>> {
    many.iter().map(|bytes| text(bytes)).collect()
}

/// Appends a text, whose length is known to fit.
pub fn put_text(record: &mut Vec<u8>, text: &str) {
    record.extend((text.len() as u16).to_le_bytes());
    record.extend(text.as_bytes());
}

/// The record of a body.
fn record(record_type: u16, slot: usize, body: &[u8]) -> Vec<u8> {
    let mut record = vec![0; HEAD];
    record.extend(body);
    record.resize(aligned(record.len()), 0);
    let size = record.len() as u32;
    record[..TYPE].copy_from_slice(&size.to_le_bytes());
    record[TYPE..TYPE + 2].copy_from_slice(&record_type.to_le_bytes());
    record[SLOT..HEAD].copy_from_slice(&(slot as u32).to_le_bytes());
    let crc = crc_around(&record, CRC);
    record[CRC..SLOT].copy_from_slice(&crc.to_le_bytes());
    record
}

/// An ORIGIN.
pub fn origin(app: &str, host: &str) -> Vec<u8> {
    let mut body = Vec::new();
    put_text(&mut body, app);
    put_text(&mut body, host);
    record(ORIGIN, 0, &body)
}

/// A FAMILY, which was checked.
pub fn family(family: &Family) -> Vec<u8> {
    let parts = (family.bounds.len() + family.states.len()) as u16;
    let mut body = vec![
        family.kind.code(),
        family.value_type.code(),
        family.combination.code(),
        if family.kept { KEPT } else { 0 },
        family.labels.len() as u8,
        0,
    ];
    body.extend(parts.to_le_bytes());
    body.extend(family.capacity.to_le_bytes());
    body.extend([0; 4]);
    for bound in &family.bounds {
        body.extend(bound.to_le_bytes());
    }
    for text in [&family.name, &family.unit, &family.help] {
        put_text(&mut body, text);
    }
    for text in family.labels.iter().chain(&family.states) {
        put_text(&mut body, text);
    }
    record(FAMILY, 0, &body)
}

/// A SERIES, of label values that `put_text` has written.
pub fn series(family: u32, labels: &[u8], slot: usize) -> Vec<u8> {
    let mut body = family.to_le_bytes().to_vec();
    body.extend(labels);
    record(SERIES, slot, &body)
}
