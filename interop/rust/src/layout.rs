//! Where things lie in a file: the numbers of both versions, named, in one place.
//!
//! Offsets of an element's parts count from the element's first byte.

/// The unit of control words, and what everything of version 2 is aligned to (V2-1, V2-2).
pub const WORD: u64 = 8;

/// Version 1's only byte before its fields (V1-1).
pub const VERSION_1: u8 = 1;
/// The first byte of version 2's magic.
pub const VERSION_2: u8 = 2;

/// The index of a version 1 field with one buffer (V1-6).
pub const UNBUFFERED: u8 = 255;
/// The most digits in the signature of fixed text (V1-12).
pub const TEXT_DIGITS: usize = 9;

/// The first eight bytes of version 2 (V2-5).
pub const MAGIC: [u8; 8] = *b"\x02MMSTATS";

/// The header (3.3).
pub mod header {
    pub const SIZE: usize = 128;
    /// How many bytes from the beginning the CRC covers; they never change.
    pub const COVERED: usize = 96;

    pub const HEADER_SIZE: usize = 8;
    pub const CRC: usize = 12;
    pub const INCOMPATIBLE: usize = 16;
    pub const COMPATIBLE: usize = 20;
    pub const WRITER_ID: usize = 24;
    pub const CREATED: usize = 40;
    pub const PID: usize = 48;
    pub const PROCESS_START: usize = 56;
    pub const BOOT_ID: usize = 64;
    pub const PID_NAMESPACE: usize = 80;
    pub const STATE: usize = 96;
    pub const THREAD_ID: usize = 104;

    pub const LIVE: u32 = 1;
    pub const CLOSED: u32 = 2;
}

/// Feature bits (3.3).
pub mod feature {
    pub const ARCHIVE: u32 = 1;

    pub const UNORDERED: u32 = 1 << 2;
    pub const NO_LOCK: u32 = 1 << 3;

    /// The incompatible bits that are known, and their names in the document.
    pub const INCOMPATIBLE: [(u32, &str); 1] = [(ARCHIVE, "archive")];
    /// The compatible bits that are known.
    pub const COMPATIBLE: [(u32, &str); 4] = [
        (1 << 0, "record lock"),
        (1 << 1, "write calls"),
        (UNORDERED, "unordered"),
        (NO_LOCK, "no lock"),
    ];
}

/// An extent's head (3.4).
pub mod extent {
    /// Where the first one begins (V2-11).
    pub const FIRST: u64 = super::header::SIZE as u64;
    /// The most of them (V2-16).
    pub const MOST: usize = 32;
    pub const TAG: [u8; 4] = *b"XTNT";

    pub const HEAD: usize = 64;
    /// How many bytes of the head the CRC covers; they never change.
    pub const COVERED: usize = 40;

    pub const CRC: usize = 4;
    pub const TOTAL: usize = 8;
    pub const METADATA_CAPACITY: usize = 16;
    pub const VALUES_OFFSET: usize = 24;
    pub const VALUES_CAPACITY: usize = 32;
    pub const METADATA_USED: usize = 40;
    pub const NEXT: usize = 48;
}

/// A record's head, and what follows it in each type of record (3.5).
pub mod record {
    pub const HEAD: usize = 16;

    pub const TYPE: usize = 4;
    pub const FLAGS: usize = 6;
    pub const CRC: usize = 8;
    pub const SLOT: usize = 12;

    pub const ORIGIN: u16 = 1;
    pub const FAMILY: u16 = 2;
    pub const SERIES: u16 = 3;
    pub const FOLDED: u16 = 4;

    pub const CRITICAL: u16 = 1;
    /// A FAMILY's flag: values of dead writers count.
    pub const KEPT: u8 = 1;

    pub const FAMILY_KIND: usize = 16;
    pub const FAMILY_TYPE: usize = 17;
    pub const FAMILY_COMBINATION: usize = 18;
    pub const FAMILY_FLAGS: usize = 19;
    pub const FAMILY_LABELS: usize = 20;
    pub const FAMILY_PARTS: usize = 22;
    pub const FAMILY_CAPACITY: usize = 24;
    pub const FAMILY_BOUNDS: usize = 32;

    pub const SERIES_FAMILY: usize = 16;
    pub const SERIES_LABELS: usize = 20;
}

/// What is unset (V2-32).
pub mod unset {
    pub const FLOAT: u64 = 0x7FF8_0000_0000_0001;
    pub const SIGNED: u64 = 1 << 63;
    /// Of an unsigned number, of a state, and of a text's length.
    pub const UNSIGNED: u64 = u64::MAX;
    pub const BOOLEAN: u64 = 2;
}

/// The most bytes of a text (V2-27).
pub const LARGEST_TEXT: u32 = 1 << 20;
/// The largest that is made: every reader takes it (3.16); of version 1 half of it (2.7).
pub const LARGEST_MADE: u64 = 16 << 20;

/// The little-endian number of 16 bits at an offset.
pub fn u16_at(bytes: &[u8], offset: usize) -> u16 {
    u16::from_le_bytes(array_at(bytes, offset))
}

/// The little-endian number of 32 bits at an offset.
pub fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, offset))
}

/// The little-endian number of 64 bits at an offset.
pub fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, offset))
}

/// `N` bytes at an offset, which the caller knows to be there.
pub fn array_at<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[offset..offset + N]);
    array
}

/// The control word of a number (3.2).
pub fn control(number: u32) -> u64 {
    u64::from(number) | u64::from(!number) << 32
}

/// The number of a control word, or nothing where its halves are no complements (V2-3).
pub fn controlled(word: u64) -> Option<u32> {
    let number = word as u32;
    (control(number) == word).then_some(number)
}

/// The next multiple of 8.
pub fn aligned(size: usize) -> usize {
    size.next_multiple_of(WORD as usize)
}
