//! Scenarios of version 1 (CONFORMANCE.md P-9).

use std::path::Path;

use mmstats::v1::{Declared, FieldId, FieldType, Value, Writer};
use mmstats::{Number, Refused};

use crate::machine::Publisher;
use crate::scenario::{Action, Operand, Update};
use crate::support::json::Json;
use crate::values::{bytes, digits, float, text, turn_number};

/// A file of fields.
pub struct Fields {
    writer: Writer,
    /// The fields that updates are about, by their number: found once.
    known: Vec<Option<(FieldId, FieldType)>>,
}

impl Fields {
    pub fn create(json: &Json, file: &Path) -> Result<Self, String> {
        let fields = json.get("fields").and_then(Json::as_array);
        let fields: Option<Vec<_>> = fields.ok_or("no fields")?.iter().map(declared).collect();
        let fields = fields.ok_or("a field that is not as it should be")?;
        Ok(Self {
            writer: Writer::create(file, fields).map_err(|error| error.to_string())?,
            known: Vec::new(),
        })
    }

    fn try_update(&mut self, update: &Update, turn: u64) -> Option<Result<(), Refused>> {
        let (field, signature) = match self.known.get(update.number) {
            Some(&Some(known)) => known,
            _ => self.find(update)?,
        };
        let number = || match &update.value {
            Operand::Given(json) => given(signature, json),
            Operand::Turn(modulus) => Some(turned(signature, turn_number(turn, *modulus))),
        };
        Some(match (update.action, signature) {
            (Action::Set, FieldType::Char | FieldType::Text(_)) => {
                let text = text(&update.value, turn, signature.size())?;
                self.writer.set_text(field, &text)
            }
            (Action::Set, _) => self.writer.set(field, number()?),
            (Action::Inc, _) => self.writer.add(field, number()?),
            (Action::Observe | Action::Series, _) => return None,
        })
    }

    fn find(&mut self, update: &Update) -> Option<(FieldId, FieldType)> {
        let field = self.writer.field(&bytes(&update.name)?)?;
        let found = (field, self.writer.signature(field));
        let least = self.known.len().max(update.number + 1);
        self.known.resize(least, None);
        self.known[update.number] = Some(found);
        Some(found)
    }
}

impl Publisher for Fields {
    fn path(&self) -> Option<&Path> {
        self.writer.path()
    }

    fn update(&mut self, update: &Update, turn: u64) {
        let _ = self.try_update(update, turn);
    }

    fn declare(&mut self, _: &Json) {}

    fn hand_over(&mut self) {}

    fn abandon(self: Box<Self>) {
        std::mem::forget(self.writer);
    }
}

/// A value of a type. Integers wrap (V1-W3).
fn given(signature: FieldType, json: &Json) -> Option<Number> {
    match signature {
        FieldType::Boolean => json.as_boolean().map(Number::Boolean),
        FieldType::Signed(..) | FieldType::Unsigned(..) => {
            let (negative, digits) = digits(json)?;
            let number = digits.bytes().fold(0_u64, |number, digit| {
                number.wrapping_mul(10).wrapping_add((digit - b'0').into())
            });
            Some(match negative {
                true => Number::Signed(number.wrapping_neg() as i64),
                false => Number::Unsigned(number),
            })
        }
        FieldType::Binary32 | FieldType::Binary64 => float(json).map(Number::Float),
        FieldType::Char | FieldType::Text(_) => None,
    }
}

/// A turn as a number of a type.
fn turned(signature: FieldType, turn: u64) -> Number {
    match signature {
        FieldType::Boolean => Number::Boolean(turn != 0),
        FieldType::Binary32 | FieldType::Binary64 => Number::Float(turn as f64),
        _ => Number::Unsigned(turn),
    }
}

fn declared(json: &Json) -> Option<Declared> {
    let signature = json.get("type")?.as_text()?.to_owned();
    let value = match (json.get("value"), FieldType::of(signature.as_bytes())) {
        (Some(value), Some(FieldType::Char | FieldType::Text(_))) => {
            Some(Value::Text(bytes(value)?))
        }
        (Some(value), Some(signature)) => Some(Value::Number(given(signature, value)?)),
        _ => None,
    };
    Some(Declared {
        label: bytes(json.get("label")?)?,
        signature,
        buffered: json.get("buffered")?.as_boolean()?,
        value,
    })
}
