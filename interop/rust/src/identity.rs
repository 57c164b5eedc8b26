//! Who writes: what a header says of the process (3.3), as far as the system tells. Zeros stand for unknown.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{SystemTime, UNIX_EPOCH};

/// What a header says of the process.
pub struct Process {
    pub pid: u64,
    /// Clock ticks since boot.
    pub start: u64,
    pub boot: [u8; 16],
    pub namespace: u64,
}

impl Process {
    /// This one.
    pub fn this() -> Self {
        Self {
            pid: std::process::id().into(),
            start: start().unwrap_or(0),
            boot: boot().unwrap_or([0; 16]),
            namespace: fs::metadata("/proc/self/ns/pid").map_or(0, |found| found.ino()),
        }
    }
}

/// The process's start: the 22nd field of its `stat`.
fn start() -> Option<u64> {
    let stat = fs::read("/proc/self/stat").ok()?;
    // The second field, the program's name, is in parentheses, and may hold blanks and parentheses itself.
    let end = stat.iter().rposition(|&byte| byte == b')')?;
    let rest = std::str::from_utf8(&stat[end + 1..]).ok()?;
    rest.split_ascii_whitespace().nth(22 - 3)?.parse().ok()
}

/// The boot's id, which the system writes as hexadecimal digits with hyphens.
fn boot() -> Option<[u8; 16]> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let digits = text.trim().replace('-', "");
    (digits.len() == 32).then_some(())?;
    u128::from_str_radix(&digits, 16)
        .ok()
        .map(u128::to_be_bytes)
}

/// Unix nanoseconds; never 0, which stands for unset.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(1, |since| (since.as_nanos() as u64).max(1))
}
