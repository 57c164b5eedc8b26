//! Values: what the bytes of a slot mean (FORMAT.md 3.7). They are never an error (V2-33).

use super::family::{Family, Kind, ValueType};
use crate::layout::{u64_at, unset, WORD};
use crate::number::{set_float, Number};

/// The value of a series.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// There is none (V2-32).
    Unset,
    /// Of a counter, a gauge or an unknown.
    Number(Number),
    /// Of a state set: the number of the active state.
    State(usize),
    /// Of a text: bytes, and usually text.
    Text(Vec<u8>),
    /// Of a gauge combined by last.
    Last {
        /// When it was set, in Unix nanoseconds.
        time: u64,
        /// To what; nothing where it was made unset.
        value: Option<Number>,
    },
    /// Of a summary.
    Summary {
        /// How many were observed.
        count: u64,
        /// Their sum.
        sum: f64,
        /// The least.
        min: Option<f64>,
        /// The greatest.
        max: Option<f64>,
        /// The last.
        last: Option<f64>,
    },
    /// Of a histogram.
    Histogram {
        /// The sum of what was observed.
        sum: f64,
        /// How many up to each bound and above the one before, and how many above the last.
        counts: Vec<u64>,
    },
}

impl Value {
    /// The value in a slot that does not change.
    pub(super) fn of_slot(family: &Family, slot: &[u8]) -> Self {
        if family.is_latched() {
            let buffer = published(u64_at(slot, 0), family.content_size());
            Self::of_content(family, &slot[buffer..][..family.content_size()])
        } else {
            Self::of_content(family, slot)
        }
    }

    /// The value of a word, or of a latch's buffer.
    pub(super) fn of_content(family: &Family, content: &[u8]) -> Self {
        let word = |place: usize| u64_at(content, place * WORD as usize);
        let float = |place: usize| f64::from_bits(word(place));
        match family.kind {
            Kind::Counter => Self::Number(match family.value_type {
                ValueType::Float => Number::Float(float(0)),
                _ => Number::Unsigned(word(0)),
            }),
            Kind::Gauge if family.is_latched() => match word(0) {
                0 => Self::Unset,
                time => Self::Last {
                    time,
                    value: set_number(family.value_type, word(1)),
                },
            },
            Kind::Gauge | Kind::Unknown => {
                set_number(family.value_type, word(0)).map_or(Self::Unset, Self::Number)
            }
            Kind::StateSet => {
                let state = usize::try_from(word(0)).ok();
                let state = state.filter(|&state| state < family.states.len());
                state.map_or(Self::Unset, Self::State)
            }
            Kind::Text => match word(0) {
                unset::UNSIGNED => Self::Unset,
                length => {
                    let length = length.min(family.capacity.into()) as usize;
                    Self::Text(content[WORD as usize..][..length].to_vec())
                }
            },
            Kind::Summary => Self::Summary {
                count: word(0),
                sum: float(1),
                min: set_float(word(2)),
                max: set_float(word(3)),
                last: set_float(word(4)),
            },
            Kind::Histogram => Self::Histogram {
                sum: float(0),
                counts: (1..family.bounds.len() + 2).map(word).collect(),
            },
        }
    }
}

/// Where the published buffer begins in a latch.
pub(super) fn published(sequence: u64, content_size: usize) -> usize {
    WORD as usize + (sequence & 1) as usize * content_size
}

/// The number of a word, or nothing where it is unset (V2-32, V2-33).
fn set_number(value_type: ValueType, word: u64) -> Option<Number> {
    match value_type {
        ValueType::Unsigned => (word != unset::UNSIGNED).then_some(Number::Unsigned(word)),
        ValueType::Signed => (word != unset::SIGNED).then_some(Number::Signed(word as i64)),
        ValueType::Float => set_float(word).map(Number::Float),
        ValueType::Boolean => match word {
            0 => Some(Number::Boolean(false)),
            1 => Some(Number::Boolean(true)),
            _ => None,
        },
        ValueType::Text => None,
    }
}
