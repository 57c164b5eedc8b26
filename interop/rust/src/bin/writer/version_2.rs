//! Scenarios of version 2 (CONFORMANCE.md P-8).

use std::path::Path;

use mmstats::{Builder, Combination, Family, Kind, Number, Refused, Series, ValueType, Writer};

use crate::machine::Publisher;
use crate::scenario::{texts, Action, Operand, Update};
use crate::support::json::Json;
use crate::values::{digits, float, text, turn_number};

/// A file of families.
pub struct Families {
    writer: Writer,
    /// What updates are about, by their number: found once.
    known: Vec<Option<Known>>,
}

#[derive(Clone)]
struct Known {
    series: Series,
    kind: Kind,
    value_type: ValueType,
    capacity: usize,
    /// The value, where it is a number that does not change.
    number: Option<Number>,
}

impl Families {
    pub fn create(json: &Json, file: &Path) -> Result<Self, String> {
        let text = |key| json.get(key).and_then(Json::as_text).unwrap_or_default();
        let families = json.get("families").and_then(Json::as_array);
        let mut builder = Builder::new(text("app"), text("host"));
        for json in families.ok_or("no families")? {
            let (family, limit) = family(json).ok_or("a family that is not as it should be")?;
            let declared = match limit {
                Some(limit) => builder.declare_limited(family, limit),
                None => builder.declare(family),
            };
            declared.map_err(|error| error.to_string())?;
        }
        Ok(Self {
            writer: builder.create(file).map_err(|error| error.to_string())?,
            known: Vec::new(),
        })
    }

    fn try_update(&mut self, update: &Update, turn: u64) -> Option<Result<(), Refused>> {
        let known = match self.known.get(update.number) {
            Some(Some(known)) => known.clone(),
            _ => self.find(update)?,
        };
        let writer = &mut self.writer;
        let series = known.series;
        let number = || match &update.value {
            Operand::Given(_) => known.number,
            Operand::Turn(modulus) => turned(known.value_type, turn_number(turn, *modulus)),
        };
        let is_null = matches!(update.value, Operand::Given(Json::Null));
        Some(match (update.action, known.kind) {
            (Action::Series, _) => Ok(()),
            (Action::Inc, _) => writer.add(series, number()?),
            (Action::Observe, _) => writer.observe(series, number()?.float()?),
            (Action::Set, _) if is_null => writer.unset(series),
            (Action::Set, Kind::StateSet) => match &update.value {
                Operand::Given(state) => writer.set_state(series, state.as_text()?),
                Operand::Turn(modulus) => {
                    let state = turn_number(turn, *modulus);
                    writer.set_state_number(series, usize::try_from(state).ok()?)
                }
            },
            (Action::Set, Kind::Text) => {
                writer.set_text(series, &text(&update.value, turn, known.capacity)?)
            }
            (Action::Set, _) => writer.set(series, number()?),
        })
    }

    /// Finds what an update is about, and makes the series where it is new.
    fn find(&mut self, update: &Update) -> Option<Known> {
        let family = self.writer.family(update.name.as_text()?)?;
        let labels: Vec<&str> = update.labels.iter().map(String::as_str).collect();
        let series = self.writer.series(family, &labels).ok()?;
        let family = self.writer.declared(family)?;
        let known = Known {
            series,
            kind: family.kind,
            value_type: family.value_type,
            capacity: family.capacity as usize,
            number: match &update.value {
                Operand::Given(json) => given(family.value_type, json),
                Operand::Turn(_) => None,
            },
        };
        // The updates of `each` and `series` have other labels each time, or come but once.
        if update.action != Action::Series {
            let least = self.known.len().max(update.number + 1);
            self.known.resize(least, None);
            self.known[update.number] = Some(known.clone());
        }
        Some(known)
    }
}

impl Publisher for Families {
    fn path(&self) -> Option<&Path> {
        self.writer.path()
    }

    fn update(&mut self, update: &Update, turn: u64) {
        let _ = self.try_update(update, turn);
    }

    fn declare(&mut self, json: &Json) {
        let _ = match family(json) {
            Some((family, Some(limit))) => self.writer.declare_limited(family, limit),
            Some((family, None)) => self.writer.declare(family),
            None => return,
        };
    }

    fn hand_over(&mut self) {
        self.writer.hand_over();
    }

    fn abandon(self: Box<Self>) {
        std::mem::forget(self.writer);
    }
}

/// A value of a type.
fn given(value_type: ValueType, json: &Json) -> Option<Number> {
    let (negative, whole) = digits(json).unwrap_or_default();
    match value_type {
        ValueType::Unsigned if !negative => whole.parse().ok().map(Number::Unsigned),
        ValueType::Signed => json.as_text()?.parse().ok().map(Number::Signed),
        ValueType::Float => float(json).map(Number::Float),
        ValueType::Boolean => json.as_boolean().map(Number::Boolean),
        _ => None,
    }
}

/// A turn as a number of a type.
fn turned(value_type: ValueType, turn: u64) -> Option<Number> {
    match value_type {
        ValueType::Unsigned => Some(Number::Unsigned(turn)),
        ValueType::Signed => turn.try_into().ok().map(Number::Signed),
        ValueType::Float => Some(Number::Float(turn as f64)),
        ValueType::Boolean => Some(Number::Boolean(turn != 0)),
        ValueType::Text => None,
    }
}

/// A family, and its limit where it has one.
fn family(json: &Json) -> Option<(Family, Option<usize>)> {
    let word = |key| json.get(key)?.as_text();
    let list = |key| texts(json.get(key)?);
    let bounds = json.get("bounds")?.as_array()?;
    let family = Family {
        kept: json.get("kept")?.as_boolean()?,
        unit: word("unit")?.to_owned(),
        help: word("help")?.to_owned(),
        labels: list("labels")?,
        bounds: bounds.iter().map(float).collect::<Option<_>>()?,
        states: list("states")?,
        capacity: word("capacity")?.parse().ok()?,
        ..Family::new(
            word("name")?,
            Kind::named(word("kind")?)?,
            ValueType::named(word("type")?)?,
            Combination::named(word("combination")?)?,
        )
    };
    let limit = json.get("limit").and_then(Json::as_integer);
    Some((family, limit.map(|limit| limit as usize)))
}
