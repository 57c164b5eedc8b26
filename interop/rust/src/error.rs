//! What can be wrong: with a file that is read, and with what a writer is told.
//!
//! The codes are the closed list of FORMAT.md 1.3 (G-2).

use std::{fmt, io};

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Code {
    Truncated,
    UnsupportedVersion,
    UnknownType,
    BadIndex,
    TrailingBytes,
    BadMagic,
    BadCrc,
    BadControl,
    BadHeader,
    UnsupportedFeature,
    BadExtent,
    BadRecord,
    UnsupportedRecord,
    BadText,
    BadFamily,
    BadSeries,
}

impl Code {
    /// The code as FORMAT.md writes it.
    pub fn name(self) -> &'static str {
        match self {
            Code::Truncated => "truncated",
            Code::UnsupportedVersion => "unsupported-version",
            Code::UnknownType => "unknown-type",
            Code::BadIndex => "bad-index",
            Code::TrailingBytes => "trailing-bytes",
            Code::BadMagic => "bad-magic",
            Code::BadCrc => "bad-crc",
            Code::BadControl => "bad-control",
            Code::BadHeader => "bad-header",
            Code::UnsupportedFeature => "unsupported-feature",
            Code::BadExtent => "bad-extent",
            Code::BadRecord => "bad-record",
            Code::UnsupportedRecord => "unsupported-record",
            Code::BadText => "bad-text",
            Code::BadFamily => "bad-family",
            Code::BadSeries => "bad-series",
        }
    }

    /// This code, at an offset.
    pub(crate) fn at(self, offset: u64) -> Malformed {
        Malformed { code: self, offset }
    }
}

/// The first thing that is wrong with a file, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// What is wrong.
    pub code: Code,
    /// The byte where it is.
    pub offset: u64,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at offset {}", self.code.name(), self.offset)
    }
}

impl std::error::Error for Malformed {}

/// Why a path gave no document.
#[derive(Debug)]
pub enum ReadError {
    /// There is a file, and it breaks a rule.
    Malformed(Malformed),
    /// There is none, or it cannot be read, or it is no regular file.
    Io(io::Error),
}

impl From<Malformed> for ReadError {
    fn from(error: Malformed) -> Self {
        Self::Malformed(error)
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ReadError {}

/// Why a writer did not do what it was told. Nothing has changed in its file.
#[derive(Debug)]
pub enum Refused {
    /// A declaration that makes no sense, or a second one of the name.
    Declaration(&'static str),
    /// The value is none that this metric can take.
    Value,
    /// The labels are not as many as declared, or one is too long.
    Labels,
    /// The handle is of another writer.
    Handle,
    /// No room is to be had: the disk is full, or the file as large as it may be.
    Room(io::Error),
    /// No file can be made.
    File(io::Error),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Declaration(why) => write!(f, "bad declaration: {why}"),
            Self::Value => f.write_str("a value that the metric cannot take"),
            Self::Labels => f.write_str("labels that do not fit the declaration"),
            Self::Handle => f.write_str("a handle of another writer"),
            Self::Room(error) => write!(f, "no room in the file: {error}"),
            Self::File(error) => write!(f, "no file: {error}"),
        }
    }
}

impl std::error::Error for Refused {}
