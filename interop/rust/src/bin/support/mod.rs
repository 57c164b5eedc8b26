//! What the test programs share: JSON, documents as JSON, and lines of output.
#![allow(dead_code)] // Each program uses a part.

pub mod canonical;
pub mod json;

use std::io::{self, Write};

use json::Json;

/// Prints one value as a line. The program ends where nobody reads it.
pub fn print(value: &Json) {
    let line = format!("{value}\n");
    let mut output = io::stdout().lock();
    if output
        .write_all(line.as_bytes())
        .and_then(|()| output.flush())
        .is_err()
    {
        std::process::exit(2);
    }
}

/// The line of an error.
pub fn error(code: &str) -> Json {
    Json::object([("error", Json::text(code))])
}

/// Reads a line of standard input; says whether there was one.
pub fn next_line() -> bool {
    let mut line = Vec::new();
    io::BufRead::read_until(&mut io::stdin().lock(), b'\n', &mut line).is_ok_and(|size| size > 0)
}
