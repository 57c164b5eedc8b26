//! Slots as their writer has them: a private copy of the value, and the words in the file (FORMAT.md 3.7, 3.8).
//!
//! A word is stored at once (V2-W1); a latch's buffers take turns (V2-W2). Nothing is read back from the file, so what an
//! update goes on from does not depend on what others see, or on an update that was broken off.

use super::family::{Family, Kind, ValueType};
use crate::layout::{unset, WORD};
use crate::mapping::{store_fence, Words};

/// A series' value.
#[derive(Debug)]
pub enum Slot {
    Word {
        words: Words,
        value: u64,
    },
    Latch {
        words: Words,
        sequence: u64,
        content: Box<[u64]>,
    },
}

impl Slot {
    /// A new series' slot, which the file has already.
    pub fn new(family: &Family, words: Words) -> Self {
        let content = initial_content(family);
        match family.is_latched() {
            false => Self::Word {
                words,
                value: content[0],
            },
            true => Self::Latch {
                words,
                sequence: 0,
                content: content.into(),
            },
        }
    }

    /// The content of a series that is unset as a whole.
    pub fn unset_content(family: &Family) -> Vec<u64> {
        initial_content(family)
    }

    /// The private copy: one word, or a latch's content.
    #[inline]
    pub fn content(&mut self) -> &mut [u64] {
        match self {
            Self::Word { value, .. } => std::slice::from_mut(value),
            Self::Latch { content, .. } => content,
        }
    }

    /// Shows the private copy to readers. The caller brought it up to date, which is W2.1.
    #[inline]
    pub fn publish(&mut self) {
        match self {
            Self::Word { words, value } => words.store(0, *value),
            Self::Latch {
                words,
                sequence,
                content,
            } => {
                // W2.2: who sees a word of the buffer sees the sequence word of the update before, too.
                store_fence();
                *sequence = sequence.wrapping_add(1);
                // W2.3
                let buffer = (*sequence & 1) as usize;
                words.copy(1 + buffer * content.len(), content);
                // W2.4 and W2.5
                words.publish(0, *sequence);
            }
        }
    }
}

/// A slot as it stands before the first update (V2-31).
pub fn initial(family: &Family) -> Vec<u64> {
    let content = initial_content(family);
    match family.is_latched() {
        false => content,
        true => [&[0][..], &content, &content].concat(),
    }
}

fn initial_content(family: &Family) -> Vec<u64> {
    let mut content = vec![0; family.content_size() / WORD as usize];
    match family.kind {
        Kind::Counter | Kind::Histogram => {}
        Kind::Gauge if family.is_latched() => content[1] = unset_word(family.value_type),
        Kind::Gauge | Kind::Unknown | Kind::StateSet | Kind::Text => {
            content[0] = unset_word(family.value_type);
        }
        Kind::Summary => content[2..].fill(unset::FLOAT),
    }
    content
}

/// The word of what is unset (V2-32); of a text, of its length.
pub fn unset_word(value_type: ValueType) -> u64 {
    match value_type {
        ValueType::Unsigned | ValueType::Text => unset::UNSIGNED,
        ValueType::Signed => unset::SIGNED,
        ValueType::Float => unset::FLOAT,
        ValueType::Boolean => unset::BOOLEAN,
    }
}
