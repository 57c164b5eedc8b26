//! The strict parser of version 1 (FORMAT.md 2.2, 2.3): a document, or the first error in the order of the file.

use super::{Document, Field, FieldType};
use crate::error::{Code, Malformed};
use crate::layout::{u16_at, UNBUFFERED};

/// A field as it stands in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RawField<'a> {
    pub label: &'a [u8],
    pub signature: FieldType,
    pub index: u8,
    /// The published buffer (V1-7).
    pub published: &'a [u8],
}

impl RawField<'_> {
    /// What the field says.
    pub fn decode(&self, confirmed: bool) -> Field {
        Field {
            label: self.label.to_vec(),
            signature: self.signature,
            buffered: self.index != UNBUFFERED,
            value: self.signature.decode(self.published),
            confirmed,
        }
    }
}

/// Parses a file of version 1, whose first byte is known to say so.
pub fn parse(bytes: &[u8]) -> Result<Document, Malformed> {
    let fields = raw_fields(bytes)?;
    Ok(Document {
        fields: fields.iter().map(|field| field.decode(true)).collect(),
    })
}

/// What is left of a file.
struct Rest<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Rest<'a> {
    /// The next element, of so many bytes; it lies whole in the file (V1-10).
    fn take(&mut self, size: usize) -> Result<&'a [u8], Malformed> {
        let left = &self.bytes[self.offset..];
        if size > left.len() {
            return Err(Code::Truncated.at(self.offset as u64));
        }
        self.offset += size;
        Ok(&left[..size])
    }

    /// Whether the fields end here (V1-8).
    fn ended(&self) -> bool {
        matches!(self.bytes[self.offset..], [] | [0] | [0, 0, ..])
    }
}

/// All fields of a file, and a look at its padding.
pub(super) fn raw_fields(bytes: &[u8]) -> Result<Vec<RawField<'_>>, Malformed> {
    let mut rest = Rest { bytes, offset: 1 };
    let mut fields = Vec::new();
    while !rest.ended() {
        fields.push(raw_field(&mut rest)?);
    }
    let padding = &bytes[rest.offset..];
    if let Some(place) = padding.iter().position(|&byte| byte != 0) {
        return Err(Code::TrailingBytes.at((rest.offset + place) as u64));
    }
    Ok(fields)
}

fn raw_field<'a>(rest: &mut Rest<'a>) -> Result<RawField<'a>, Malformed> {
    let label_size = u16_at(rest.take(2)?, 0);
    let label = rest.take(label_size.into())?;
    let signature_size = u16_at(rest.take(2)?, 0);
    let signature_offset = rest.offset as u64;
    let signature = rest.take(signature_size.into())?;
    let signature = FieldType::of(signature).ok_or(Code::UnknownType.at(signature_offset))?;
    let index_offset = rest.offset as u64;
    let index = rest.take(1)?[0];
    let size = signature.size();
    let published = match index {
        0 => &rest.take(2 * size)?[size..],
        1 => &rest.take(2 * size)?[..size],
        UNBUFFERED => rest.take(size)?,
        _ => return Err(Code::BadIndex.at(index_offset)),
    };
    Ok(RawField {
        label,
        signature,
        index,
        published,
    })
}
