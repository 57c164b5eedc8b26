//! The canonical JSON document (FORMAT.md 1.4).

use mmstats::v2::{FamilyValues, Value};
use mmstats::{v1, v2, Document, Malformed, Number, ReadError};

use super::json::Json;

/// The document.
pub fn document(document: &Document) -> Json {
    match document {
        Document::V1(document) => Json::object([
            ("version", Json::number(1)),
            ("fields", array(&document.fields, field)),
        ]),
        Document::V2(document) => version_2(document),
    }
}

/// What stands in place of a document.
pub fn read_error(error: &ReadError) -> Json {
    match error {
        ReadError::Malformed(Malformed { code, offset }) => Json::object([
            ("error", Json::text(code.name())),
            ("offset", Json::number(*offset)),
        ]),
        ReadError::Io(_) => super::error("unreadable"),
    }
}

fn array<T>(values: &[T], json: impl Fn(&T) -> Json) -> Json {
    Json::Array(values.iter().map(json).collect())
}

/// J-2
fn integer(value: impl ToString) -> Json {
    Json::text(value.to_string())
}

/// J-3
fn float(value: f64) -> Json {
    Json::text(format!("{:016x}", value.to_bits()))
}

/// J-4
fn bytes(bytes: &[u8]) -> Json {
    match std::str::from_utf8(bytes) {
        Ok(text) => Json::text(text),
        Err(_) => Json::object([("hex", Json::text(hex(bytes)))]),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn number(number: Number) -> Json {
    match number {
        Number::Unsigned(value) => integer(value),
        Number::Signed(value) => integer(value),
        Number::Float(value) => float(value),
        Number::Boolean(value) => Json::Boolean(value),
    }
}

fn optional<T>(value: Option<T>, json: impl Fn(T) -> Json) -> Json {
    value.map_or(Json::Null, json)
}

/// J-9
fn marked(value: Json, confirmed: bool) -> Json {
    match confirmed {
        true => value,
        false => Json::object([("unconfirmed", value)]),
    }
}

/// J-1
fn field(field: &v1::Field) -> Json {
    let value = match &field.value {
        v1::Value::Number(value) => number(*value),
        v1::Value::Text(text) => bytes(text),
    };
    Json::object([
        ("label", bytes(&field.label)),
        ("type", Json::text(field.signature.to_string())),
        ("buffered", Json::Boolean(field.buffered)),
        ("value", marked(value, field.confirmed)),
    ])
}

/// J-6
fn version_2(document: &v2::Document) -> Json {
    let header = &document.header;
    let writer = Json::object([
        ("id", Json::text(hex(&header.writer_id))),
        ("app", Json::text(&*document.app)),
        ("host", Json::text(&*document.host)),
        ("created", integer(header.created)),
        ("pid", integer(header.pid)),
        ("thread", integer(header.thread_id)),
        ("start", integer(header.process_start)),
        ("boot", Json::text(hex(&header.boot_id))),
        ("namespace", integer(header.pid_namespace)),
    ]);
    Json::object([
        ("version", Json::number(2)),
        (
            "features",
            Json::Array(header.features().map(Json::text).collect()),
        ),
        ("state", Json::text(header.state.name())),
        ("writer", writer),
        ("families", array(&document.families, family)),
        ("folded", array(&document.folded, |id| Json::text(hex(id)))),
    ])
}

/// J-7
fn family(values: &FamilyValues) -> Json {
    let family = &values.family;
    let texts = |texts: &[String]| array(texts, |text| Json::text(text));
    let series = array(&values.series, |series| {
        let value = value(&series.value, &family.states);
        Json::object([
            ("labels", texts(&series.labels)),
            ("value", marked(value, series.confirmed)),
        ])
    });
    Json::object([
        ("name", Json::text(&family.name)),
        ("kind", Json::text(family.kind.name())),
        ("type", Json::text(family.value_type.name())),
        ("combination", Json::text(family.combination.name())),
        ("kept", Json::Boolean(family.kept)),
        ("unit", Json::text(&family.unit)),
        ("help", Json::text(&family.help)),
        ("labels", texts(&family.labels)),
        ("bounds", array(&family.bounds, |&bound| float(bound))),
        ("states", texts(&family.states)),
        ("capacity", integer(family.capacity)),
        ("series", series),
    ])
}

/// J-8
fn value(value: &Value, states: &[String]) -> Json {
    match value {
        Value::Unset => Json::Null,
        Value::Number(value) => number(*value),
        Value::State(state) => Json::text(&states[*state]),
        Value::Text(text) => bytes(text),
        Value::Last { time, value } => {
            Json::object([("time", integer(time)), ("value", optional(*value, number))])
        }
        Value::Summary {
            count,
            sum,
            min,
            max,
            last,
        } => Json::object([
            ("count", integer(count)),
            ("sum", float(*sum)),
            ("min", optional(*min, float)),
            ("max", optional(*max, float)),
            ("last", optional(*last, float)),
        ]),
        Value::Histogram { sum, counts } => Json::object([
            ("sum", float(*sum)),
            ("counts", array(counts, |count| integer(count))),
        ]),
    }
}
