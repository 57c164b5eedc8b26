//! Numbers as metrics take them, and their forms as words of a file.
//!
//! Integers pass from one type to another where their value does; nothing is rounded, and no integer becomes a float.

use crate::layout::unset;

/// A number of one of the format's types.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Number {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Boolean(bool),
}

impl Number {
    /// As an unsigned integer, if it is one.
    pub fn unsigned(self) -> Option<u64> {
        match self {
            Self::Unsigned(value) => Some(value),
            Self::Signed(value) => value.try_into().ok(),
            _ => None,
        }
    }

    /// As a signed integer, if it is one.
    pub fn signed(self) -> Option<i64> {
        match self {
            Self::Unsigned(value) => value.try_into().ok(),
            Self::Signed(value) => Some(value),
            _ => None,
        }
    }

    /// As a float, if it is one.
    pub fn float(self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(value),
            _ => None,
        }
    }

    /// As a boolean, if it is one.
    pub fn boolean(self) -> Option<bool> {
        match self {
            Self::Boolean(value) => Some(value),
            _ => None,
        }
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self::Unsigned(value)
    }
}

impl From<u32> for Number {
    fn from(value: u32) -> Self {
        Self::Unsigned(value.into())
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self::Signed(value)
    }
}

impl From<i32> for Number {
    fn from(value: i32) -> Self {
        Self::Signed(value.into())
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<bool> for Number {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

/// The float of a word, or nothing where it is unset.
pub(crate) fn set_float(word: u64) -> Option<f64> {
    (word != unset::FLOAT).then(|| f64::from_bits(word))
}
