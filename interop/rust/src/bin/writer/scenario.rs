//! Scenarios: the steps that a writer goes through (CONFORMANCE.md P-11).

use std::sync::Arc;

use crate::support::json::Json;

/// A scenario, apart from what it declares.
pub struct Scenario {
    pub version: u64,
    pub steps: Steps,
}

/// Steps, which several turns, threads and processes go through.
pub type Steps = Arc<[Step]>;

/// What is done to a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Inc,
    Set,
    Observe,
    Series,
}

/// A step.
#[derive(Debug)]
pub enum Step {
    Update(Update),
    Declare(Json),
    Loop { times: u64, steps: Steps },
    Each { from: u64, to: u64, update: Update },
    Wait(String),
    HandOver,
    Fork(Steps),
    Close,
}

/// A step about one metric.
#[derive(Clone, Debug)]
pub struct Update {
    /// Counts the updates of a scenario.
    pub number: usize,
    pub action: Action,
    pub name: Json,
    pub labels: Vec<String>,
    pub value: Operand,
}

/// A value as a step has it.
#[derive(Clone, Debug)]
pub enum Operand {
    Given(Json),
    /// The number of the turn, modulo this number if it is not 0.
    Turn(u64),
}

impl Scenario {
    pub fn parse(json: &Json) -> Option<Self> {
        let mut updates = 0;
        Some(Self {
            version: json.get("version")?.as_integer()?,
            steps: steps(json, &mut updates)?,
        })
    }
}

fn steps(json: &Json, updates: &mut usize) -> Option<Steps> {
    let steps = json.get("steps")?.as_array()?;
    steps.iter().map(|json| step(json, updates)).collect()
}

fn step(json: &Json, updates: &mut usize) -> Option<Step> {
    let number = |key| json.get(key)?.as_integer();
    Some(match json.get("do")?.as_text()? {
        "inc" => Step::Update(update(json, Action::Inc, updates)?),
        "set" => Step::Update(update(json, Action::Set, updates)?),
        "observe" => Step::Update(update(json, Action::Observe, updates)?),
        "series" => Step::Update(update(json, Action::Series, updates)?),
        "declare" => Step::Declare(json.get("family")?.clone()),
        "loop" => Step::Loop {
            times: number("times")?,
            steps: steps(json, updates)?,
        },
        "each" => Step::Each {
            from: number("from")?,
            to: number("to")?,
            update: update(json, Action::Series, updates)?,
        },
        "wait" => Step::Wait(json.get("name")?.as_text()?.to_owned()),
        "hand-over" => Step::HandOver,
        "fork" => Step::Fork(steps(json, updates)?),
        "close" => Step::Close,
        _ => return None,
    })
}

fn update(json: &Json, action: Action, updates: &mut usize) -> Option<Update> {
    let number = *updates;
    *updates += 1;
    let value = json.get("value").unwrap_or(&Json::Null);
    Some(Update {
        number,
        action,
        name: json.get("name")?.clone(),
        labels: match json.get("labels") {
            None => Vec::new(),
            Some(labels) => texts(labels)?,
        },
        value: match value.get("turn") {
            Some(modulus) => Operand::Turn(modulus.as_integer()?),
            None => Operand::Given(value.clone()),
        },
    })
}

/// A list of texts.
pub fn texts(json: &Json) -> Option<Vec<String>> {
    let texts = json.as_array()?.iter();
    texts
        .map(|text| text.as_text().map(str::to_owned))
        .collect()
}
