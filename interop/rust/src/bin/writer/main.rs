//! The test program *writer* (CONFORMANCE.md P-7 to P-15): makes a file, and updates it as a scenario says.

mod machine;
mod scenario;
#[path = "../support/mod.rs"]
mod support;
mod values;
mod version_1;
mod version_2;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use machine::{Machine, Publisher};
use scenario::Scenario;
use support::json::Json;
use support::{error, print};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [scenario, file] = arguments.as_slice() else {
        eprintln!("usage: writer SCENARIO FILE");
        return ExitCode::from(2);
    };
    let (scenario, file) = (PathBuf::from(scenario), PathBuf::from(file));
    // The file is made by a thread that can end, for the step `hand-over`.
    let machine = machine::on_a_thread(move || begin(&scenario, &file));
    match machine {
        Ok(machine) => {
            machine.run_on_threads();
            ExitCode::SUCCESS
        }
        Err(why) => {
            print(&error(&why));
            ExitCode::from(1)
        }
    }
}

/// Makes the file, and goes through the steps as far as one thread does.
fn begin(scenario: &Path, file: &Path) -> Result<Machine, String> {
    let text = std::fs::read_to_string(scenario).map_err(|error| error.to_string())?;
    let json = Json::parse(&text).ok_or("the scenario is no JSON")?;
    let scenario = Scenario::parse(&json).ok_or("the scenario is not as it should be")?;
    let publisher: Box<dyn Publisher> = match scenario.version {
        1 => Box::new(version_1::Fields::create(&json, file)?),
        2 => Box::new(version_2::Families::create(&json, file)?),
        _ => return Err("a version that is not known".to_owned()),
    };
    print_path(publisher.path().map(Path::as_os_str).unwrap_or_default());
    let mut machine = Machine::new(scenario.steps, publisher);
    machine.run();
    Ok(machine)
}

fn print_path(path: &OsStr) {
    print(&Json::object([(
        "path",
        Json::text(path.to_string_lossy()),
    )]));
}
