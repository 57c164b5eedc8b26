//! Version 1: labelled fields, one after the other, each with one buffer or two.

mod parse;
mod poll;
mod types;
mod writer;

pub use parse::parse;
pub(crate) use poll::poll;
pub use types::FieldType;
pub use writer::{Declared, Field as FieldId, Writer};

use crate::number::Number;

/// What a version 1 file says: its fields in the order of the file (J-1).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// The fields.
    pub fields: Vec<Field>,
}

impl Document {
    /// The last field of a label, which is the one that counts (V1-4).
    pub fn get(&self, label: &[u8]) -> Option<&Field> {
        self.fields.iter().rev().find(|field| field.label == label)
    }
}

/// One field.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its label: bytes, and usually text.
    pub label: Vec<u8>,
    /// The type of its value.
    pub signature: FieldType,
    /// Whether it has two buffers.
    pub buffered: bool,
    /// The published value.
    pub value: Value,
    /// Whether two copies of the file agreed on it (V1-R2). Of a file at rest it is always so.
    pub confirmed: bool,
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of all types but text.
    Number(Number),
    /// Of the types `c` and `Ns`: bytes, and usually text.
    Text(Vec<u8>),
}
