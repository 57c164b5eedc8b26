//! What a file says, of either version, and the strict parser that finds it out.
//!
//! Every length is checked against what is left of the file before it is used (G-4).

use std::io::Read;
use std::path::Path;

use crate::error::{Code, Malformed, ReadError};
use crate::{file, layout, v1, v2};

/// What a file says.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    /// Of a file of version 1.
    V1(v1::Document),
    /// Of a file of version 2.
    V2(v2::Document),
}

/// The version of a file that begins with these bytes (G-1).
pub(crate) fn version(bytes: &[u8]) -> Result<u8, Malformed> {
    match bytes.first() {
        None => Err(Code::Truncated.at(0)),
        Some(&version @ (layout::VERSION_1 | layout::VERSION_2)) => Ok(version),
        Some(_) => Err(Code::UnsupportedVersion.at(0)),
    }
}

/// Parses a file that does not change.
pub fn parse(bytes: &[u8]) -> Result<Document, Malformed> {
    match version(bytes)? {
        layout::VERSION_1 => v1::parse(bytes).map(Document::V1),
        _ => v2::parse(bytes).map(Document::V2),
    }
}

/// Reads and parses a file that does not change.
pub fn read(path: &Path) -> Result<Document, ReadError> {
    let opened = file::open(path)?;
    let mut bytes = Vec::new();
    // One byte more than it may have, to see whether it grew meanwhile.
    opened
        .take(file::LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(ReadError::Io)?;
    file::check_size(bytes.len() as u64)?;
    if bytes.first() == Some(&layout::VERSION_1) {
        file::check_size_1(bytes.len() as u64)?;
    }
    Ok(parse(&bytes)?)
}
