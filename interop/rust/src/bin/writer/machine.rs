//! Going through the steps of a scenario, on threads and in processes.
//!
//! Where a machine stands is kept in frames and not on a thread's stack: so another thread can go on from there.

use std::path::Path;
use std::thread;

use mmstats::sys;

use crate::print_path;
use crate::scenario::{Step, Steps, Update};
use crate::support::json::Json;
use crate::support::{next_line, print};

/// A file that is updated. What its library refuses is passed over (P-12).
pub trait Publisher: Send {
    /// Its path; nothing while a forked child has not made its own.
    fn path(&self) -> Option<&Path>;
    fn update(&mut self, update: &Update, turn: u64);
    fn declare(&mut self, family: &Json);
    fn hand_over(&mut self);
    /// Forgets it without a clean end.
    fn abandon(self: Box<Self>);
}

/// Steps that are being gone through.
struct Frame {
    steps: Steps,
    place: usize,
    /// The number of the turn of the innermost loop.
    turn: u64,
    /// Of a loop: how many turns it has, 0 for no end. 1 for other steps.
    times: u64,
    is_loop: bool,
}

/// What goes through the steps.
pub struct Machine {
    frames: Vec<Frame>,
    /// Nothing after `close`.
    publisher: Option<Box<dyn Publisher>>,
    /// Whether this is a child that has not told its path yet.
    untold: bool,
}

/// Runs something on a thread of its own, which has ended afterwards.
pub fn on_a_thread<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    match thread::spawn(run).join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

impl Machine {
    pub fn new(steps: Steps, publisher: Box<dyn Publisher>) -> Self {
        let frame = Frame {
            steps,
            place: 0,
            turn: 1,
            times: 1,
            is_loop: false,
        };
        Self {
            frames: vec![frame],
            publisher: Some(publisher),
            untold: false,
        }
    }

    /// Goes on on one thread after another until there is no further step.
    pub fn run_on_threads(mut self) -> Self {
        while !self.frames.is_empty() {
            self = on_a_thread(move || {
                if let Some(publisher) = &mut self.publisher {
                    publisher.hand_over();
                }
                self.run();
                self
            });
        }
        self
    }

    /// Goes through steps up to the next hand-over, or to their end.
    pub fn run(&mut self) {
        while let Some(frame) = self.frames.last_mut() {
            let turn = frame.turn;
            let Some(step) = frame.steps.get(frame.place) else {
                if frame.is_loop && (frame.times == 0 || frame.turn < frame.times) {
                    frame.turn += 1;
                    frame.place = 0;
                } else {
                    self.frames.pop();
                }
                continue;
            };
            frame.place += 1;
            match step {
                Step::Update(update) => {
                    if let Some(publisher) = &mut self.publisher {
                        publisher.update(update, turn);
                    }
                }
                Step::Declare(family) => {
                    if let Some(publisher) = &mut self.publisher {
                        publisher.declare(family);
                    }
                }
                Step::Each { from, to, update } => {
                    if let Some(publisher) = &mut self.publisher {
                        each(publisher.as_mut(), *from..=*to, update, turn);
                    }
                }
                Step::Loop { times, steps } => {
                    let frame = Frame {
                        steps: steps.clone(),
                        place: 0,
                        turn: 1,
                        times: *times,
                        is_loop: true,
                    };
                    self.frames.push(frame);
                }
                Step::Wait(name) => {
                    print(&Json::object([("waiting", Json::text(name))]));
                    next_line();
                }
                Step::HandOver => return,
                Step::Fork(steps) => {
                    let steps = steps.clone();
                    self.fork(steps, turn);
                }
                Step::Close => self.publisher = None,
            }
            if self.untold {
                self.tell();
            }
        }
    }

    fn tell(&mut self) {
        let publisher = self.publisher.as_ref();
        if let Some(path) = publisher.and_then(|publisher| publisher.path()) {
            print_path(path.as_os_str());
            self.untold = false;
        }
    }

    /// Has a child go through steps, and waits for it.
    fn fork(&mut self, steps: Steps, turn: u64) {
        match sys::forked() {
            Ok(Some(child)) => sys::wait_for(child),
            Ok(None) => {
                let frame = Frame {
                    steps,
                    place: 0,
                    turn,
                    times: 1,
                    is_loop: false,
                };
                let mut child = Self {
                    frames: vec![frame],
                    publisher: self.publisher.take(),
                    untold: true,
                };
                child.run();
                let child = child.run_on_threads();
                if let Some(publisher) = child.publisher {
                    publisher.abandon();
                }
                sys::exit_now(0);
            }
            Err(error) => eprintln!("no fork: {error}"),
        }
    }
}

/// One update for each number, which takes the place of `#` in the labels.
fn each(
    publisher: &mut dyn Publisher,
    numbers: impl Iterator<Item = u64>,
    update: &Update,
    turn: u64,
) {
    for number in numbers {
        let digits = number.to_string();
        let labels = update
            .labels
            .iter()
            .map(|label| label.replace('#', &digits));
        let numbered = Update {
            labels: labels.collect(),
            ..update.clone()
        };
        publisher.update(&numbered, turn);
    }
}
