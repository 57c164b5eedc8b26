//! The writer of version 1 (FORMAT.md 2.5).
//!
//! An update of a field with two buffers stores the value in the one that is not published, then the other index
//! (V1-W2). The writer goes on from private copies. A child of a fork gets a file of its own with its first update
//! (V1-W7).

use std::io;
use std::path::{Path, PathBuf};

use super::{FieldType, Value};
use crate::create::{absolute, Created, Draft};
use crate::error::Refused;
use crate::layout::{LARGEST_MADE, UNBUFFERED, VERSION_1};
use crate::mapping::{store_fence, Bytes};
use crate::number::Number;
use crate::{fork, sys};

/// What a field is declared to be.
#[derive(Clone, Debug)]
pub struct Declared {
    /// 1 to 65,535 bytes.
    pub label: Vec<u8>,
    /// One of the registry.
    pub signature: String,
    /// Whether it has two buffers.
    pub buffered: bool,
    /// What it begins with; zeros where there is nothing.
    pub value: Option<Value>,
}

/// The handle of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field(usize);

/// A field as its writer has it.
#[derive(Debug)]
struct State {
    label: Vec<u8>,
    signature: FieldType,
    buffered: bool,
    /// The value that the field begins with.
    initial: Vec<u8>,
    /// The private copy of the value.
    value: Vec<u8>,
    /// Where the index stands in the file; the buffers follow it.
    offset: usize,
    /// Which buffer is written next (V1-W1).
    index: u8,
}

/// A program's fields in a file. Dropping it ends the file.
pub struct Writer {
    /// The path that was asked for.
    path: PathBuf,
    fields: Vec<State>,
    storage: Option<(Created, Bytes)>,
    generation: u32,
}

impl Writer {
    /// Makes a file of these fields under this path, or the next that is free: `shop.mmstats`, `shop-1.mmstats`, …
    pub fn create(path: impl AsRef<Path>, fields: Vec<Declared>) -> Result<Self, Refused> {
        let fields: Result<Vec<_>, _> = fields.into_iter().map(State::new).collect();
        let mut writer = Self {
            path: absolute(path.as_ref()).map_err(Refused::File)?,
            fields: fields?,
            storage: None,
            generation: fork::generation(),
        };
        writer.make_file()?;
        Ok(writer)
    }

    /// The path of this process's file; nothing in a forked child that has not made its own yet.
    pub fn path(&self) -> Option<&Path> {
        match &self.storage {
            Some((created, _)) if self.generation == fork::generation() => Some(&created.path),
            _ => None,
        }
    }

    /// The field of a label; the last one where there are several (V1-4).
    pub fn field(&self, label: &[u8]) -> Option<Field> {
        let place = self.fields.iter().rposition(|field| field.label == label);
        place.map(Field)
    }

    /// The type of a field.
    pub fn signature(&self, field: Field) -> FieldType {
        self.fields[field.0].signature
    }

    /// Adds to a field of numbers; integers wrap at their width (V1-W3).
    pub fn add(&mut self, field: Field, value: impl Into<Number>) -> Result<(), Refused> {
        let (state, bytes) = self.state(field)?;
        let old = state.signature.decode(&state.value);
        let sum = match (old, value.into()) {
            (Value::Number(Number::Float(old)), Number::Float(more)) => Number::Float(old + more),
            (Value::Number(Number::Unsigned(old)), Number::Unsigned(more)) => {
                Number::Unsigned(old.wrapping_add(more))
            }
            (Value::Number(Number::Unsigned(old)), Number::Signed(more)) => {
                Number::Unsigned(old.wrapping_add(more as u64))
            }
            (Value::Number(Number::Signed(old)), Number::Signed(more)) => {
                Number::Signed(old.wrapping_add(more))
            }
            (Value::Number(Number::Signed(old)), Number::Unsigned(more)) => {
                Number::Signed(old.wrapping_add(more as i64))
            }
            _ => return Err(Refused::Value),
        };
        state.take_number(sum)?;
        state.publish(bytes);
        Ok(())
    }

    /// Sets a field of numbers; integers wrap at their width (V1-W3).
    pub fn set(&mut self, field: Field, value: impl Into<Number>) -> Result<(), Refused> {
        let (state, bytes) = self.state(field)?;
        state.take_number(value.into())?;
        state.publish(bytes);
        Ok(())
    }

    /// Sets a field of text. What does not fit is cut off after a whole character.
    pub fn set_text(&mut self, field: Field, text: &str) -> Result<(), Refused> {
        let (state, bytes) = self.state(field)?;
        if !matches!(state.signature, FieldType::Char | FieldType::Text(_)) {
            return Err(Refused::Value);
        }
        state.take_text(crate::text::cut(text, state.value.len()).as_bytes());
        state.publish(bytes);
        Ok(())
    }

    /// Ends the file: nothing is stored in it afterwards, and its lock is gone.
    pub fn close(self) {}

    /// A field, and the file, which is made first in a child.
    fn state(&mut self, field: Field) -> Result<(&mut State, &mut Bytes), Refused> {
        if self.generation != fork::generation() {
            // The parent's goes on without this process; its lock was closed in the fork.
            self.storage = None;
            self.generation = fork::generation();
        }
        if self.storage.is_none() {
            self.make_file()?;
        }
        match (self.fields.get_mut(field.0), &mut self.storage) {
            (Some(state), Some((_, bytes))) => Ok((state, bytes)),
            _ => Err(Refused::Handle),
        }
    }

    fn make_file(&mut self) -> Result<(), Refused> {
        self.storage = Some(self.stored().map_err(Refused::File)?);
        Ok(())
    }

    /// A new file of initial values.
    fn stored(&mut self) -> io::Result<(Created, Bytes)> {
        let mut image = vec![VERSION_1];
        for field in &mut self.fields {
            field.begin(&mut image);
        }
        let size = image.len().next_multiple_of(sys::page_size());
        if size as u64 > LARGEST_MADE / 2 {
            return Err(io::Error::other("a file larger than every reader takes"));
        }
        let draft = Draft::new(&self.path, size as u64)?;
        let mut bytes = Bytes::map(&draft.file, 0, size)?;
        bytes.store(0, &image);
        Ok((draft.publish()?, bytes))
    }
}

impl State {
    fn new(declared: Declared) -> Result<Self, Refused> {
        if declared.label.is_empty() || declared.label.len() > usize::from(u16::MAX) {
            return Err(Refused::Declaration("a label of no or too many bytes"));
        }
        let signature = FieldType::of(declared.signature.as_bytes())
            .ok_or(Refused::Declaration("an unknown type"))?;
        let zeros = vec![0; signature.size()];
        let mut state = Self {
            label: declared.label,
            signature,
            buffered: declared.buffered,
            initial: zeros.clone(),
            value: zeros,
            offset: 0,
            index: 0,
        };
        match declared.value {
            None => {}
            Some(Value::Number(number)) => state.take_number(number)?,
            Some(Value::Text(text)) => {
                let is_text = matches!(signature, FieldType::Char | FieldType::Text(_));
                if !is_text || text.len() > signature.size() {
                    return Err(Refused::Declaration("a text that does not fit its field"));
                }
                state.take_text(&text);
            }
        }
        state.initial.clone_from(&state.value);
        Ok(state)
    }

    /// Appends the field to a new file, with its initial value.
    fn begin(&mut self, image: &mut Vec<u8>) {
        let signature = self.signature.to_string();
        image.extend((self.label.len() as u16).to_le_bytes());
        image.extend(&self.label);
        image.extend((signature.len() as u16).to_le_bytes());
        image.extend(signature.bytes());
        self.value.clone_from(&self.initial);
        self.offset = image.len();
        self.index = 0;
        if self.buffered {
            // As after an update, where the field does not begin with zeros.
            let is_zero = self.initial.iter().all(|&byte| byte == 0);
            self.index = u8::from(!is_zero);
            image.push(self.index);
            image.extend(&self.initial);
            image.resize(image.len() + self.initial.len(), 0);
        } else {
            image.push(UNBUFFERED);
            image.extend(&self.initial);
        }
    }

    /// Brings the private copy up to date.
    fn take_number(&mut self, number: Number) -> Result<(), Refused> {
        let encoded = self.signature.encode(number).ok_or(Refused::Value)?;
        let size = self.value.len();
        self.value.copy_from_slice(&encoded[..size]);
        Ok(())
    }

    /// Likewise of a text, which fits; zeros follow it (V1-12).
    fn take_text(&mut self, text: &[u8]) {
        self.value.fill(0);
        self.value[..text.len()].copy_from_slice(text);
    }

    /// Shows the private copy to readers (V1-W2).
    fn publish(&mut self, bytes: &mut Bytes) {
        let buffers = self.offset + 1;
        if !self.buffered {
            bytes.store(buffers, &self.value);
            return;
        }
        // Not before the index of the update before: this buffer is the published one until then.
        store_fence();
        bytes.store(
            buffers + usize::from(self.index) * self.value.len(),
            &self.value,
        );
        self.index ^= 1;
        bytes.publish(self.offset, self.index);
    }
}
