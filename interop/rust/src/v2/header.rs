//! The header: who writes (FORMAT.md 3.3).

use crate::crc::crc_around;
use crate::error::{Code, Malformed};
use crate::layout::header::{
    BOOT_ID, CLOSED, COMPATIBLE, COVERED, CRC, CREATED, HEADER_SIZE, INCOMPATIBLE, LIVE, PID,
    PID_NAMESPACE, PROCESS_START, SIZE, STATE, THREAD_ID, WRITER_ID,
};
use crate::layout::{array_at, control, controlled, feature, u16_at, u32_at, u64_at, MAGIC};

/// What a header says.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// Incompatible features.
    pub incompatible: u32,
    /// Compatible features, unknown ones among them.
    pub compatible: u32,
    /// The writer's id.
    pub writer_id: [u8; 16],
    /// When the file was made, in Unix nanoseconds.
    pub created: u64,
    /// The process's id; 0 for an archive.
    pub pid: u64,
    /// The process's start in clock ticks since boot; 0 for unknown.
    pub process_start: u64,
    /// The boot's id; zeros for unknown.
    pub boot_id: [u8; 16],
    /// The inode number of the pid namespace; 0 for unknown.
    pub pid_namespace: u64,
    /// Whether the writer has ended.
    pub state: State,
    /// The thread's id; 0 for unknown.
    pub thread_id: u32,
}

/// Whether a writer has ended its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum State {
    Live,
    Closed,
}

impl State {
    /// Its word in the document.
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Closed => "closed",
        }
    }
}

impl Header {
    /// Checks a header that lies whole in the file.
    pub(super) fn parse(bytes: &[u8; SIZE]) -> Result<Self, Malformed> {
        if bytes[..MAGIC.len()] != MAGIC {
            return Err(Code::BadMagic.at(0));
        }
        if u32_at(bytes, CRC) != crc_around(&bytes[..COVERED], CRC) {
            return Err(Code::BadCrc.at(CRC as u64));
        }
        if usize::from(u16_at(bytes, HEADER_SIZE)) != SIZE {
            return Err(Code::BadHeader.at(HEADER_SIZE as u64));
        }
        let incompatible = u32_at(bytes, INCOMPATIBLE);
        if incompatible & !feature::ARCHIVE != 0 {
            return Err(Code::UnsupportedFeature.at(INCOMPATIBLE as u64));
        }
        let state = match control_word(bytes, STATE, 0)? {
            LIVE => State::Live,
            CLOSED => State::Closed,
            _ => return Err(Code::BadHeader.at(STATE as u64)),
        };
        let thread_id = control_word(bytes, THREAD_ID, 0)?;
        Ok(Self {
            incompatible,
            compatible: u32_at(bytes, COMPATIBLE),
            writer_id: array_at(bytes, WRITER_ID),
            created: u64_at(bytes, CREATED),
            pid: u64_at(bytes, PID),
            process_start: u64_at(bytes, PROCESS_START),
            boot_id: array_at(bytes, BOOT_ID),
            pid_namespace: u64_at(bytes, PID_NAMESPACE),
            state,
            thread_id,
        })
    }

    /// The bytes of a header; heartbeat and reserved bytes are zero.
    pub(super) fn bytes(&self) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        let mut put = |offset: usize, part: &[u8]| {
            bytes[offset..offset + part.len()].copy_from_slice(part);
        };
        let state = match self.state {
            State::Live => LIVE,
            State::Closed => CLOSED,
        };
        put(0, &MAGIC);
        put(HEADER_SIZE, &(SIZE as u16).to_le_bytes());
        put(INCOMPATIBLE, &self.incompatible.to_le_bytes());
        put(COMPATIBLE, &self.compatible.to_le_bytes());
        put(WRITER_ID, &self.writer_id);
        put(CREATED, &self.created.to_le_bytes());
        put(PID, &self.pid.to_le_bytes());
        put(PROCESS_START, &self.process_start.to_le_bytes());
        put(BOOT_ID, &self.boot_id);
        put(PID_NAMESPACE, &self.pid_namespace.to_le_bytes());
        put(STATE, &control(state).to_le_bytes());
        put(THREAD_ID, &control(self.thread_id).to_le_bytes());
        let crc = crc_around(&bytes[..COVERED], CRC);
        bytes[CRC..CRC + 4].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Whether the file is an archive.
    pub fn is_archive(&self) -> bool {
        self.incompatible & feature::ARCHIVE != 0
    }

    /// Whether its latches are never confirmed (V2-R6).
    pub(super) fn is_unordered(&self) -> bool {
        self.compatible & feature::UNORDERED != 0
    }

    /// The names of the known features, incompatible ones first (J-6).
    pub fn features(&self) -> impl Iterator<Item = &'static str> {
        let names = |bits: u32, known: &'static [(u32, &'static str)]| {
            let set = known.iter().filter(move |(bit, _)| bits & bit != 0);
            set.map(|(_, name)| *name)
        };
        names(self.incompatible, &feature::INCOMPATIBLE)
            .chain(names(self.compatible, &feature::COMPATIBLE))
    }
}

/// The number of a control word, of an element that begins at `base` in the file (V2-3).
pub(super) fn control_word(bytes: &[u8], offset: usize, base: u64) -> Result<u32, Malformed> {
    controlled(u64_at(bytes, offset)).ok_or(Code::BadControl.at(base + offset as u64))
}
