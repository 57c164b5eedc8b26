//! Looking at one file again and again while it changes.
//!
//! The file stays open while its path leads to it (V2-R9). One that is malformed is read once more before it is called
//! so (V1-R4, V2-R7): a copy may be older in one part than in another.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::document::{version, Document};
use crate::error::{Code, ReadError};
use crate::file::{self, Source};
use crate::{layout, v1, v2};

/// How long a writer gets to finish what made its file malformed, before the file is read once more.
const PAUSE: Duration = Duration::from_millis(2);

/// A file that is polled.
#[derive(Debug)]
pub struct LiveReader {
    path: PathBuf,
    opened: Option<Opened>,
}

/// The file, and what is known of it if it is of version 2.
#[derive(Debug)]
struct Opened {
    file: File,
    known: v2::Live,
}

impl LiveReader {
    /// A reader of a path. The file is opened by the first poll; it need not be there yet.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self {
            path: path.as_ref().to_path_buf(),
            opened: None,
        }
    }

    /// What the file says now. Values that could not be confirmed are marked (J-9).
    pub fn poll(&mut self) -> Result<Document, ReadError> {
        match self.poll_once() {
            Err(ReadError::Malformed(_)) => {
                std::thread::sleep(PAUSE);
                self.poll_once()
            }
            result => result,
        }
    }

    fn poll_once(&mut self) -> Result<Document, ReadError> {
        let kept = self.opened.take();
        let mut opened = match kept.filter(|opened| file::leads_to(&self.path, &opened.file)) {
            Some(opened) => opened,
            None => Opened {
                file: file::open(&self.path)?,
                known: v2::Live::default(),
            },
        };
        let result = opened.poll();
        self.opened = Some(opened);
        result
    }
}

impl Opened {
    fn poll(&mut self) -> Result<Document, ReadError> {
        let mut first = [0];
        if !self.file.read(0, &mut first)? {
            return Err(Code::Truncated.at(0).into());
        }
        match version(&first)? {
            layout::VERSION_1 => v1::poll(&self.file).map(Document::V1),
            _ => self.known.poll(&self.file).map(Document::V2),
        }
    }
}
