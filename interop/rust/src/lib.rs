//! Statistics that a running program publishes in a memory-mapped file, for others to read while it runs.
//!
//! | to | use |
//! | --- | --- |
//! | publish | [`Builder`], which makes a [`Writer`] (version 2); [`v1::Writer`] for version 1 |
//! | read a file at rest | [`parse`] for bytes, [`read`] for a path |
//! | look at a file again and again while it changes | [`LiveReader`] |
//!
//! Ids such as `V2-W2` in comments are rules of the format's specification, `spec/FORMAT.md`.

#![deny(unsafe_code)]
#![warn(missing_docs)]

mod crc;
mod create;
mod document;
mod error;
mod file;
mod fork;
mod identity;
mod layout;
mod live;
mod mapping;
mod number;
#[doc(hidden)]
pub mod sys;
mod text;
pub mod v1;
pub mod v2;

pub use document::{parse, read, Document};
pub use error::{Code, Malformed, ReadError, Refused};
pub use live::LiveReader;
pub use number::Number;
pub use v2::{Builder, Combination, Family, FamilyId, Kind, Series, ValueType, Writer};

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
