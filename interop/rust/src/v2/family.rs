//! Kinds of metrics, and what a family declares (FORMAT.md 3.6, 3.7).

use std::collections::HashSet;

use crate::error::Refused;
use crate::layout::{self, aligned, WORD};

/// The most bytes of all texts of a family that is declared: its record's size has 32 bits.
const LARGEST_TEXTS: usize = 1 << 30;

/// What sort of metric a family is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Kind {
    Counter,
    Gauge,
    StateSet,
    Text,
    Summary,
    Histogram,
    Unknown,
}

/// The type of a family's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum ValueType {
    Unsigned,
    Signed,
    Float,
    Boolean,
    Text,
}

/// How the values of several writers become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Combination {
    Sum,
    Min,
    Max,
    Last,
    All,
}

/// Gives an enum its codes, from 1 on in this order, and its words.
macro_rules! coded {
    ($name:ident: $($variant:ident $word:literal),+) => {
        impl $name {
            const ALL: &'static [(Self, &'static str)] = &[$((Self::$variant, $word)),+];

            /// The word of FORMAT.md 3.6.
            pub fn name(self) -> &'static str {
                Self::ALL[usize::from(self.code()) - 1].1
            }

            /// The one of this word.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().find(|(_, word)| *word == name).map(|(found, _)| *found)
            }

            pub(super) fn code(self) -> u8 {
                self as u8 + 1
            }

            pub(super) fn coded(code: u8) -> Option<Self> {
                Self::ALL.get(usize::from(code).checked_sub(1)?).map(|(found, _)| *found)
            }
        }
    };
}

coded!(Kind: Counter "counter", Gauge "gauge", StateSet "state set", Text "text", Summary "summary",
    Histogram "histogram", Unknown "unknown");
coded!(ValueType: Unsigned "unsigned", Signed "signed", Float "float", Boolean "boolean", Text "text");
coded!(Combination: Sum "sum", Min "min", Max "max", Last "last", All "all");

impl Kind {
    /// Whether values of this kind may have this type (V2-26).
    pub(super) fn has_type(self, value_type: ValueType) -> bool {
        use ValueType::{Boolean, Float, Signed, Text, Unsigned};
        match self {
            Self::Counter => matches!(value_type, Unsigned | Float),
            Self::Gauge | Self::Unknown => {
                matches!(value_type, Unsigned | Signed | Float | Boolean)
            }
            Self::StateSet => value_type == Unsigned,
            Self::Text => value_type == Text,
            Self::Summary | Self::Histogram => value_type == Float,
        }
    }

    /// Whether values of this kind and type may be combined so (V2-26).
    pub(super) fn combines(self, value_type: ValueType, combination: Combination) -> bool {
        match self {
            Self::Counter | Self::Summary | Self::Histogram => combination == Combination::Sum,
            Self::Gauge => value_type != ValueType::Boolean || combination != Combination::Sum,
            Self::StateSet | Self::Text | Self::Unknown => combination == Combination::All,
        }
    }
}

/// What a family declares. Made by a function for its kind, then completed:
///
/// ```
/// use mmstats::Family;
/// let family = Family::histogram("latency", [0.01, 0.1, 1.0]).unit("seconds").labels(["path"]);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Family {
    pub name: String,
    pub kind: Kind,
    pub value_type: ValueType,
    pub combination: Combination,
    /// Whether values of dead writers count.
    pub kept: bool,
    pub unit: String,
    pub help: String,
    /// The names of the labels.
    pub labels: Vec<String>,
    /// Of a histogram.
    pub bounds: Vec<f64>,
    /// Of a state set.
    pub states: Vec<String>,
    /// Of a text: the most bytes.
    pub capacity: u32,
}

impl Family {
    /// A family of any row of FORMAT.md 3.6.
    pub fn new(
        name: impl Into<String>,
        kind: Kind,
        value_type: ValueType,
        combination: Combination,
    ) -> Self {
        Self {
            name: name.into(),
            kind,
            value_type,
            combination,
            kept: false,
            unit: String::new(),
            help: String::new(),
            labels: Vec::new(),
            bounds: Vec::new(),
            states: Vec::new(),
            capacity: 0,
        }
    }

    /// A counter of whole numbers.
    pub fn counter(name: impl Into<String>) -> Self {
        Self::new(name, Kind::Counter, ValueType::Unsigned, Combination::Sum)
    }

    /// A gauge.
    pub fn gauge(name: impl Into<String>, value_type: ValueType, combination: Combination) -> Self {
        Self::new(name, Kind::Gauge, value_type, combination)
    }

    /// A state set.
    pub fn state_set<S: Into<String>>(
        name: impl Into<String>,
        states: impl IntoIterator<Item = S>,
    ) -> Self {
        let states = states.into_iter().map(Into::into).collect();
        let family = Self::new(name, Kind::StateSet, ValueType::Unsigned, Combination::All);
        Self { states, ..family }
    }

    /// A text of so many bytes at most.
    pub fn text(name: impl Into<String>, capacity: u32) -> Self {
        let family = Self::new(name, Kind::Text, ValueType::Text, Combination::All);
        Self { capacity, ..family }
    }

    /// A summary.
    pub fn summary(name: impl Into<String>) -> Self {
        Self::new(name, Kind::Summary, ValueType::Float, Combination::Sum)
    }

    /// A histogram. The bounds ascend.
    pub fn histogram(name: impl Into<String>, bounds: impl IntoIterator<Item = f64>) -> Self {
        let bounds = bounds.into_iter().collect();
        let family = Self::new(name, Kind::Histogram, ValueType::Float, Combination::Sum);
        Self { bounds, ..family }
    }

    /// With a unit.
    pub fn unit(self, unit: impl Into<String>) -> Self {
        let unit = unit.into();
        Self { unit, ..self }
    }

    /// With a help.
    pub fn help(self, help: impl Into<String>) -> Self {
        let help = help.into();
        Self { help, ..self }
    }

    /// With labels of these names.
    pub fn labels<S: Into<String>>(self, labels: impl IntoIterator<Item = S>) -> Self {
        let labels = labels.into_iter().map(Into::into).collect();
        Self { labels, ..self }
    }

    /// Whether its slots are latches; else they are words (3.7).
    pub(super) fn is_latched(&self) -> bool {
        match self.kind {
            Kind::Gauge => self.combination == Combination::Last,
            Kind::Text | Kind::Summary | Kind::Histogram => true,
            Kind::Counter | Kind::StateSet | Kind::Unknown => false,
        }
    }

    /// The bytes of a word, or of one buffer of a latch.
    pub(super) fn content_size(&self) -> usize {
        let word = WORD as usize;
        match self.kind {
            Kind::Gauge if self.is_latched() => 2 * word,
            Kind::Text => word + aligned(self.capacity as usize),
            Kind::Summary => 5 * word,
            Kind::Histogram => (self.bounds.len() + 2) * word,
            Kind::Counter | Kind::Gauge | Kind::StateSet | Kind::Unknown => word,
        }
    }

    /// The bytes of a slot.
    pub(super) fn slot_size(&self) -> usize {
        match self.is_latched() {
            true => WORD as usize + 2 * self.content_size(),
            false => self.content_size(),
        }
    }

    /// Whether name and label names are what V2-25 asks for, other families left aside.
    pub(super) fn has_good_names(&self) -> bool {
        !self.name.is_empty() && !self.name.contains('\0') && distinct(&self.labels)
    }

    /// Whether bounds, states and capacity are what V2-27 asks for. `parts` is their number as a record has it.
    pub(super) fn has_good_parts(&self, parts: usize) -> bool {
        let states = match self.kind {
            Kind::StateSet => !self.states.is_empty() && distinct(&self.states),
            _ => self.states.is_empty(),
        };
        let bounds = match self.kind {
            Kind::Histogram => {
                self.bounds.iter().all(|bound| bound.is_finite())
                    && self.bounds.windows(2).all(|pair| pair[0] < pair[1])
            }
            _ => self.bounds.is_empty(),
        };
        let capacity = match self.kind {
            Kind::Text => (1..=layout::LARGEST_TEXT).contains(&self.capacity),
            _ => self.capacity == 0,
        };
        states && bounds && capacity && parts == self.states.len() + self.bounds.len()
    }

    /// Whether it can be declared, other families left aside.
    pub(super) fn check(&self) -> Result<(), Refused> {
        let texts = [&self.name, &self.unit, &self.help];
        let texts = texts.into_iter().chain(&self.labels).chain(&self.states);
        let rules = [
            (
                self.kind.has_type(self.value_type),
                "a type that its kind has not",
            ),
            (
                self.kind.combines(self.value_type, self.combination),
                "a combination that its kind has not",
            ),
            (self.has_good_names(), "a name that is empty or there twice"),
            (
                self.has_good_parts(self.bounds.len() + self.states.len()),
                "bounds, states or a capacity that its kind cannot have",
            ),
            (
                texts
                    .clone()
                    .all(|text| text.len() <= usize::from(u16::MAX)),
                "too long a text",
            ),
            (
                texts.map(|text| text.len()).sum::<usize>() <= LARGEST_TEXTS,
                "texts that are too long together",
            ),
            (self.labels.len() <= usize::from(u8::MAX), "too many labels"),
            (
                self.bounds.len().max(self.states.len()) <= usize::from(u16::MAX),
                "too many bounds or states",
            ),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, why)) => Err(Refused::Declaration(why)),
            None => Ok(()),
        }
    }
}

/// Whether none is empty, and none is there twice.
fn distinct(names: &[String]) -> bool {
    let mut seen = HashSet::new();
    names
        .iter()
        .all(|name| !name.is_empty() && seen.insert(name))
}
