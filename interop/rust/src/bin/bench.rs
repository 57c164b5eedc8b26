//! `bench DIRECTORY`: what an update and a poll cost, in nanoseconds, beside an atomic increment in memory.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mmstats::{Builder, Combination, Family, LiveReader, Refused, ValueType, Writer};

const RUNS: usize = 5;
const LEAST: Duration = Duration::from_millis(100);
const BOUNDS: [f64; 10] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0];

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [directory] = arguments.as_slice() else {
        eprintln!("usage: bench DIRECTORY");
        return ExitCode::from(2);
    };
    match measured(directory.as_ref()) {
        Ok([atomic, counter, histogram, poll]) => {
            println!(
                "{{\"atomic\": {atomic:.3}, \"counter\": {counter:.3}, \"histogram\": {histogram:.3}, \"poll\": {poll:.3}}}"
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(1)
        }
    }
}

/// Removes the file of a measurement, however that ends.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn measured(directory: &Path) -> Result<[f64; 4], Refused> {
    let mut writer = hundred_metrics(directory)?;
    let path = writer.path().map(Path::to_path_buf).unwrap_or_default();
    let _removed = Removed(path.clone());

    let word = AtomicU64::new(0);
    let atomic = best(|| {
        black_box(&word).fetch_add(1, Ordering::SeqCst);
    });

    let hits = series(&mut writer, "counter-0")?;
    let counter = best(|| {
        let _ = black_box(&mut writer).add(hits, 1_u64);
    });

    let times = series(&mut writer, "histogram-0")?;
    let mut turn = 0_u32;
    let histogram = best(|| {
        turn = if turn == 10 { 0 } else { turn + 1 };
        let _ = black_box(&mut writer).observe(times, f64::from(turn) + 0.5);
    });

    let mut reader = LiveReader::new(path);
    let poll = best(|| {
        black_box(reader.poll()).expect("the file is well-formed");
    });
    Ok([atomic, counter, histogram, poll])
}

fn series(writer: &mut Writer, name: &str) -> Result<mmstats::Series, Refused> {
    let family = writer.family(name).ok_or(Refused::Handle)?;
    writer.series(family, &[])
}

/// A file of 60 counters, 20 gauges, 10 summaries and 10 histograms.
fn hundred_metrics(directory: &Path) -> Result<Writer, Refused> {
    let mut builder = Builder::new("bench", "");
    for number in 0..60 {
        builder.declare(Family::counter(format!("counter-{number}")))?;
    }
    for number in 0..20 {
        let name = format!("gauge-{number}");
        builder.declare(Family::gauge(name, ValueType::Float, Combination::Sum))?;
    }
    for number in 0..10 {
        builder.declare(Family::summary(format!("summary-{number}")))?;
        builder.declare(Family::histogram(format!("histogram-{number}"), BOUNDS))?;
    }
    builder.create(directory.join("bench.mmstats"))
}

/// The nanoseconds of one call: the best of some runs, after one to warm up.
fn best(mut call: impl FnMut()) -> f64 {
    run(&mut call);
    let runs = (0..RUNS).map(|_| run(&mut call));
    runs.fold(f64::INFINITY, f64::min)
}

/// Calls for a while; the clock is not asked for each call.
fn run(call: &mut impl FnMut()) -> f64 {
    let mut calls = 1_u64;
    loop {
        let begin = Instant::now();
        for _ in 0..calls {
            call();
        }
        let elapsed = begin.elapsed();
        if elapsed >= LEAST {
            return elapsed.as_nanos() as f64 / calls as f64;
        }
        calls *= 2;
    }
}
