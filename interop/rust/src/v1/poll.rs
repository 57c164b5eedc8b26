//! Reading a version 1 file that may be changing (FORMAT.md 2.6).
//!
//! A value is confirmed when two copies, one after the other, agree on it (V1-R2). What is not confirmed after a bounded
//! number of copies is returned as the last one has it, and marked (V1-R3).

use super::parse::raw_fields;
use super::{Document, Field};
use crate::error::ReadError;
use crate::file::{check_size_1, Source};

/// The most copies that one poll makes.
const COPIES: usize = 12;

/// What the file says now.
pub(crate) fn poll(source: &impl Source) -> Result<Document, ReadError> {
    let mut older = copy(source)?;
    let mut confirmed: Vec<Option<Field>> = Vec::new();
    for turn in 2.. {
        let newer = copy(source)?;
        let before = raw_fields(&older)?;
        let after = raw_fields(&newer)?;
        // Fields that came, went or moved are other fields: what was confirmed is not known to be theirs.
        let same_fields = before.len() == after.len()
            && before
                .iter()
                .zip(&after)
                .all(|(old, new)| (old.label, old.signature) == (new.label, new.signature));
        if !same_fields || confirmed.is_empty() {
            confirmed = vec![None; after.len()];
        }
        if same_fields {
            for (place, field) in confirmed.iter_mut().enumerate() {
                if field.is_none() && before[place] == after[place] {
                    *field = Some(after[place].decode(true));
                }
            }
        }
        if turn >= COPIES || confirmed.iter().all(Option::is_some) {
            let fields = confirmed
                .into_iter()
                .zip(&after)
                .map(|(field, last)| field.unwrap_or_else(|| last.decode(false)));
            return Ok(Document {
                fields: fields.collect(),
            });
        }
        older = newer;
    }
    unreachable!("the number of copies is bounded")
}

/// A copy of the whole file.
fn copy(source: &impl Source) -> Result<Vec<u8>, ReadError> {
    let size = source.size()?;
    check_size_1(size).map_err(ReadError::Io)?;
    let mut bytes = vec![0; size as usize];
    if !source.read(0, &mut bytes)? {
        // It became shorter meanwhile; what is malformed then is found by the copy that V1-R4 asks for.
        bytes.clear();
    }
    // An empty or replaced file is none of version 1.
    crate::document::version(&bytes)?;
    Ok(bytes)
}
