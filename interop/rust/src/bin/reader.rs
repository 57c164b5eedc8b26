//! The test program *reader* (CONFORMANCE.md P-5, P-6): prints what a file says, once or again and again.

mod support;

use std::path::Path;
use std::process::ExitCode;

use mmstats::LiveReader;
use support::{canonical, next_line, print};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    match arguments.as_slice() {
        [poll, file] if poll == "--poll" => follow(file.as_ref()),
        [file] => show(file.as_ref()),
        _ => {
            eprintln!("usage: reader [--poll] FILE");
            ExitCode::from(2)
        }
    }
}

fn show(file: &Path) -> ExitCode {
    match mmstats::read(file) {
        Ok(document) => {
            print(&canonical::document(&document));
            ExitCode::SUCCESS
        }
        Err(error) => {
            print(&canonical::read_error(&error));
            ExitCode::from(1)
        }
    }
}

fn follow(file: &Path) -> ExitCode {
    let mut reader = LiveReader::new(file);
    while next_line() {
        match reader.poll() {
            Ok(document) => print(&canonical::document(&document)),
            Err(error) => print(&canonical::read_error(&error)),
        }
    }
    ExitCode::SUCCESS
}
