//! The registry of version 1's types (FORMAT.md 2.4): signatures, sizes, and how a value is stored.
//!
//! A signature is known to the letter or not at all (V1-5).

use std::fmt;

use super::Value;
use crate::layout::{array_at, TEXT_DIGITS};
use crate::number::Number;

/// The type of a field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// `?`
    Boolean,
    /// `b`, `h`, `i`, `l` and `q`: the letter, and the size.
    Signed(char, usize),
    /// `B`, `H`, `I`, `L` and `Q`: the letter, and the size.
    Unsigned(char, usize),
    /// `f`
    Binary32,
    /// `d`
    Binary64,
    /// `c`
    Char,
    /// `Ns`: fixed text of that many bytes.
    Text(usize),
}

impl FieldType {
    /// The type of a signature.
    pub fn of(signature: &[u8]) -> Option<Self> {
        Some(match signature {
            b"?" => Self::Boolean,
            b"b" => Self::Signed('b', 1),
            b"B" => Self::Unsigned('B', 1),
            b"h" => Self::Signed('h', 2),
            b"H" => Self::Unsigned('H', 2),
            b"i" => Self::Signed('i', 4),
            b"I" => Self::Unsigned('I', 4),
            b"l" => Self::Signed('l', 8),
            b"L" => Self::Unsigned('L', 8),
            b"q" => Self::Signed('q', 8),
            b"Q" => Self::Unsigned('Q', 8),
            b"f" => Self::Binary32,
            b"d" => Self::Binary64,
            b"c" => Self::Char,
            [digits @ .., b's'] => Self::Text(text_size(digits)?),
            _ => return None,
        })
    }

    /// The bytes of one buffer.
    pub fn size(self) -> usize {
        match self {
            Self::Boolean | Self::Char => 1,
            Self::Signed(_, size) | Self::Unsigned(_, size) | Self::Text(size) => size,
            Self::Binary32 => 4,
            Self::Binary64 => 8,
        }
    }

    /// The value that a buffer holds.
    pub(super) fn decode(self, buffer: &[u8]) -> Value {
        Value::Number(match self {
            Self::Boolean => Number::Boolean(buffer[0] != 0),
            Self::Signed(..) => Number::Signed(match *buffer {
                [a] => i64::from(a as i8),
                [a, b] => i16::from_le_bytes([a, b]).into(),
                [a, b, c, d] => i32::from_le_bytes([a, b, c, d]).into(),
                _ => i64::from_le_bytes(array_at(buffer, 0)),
            }),
            Self::Unsigned(..) => Number::Unsigned(match *buffer {
                [a] => a.into(),
                [a, b] => u16::from_le_bytes([a, b]).into(),
                [a, b, c, d] => u32::from_le_bytes([a, b, c, d]).into(),
                _ => u64::from_le_bytes(array_at(buffer, 0)),
            }),
            Self::Binary32 => Number::Float(widened(u32::from_le_bytes(array_at(buffer, 0)))),
            Self::Binary64 => Number::Float(f64::from_le_bytes(array_at(buffer, 0))),
            // Text ends before the first zero byte, or with its buffer (V1-12).
            Self::Char | Self::Text(_) => {
                let end = buffer.iter().position(|&byte| byte == 0);
                return Value::Text(buffer[..end.unwrap_or(buffer.len())].to_vec());
            }
        })
    }

    /// The bytes of a number in a buffer of this type, or nothing where the type is none of numbers, or not of these.
    /// Integers wrap at their width (V1-W3).
    pub(super) fn encode(self, value: Number) -> Option<[u8; 8]> {
        let bits = match (self, value) {
            (Self::Boolean, Number::Boolean(value)) => value.into(),
            (Self::Signed(..) | Self::Unsigned(..), Number::Signed(value)) => value as u64,
            (Self::Signed(..) | Self::Unsigned(..), Number::Unsigned(value)) => value,
            (Self::Binary32, Number::Float(value)) => narrowed(value).into(),
            (Self::Binary64, Number::Float(value)) => value.to_bits(),
            _ => return None,
        };
        Some(bits.to_le_bytes())
    }
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("?"),
            Self::Signed(letter, _) | Self::Unsigned(letter, _) => write!(f, "{letter}"),
            Self::Binary32 => f.write_str("f"),
            Self::Binary64 => f.write_str("d"),
            Self::Char => f.write_str("c"),
            Self::Text(size) => write!(f, "{size}s"),
        }
    }
}

/// The size in a fixed text's signature: one to nine digits, no leading zero (V1-12).
fn text_size(digits: &[u8]) -> Option<usize> {
    match digits {
        b"0" => Some(0),
        [b'1'..=b'9', rest @ ..] if rest.len() < TEXT_DIGITS => {
            digits.iter().try_fold(0, |size, digit| {
                digit
                    .is_ascii_digit()
                    .then(|| size * 10 + usize::from(digit - b'0'))
            })
        }
        _ => None,
    }
}

const SIGN_32: u32 = 1 << 31;
const FRACTION_32: u32 = (1 << 23) - 1;
/// How many bits more a binary64's fraction has.
const MORE_FRACTION: u32 = 52 - 23;

/// A binary32 as binary64. A NaN's bits are moved by hand: hardware may change them (J-3).
fn widened(bits: u32) -> f64 {
    let number = f32::from_bits(bits);
    if !number.is_nan() {
        return number.into();
    }
    let sign = u64::from(bits & SIGN_32) << 32;
    f64::from_bits(sign | f64::INFINITY.to_bits() | u64::from(bits & FRACTION_32) << MORE_FRACTION)
}

/// A binary64 as binary32, rounded; the other way for a NaN.
fn narrowed(number: f64) -> u32 {
    if !number.is_nan() {
        return (number as f32).to_bits();
    }
    let bits = number.to_bits();
    let fraction = (bits >> MORE_FRACTION) as u32 & FRACTION_32;
    let sign = (bits >> 32) as u32 & SIGN_32;
    // A NaN whose upper bits are all zero would become an infinity.
    let fraction = if fraction == 0 { 1 << 22 } else { fraction };
    sign | f32::INFINITY.to_bits() | fraction
}
