//! The writer of version 2 (FORMAT.md 3.8).
//!
//! One writer writes a file, one thread at a time: updates borrow the [`Writer`] alone. A handle of a series is a number,
//! made once; with it an update of a counter is one addition and one store.
//!
//! What is refused changes nothing. A child of a fork gets a file of its own with its first update (V2-W12).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;

use super::family::{Combination, Family, Kind, ValueType};
use super::record;
use super::slot::{self, unset_word, Slot};
use super::storage::{Pending, Storage};
use crate::create::absolute;
use crate::error::Refused;
use crate::fork;
use crate::identity::now;
use crate::layout::{unset, WORD};
use crate::mapping::Words;
use crate::number::{set_float, Number};

/// The most label sets of a family, where nothing else is said.
const LIMIT: usize = 10_000;
/// The label value under which further label sets are counted together (V2-W14).
const OVERFLOW: &str = "__overflow__";

/// The handle of a family, of the writer that declared it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FamilyId {
    builder: u32,
    number: u32,
}

/// The handle of a series, of the writer that made it. It stays good as long as the writer is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Series {
    builder: u32,
    number: u32,
}

#[derive(Debug)]
struct Declared {
    family: Arc<Family>,
    limit: usize,
    /// The series of these label values, as records have them.
    series: HashMap<Box<[u8]>, Series>,
    /// How many series the file has, the overflow series left aside.
    made: usize,
}

impl Declared {
    /// Whether a further label set is one too many.
    fn is_full(&self) -> bool {
        !self.family.labels.is_empty() && self.made >= self.limit
    }
}

#[derive(Debug)]
struct Entry {
    family: Arc<Family>,
    id: FamilyId,
    /// The label values as a record has them.
    labels: Box<[u8]>,
    /// Nothing while the file does not have it.
    slot: Option<Slot>,
}

/// What is declared, apart from the file that says so.
#[derive(Debug, Default)]
struct Declarations {
    /// What tells its handles from those of others.
    builder: u32,
    app: String,
    host: String,
    families: Vec<Declared>,
    names: HashMap<String, FamilyId>,
    entries: Vec<Entry>,
}

/// What a writer's file has from the beginning on.
///
/// ```no_run
/// # use mmstats::{Builder, Family};
/// let mut builder = Builder::new("shop", "box");
/// let hits = builder.declare(Family::counter("hits"))?;
/// let mut writer = builder.create("/run/shop/shop.mmstats")?;
/// let hits = writer.series(hits, &[])?;
/// writer.add(hits, 1)?;
/// # Ok::<(), mmstats::Refused>(())
/// ```
#[derive(Debug)]
pub struct Builder(Declarations);

impl Builder {
    /// For an application on a host.
    pub fn new(app: impl Into<String>, host: impl Into<String>) -> Self {
        static NUMBERS: AtomicU32 = AtomicU32::new(0);
        Self(Declarations {
            builder: NUMBERS.fetch_add(1, Ordering::Relaxed),
            app: app.into(),
            host: host.into(),
            ..Declarations::default()
        })
    }

    /// Declares a family.
    pub fn declare(&mut self, family: Family) -> Result<FamilyId, Refused> {
        self.declare_limited(family, LIMIT)
    }

    /// Declares a family of so many label sets at most; further ones are counted in one series (V2-W14).
    pub fn declare_limited(&mut self, family: Family, limit: usize) -> Result<FamilyId, Refused> {
        self.0.check(&family)?;
        Ok(self.0.add(family.into(), limit))
    }

    /// Makes the file under this path, or the next that is free: `shop.mmstats`, `shop-1.mmstats`, …
    pub fn create(self, path: impl AsRef<Path>) -> Result<Writer, Refused> {
        let longest = self.0.app.len().max(self.0.host.len());
        if longest > usize::from(u16::MAX) {
            return Err(Refused::Declaration("too long a text"));
        }
        let mut writer = Writer {
            path: absolute(path.as_ref()).map_err(Refused::File)?,
            declared: self.0,
            storage: None,
            generation: fork::generation(),
        };
        writer.make_file()?;
        Ok(writer)
    }
}

impl Declarations {
    /// Whether a family can be declared beside those that are.
    fn check(&self, family: &Family) -> Result<(), Refused> {
        if self.names.contains_key(&family.name) {
            return Err(Refused::Declaration("a second family of this name"));
        }
        family.check()
    }

    fn of(&self, id: FamilyId) -> Option<&Declared> {
        let declared = self.families.get(id.number as usize);
        declared.filter(|_| id.builder == self.builder)
    }

    fn add(&mut self, family: Arc<Family>, limit: usize) -> FamilyId {
        let id = FamilyId {
            builder: self.builder,
            number: self.families.len() as u32,
        };
        self.names.insert(family.name.clone(), id);
        self.families.push(Declared {
            family: Arc::clone(&family),
            limit,
            series: HashMap::new(),
            made: 0,
        });
        if family.labels.is_empty() {
            self.add_entry(id, Box::default(), None);
        }
        id
    }

    fn add_entry(&mut self, id: FamilyId, labels: Box<[u8]>, slot: Option<Slot>) -> Series {
        let series = Series {
            builder: self.builder,
            number: self.entries.len() as u32,
        };
        let declared = &mut self.families[id.number as usize];
        declared.series.insert(labels.clone(), series);
        self.entries.push(Entry {
            family: Arc::clone(&declared.family),
            id,
            labels,
            slot,
        });
        series
    }
}

fn pending_series(number: u32, family: &Family, labels: &[u8]) -> Pending {
    Pending {
        record: record::series(number, labels, family.slot_size()),
        slot: slot::initial(family),
    }
}

/// A family's record, and that of its series where it has but one.
fn pending_family(number: u32, family: &Family) -> Vec<Pending> {
    let mut pending = vec![Pending::record(record::family(family))];
    if family.labels.is_empty() {
        pending.push(pending_series(number, family, &[]));
    }
    pending
}

/// A program's statistics in a file. Dropping it ends the file cleanly.
pub struct Writer {
    /// The path that was asked for.
    path: PathBuf,
    declared: Declarations,
    /// Nothing in a child that could not make its file yet.
    storage: Option<Storage>,
    generation: u32,
}

impl Writer {
    /// The path of this process's file; nothing in a forked child that has not made its own yet.
    pub fn path(&self) -> Option<&Path> {
        let own = self.storage.as_ref().filter(|_| !self.is_of_parent());
        own.map(Storage::path)
    }

    /// Declares a further family.
    pub fn declare(&mut self, family: Family) -> Result<FamilyId, Refused> {
        self.declare_limited(family, LIMIT)
    }

    /// Declares a further family, of so many label sets at most.
    pub fn declare_limited(&mut self, family: Family, limit: usize) -> Result<FamilyId, Refused> {
        self.declared.check(&family)?;
        let pending = pending_family(self.declared.families.len() as u32, &family);
        let slots = self
            .own_storage()?
            .append(&pending)
            .map_err(Refused::Room)?;
        let family = Arc::new(family);
        let id = self.declared.add(Arc::clone(&family), limit);
        if let Some(words) = slots.into_iter().next() {
            let entry = self.declared.entries.last_mut();
            entry.expect("it was just added").slot = Some(Slot::new(&family, words));
        }
        Ok(id)
    }

    /// The handle of a family that was declared.
    pub fn family(&self, name: &str) -> Option<FamilyId> {
        self.declared.names.get(name).copied()
    }

    /// What a family was declared to be.
    pub fn declared(&self, family: FamilyId) -> Option<&Family> {
        let declared = self.declared.of(family);
        declared.map(|declared| &*declared.family)
    }

    /// The handle of the series of these label values, which is made if it is new. Beyond the family's limit it is that
    /// of the overflow series.
    pub fn series(&mut self, family: FamilyId, labels: &[&str]) -> Result<Series, Refused> {
        self.own_storage()?;
        let declared = self.declared.of(family);
        let declared = declared.ok_or(Refused::Handle)?;
        let fits = |label: &&str| label.len() <= usize::from(u16::MAX);
        if labels.len() != declared.family.labels.len() || !labels.iter().all(fits) {
            return Err(Refused::Labels);
        }
        let labels = label_bytes(labels);
        match declared.series.get(&labels) {
            Some(&series) if self.is_ready(series) => Ok(series),
            _ => self.make_series(family, labels),
        }
    }

    /// Adds to a counter or a gauge. A counter refuses what is negative or not a number. A gauge that is unset begins at
    /// 0; integers wrap.
    #[inline]
    pub fn add(&mut self, series: Series, value: impl Into<Number>) -> Result<(), Refused> {
        let value = value.into();
        let (family, slot) = self.slot(series)?;
        if let (Kind::Counter, Slot::Word { value: sum, .. }) = (family.kind, &mut *slot) {
            *sum = match family.value_type {
                ValueType::Unsigned => sum.wrapping_add(value.unsigned().ok_or(Refused::Value)?),
                _ => {
                    let more = value.float().filter(|&more| more >= 0.0);
                    (f64::from_bits(*sum) + more.ok_or(Refused::Value)?).to_bits()
                }
            };
            slot.publish();
            return Ok(());
        }
        Self::add_to_gauge(family, slot, value)
    }

    fn add_to_gauge(family: &Family, slot: &mut Slot, value: Number) -> Result<(), Refused> {
        if family.kind != Kind::Gauge {
            return Err(Refused::Value);
        }
        let old = slot.content().last().copied().unwrap_or_default();
        let is_set = old != unset_word(family.value_type);
        let old = if is_set { old } else { 0 };
        let sum = match family.value_type {
            ValueType::Unsigned => value.unsigned().map(|more| old.wrapping_add(more)),
            ValueType::Signed => value.signed().map(|more| old.wrapping_add(more as u64)),
            ValueType::Float => value
                .float()
                .map(|more| (f64::from_bits(old) + more).to_bits()),
            ValueType::Boolean | ValueType::Text => None,
        };
        Self::store_number(slot, sum.ok_or(Refused::Value)?);
        Ok(())
    }

    /// Sets a gauge or an unknown.
    #[inline]
    pub fn set(&mut self, series: Series, value: impl Into<Number>) -> Result<(), Refused> {
        let value = value.into();
        let (family, slot) = self.slot(series)?;
        if !matches!(family.kind, Kind::Gauge | Kind::Unknown) {
            return Err(Refused::Value);
        }
        let word = match family.value_type {
            ValueType::Unsigned => value.unsigned(),
            ValueType::Signed => value.signed().map(|value| value as u64),
            ValueType::Float => value.float().map(f64::to_bits),
            ValueType::Boolean => value.boolean().map(u64::from),
            ValueType::Text => None,
        };
        Self::store_number(slot, word.ok_or(Refused::Value)?);
        Ok(())
    }

    /// Stores the word of a gauge or unknown, and the time if it has one.
    fn store_number(slot: &mut Slot, word: u64) {
        match slot.content() {
            [value] => *value = word,
            content => content.copy_from_slice(&[now(), word]),
        }
        slot.publish();
    }

    /// Sets a state set to one of its states, by its name.
    pub fn set_state(&mut self, series: Series, state: &str) -> Result<(), Refused> {
        let (family, _) = self.slot(series)?;
        let number = family.states.iter().position(|name| name == state);
        self.set_state_number(series, number.ok_or(Refused::Value)?)
    }

    /// Sets a state set to one of its states, by its number.
    #[inline]
    pub fn set_state_number(&mut self, series: Series, number: usize) -> Result<(), Refused> {
        let (family, slot) = self.slot(series)?;
        if family.kind != Kind::StateSet || number >= family.states.len() {
            return Err(Refused::Value);
        }
        slot.content()[0] = number as u64;
        slot.publish();
        Ok(())
    }

    /// Sets a text. What does not fit is cut off after a whole character.
    pub fn set_text(&mut self, series: Series, text: &str) -> Result<(), Refused> {
        let (family, slot) = self.slot(series)?;
        if family.kind != Kind::Text {
            return Err(Refused::Value);
        }
        let text = crate::text::cut(text, family.capacity as usize).as_bytes();
        let (length, words) = slot.content().split_at_mut(1);
        length[0] = text.len() as u64;
        words.fill(0);
        for (word, bytes) in words.iter_mut().zip(text.chunks(WORD as usize)) {
            let mut padded = [0; WORD as usize];
            padded[..bytes.len()].copy_from_slice(bytes);
            *word = u64::from_le_bytes(padded);
        }
        slot.publish();
        Ok(())
    }

    /// Makes a gauge, a state set, a text or an unknown unset. A gauge combined by last notes when that was.
    pub fn unset(&mut self, series: Series) -> Result<(), Refused> {
        let (family, slot) = self.slot(series)?;
        match family.kind {
            Kind::Gauge | Kind::Unknown | Kind::StateSet => {
                Self::store_number(slot, unset_word(family.value_type));
                Ok(())
            }
            Kind::Text => {
                slot.content()[0] = unset::UNSIGNED;
                slot.publish();
                Ok(())
            }
            Kind::Counter | Kind::Summary | Kind::Histogram => Err(Refused::Value),
        }
    }

    /// Counts a value in a summary or a histogram. What is not a number is refused.
    #[inline]
    pub fn observe(&mut self, series: Series, value: f64) -> Result<(), Refused> {
        let (family, slot) = self.slot(series)?;
        if value.is_nan() {
            return Err(Refused::Value);
        }
        let plus = |sum: u64| (f64::from_bits(sum) + value).to_bits();
        match (family.kind, slot.content()) {
            (Kind::Histogram, [sum, counts @ ..]) => {
                let below = family.bounds.partition_point(|&bound| bound < value);
                let count = &mut counts[below];
                *count = count.wrapping_add(1);
                *sum = plus(*sum);
            }
            (Kind::Summary, [count, sum, min, max, last]) => {
                let least = set_float(*min).map_or(value, |min| min.min(value));
                let greatest = set_float(*max).map_or(value, |max| max.max(value));
                *count = count.wrapping_add(1);
                *sum = plus(*sum);
                *min = least.to_bits();
                *max = greatest.to_bits();
                *last = value.to_bits();
            }
            _ => return Err(Refused::Value),
        }
        slot.publish();
        Ok(())
    }

    /// Goes on as the file of this thread, after the one that used it has ended: what described that one becomes unset,
    /// what counts, and what is kept, goes on (V2-W13).
    pub fn hand_over(&mut self) {
        if self.is_of_parent() {
            return;
        }
        for entry in &mut self.declared.entries {
            let family = &entry.family;
            let ends = match family.kind {
                _ if family.kept => false,
                Kind::Gauge => family.combination != Combination::Sum,
                Kind::StateSet | Kind::Text | Kind::Unknown => true,
                Kind::Counter | Kind::Summary | Kind::Histogram => false,
            };
            let Some(slot) = entry.slot.as_mut().filter(|_| ends) else {
                continue;
            };
            let fresh = Slot::unset_content(family);
            slot.content().copy_from_slice(&fresh);
            slot.publish();
        }
        if let Some(storage) = &self.storage {
            storage.store_thread();
        }
    }

    /// Ends the file cleanly: it says that its writer has ended, and nothing is stored in it afterwards (V2-W11).
    pub fn close(self) {}

    #[inline]
    fn is_of_parent(&self) -> bool {
        self.generation != fork::generation()
    }

    /// Nothing where the handle is another writer's.
    #[inline]
    fn entry(&self, series: Series) -> Option<&Entry> {
        let entry = self.declared.entries.get(series.number as usize);
        entry.filter(|_| series.builder == self.declared.builder)
    }

    #[inline]
    fn is_ready(&self, series: Series) -> bool {
        let entry = self.entry(series);
        !self.is_of_parent() && entry.is_some_and(|entry| entry.slot.is_some())
    }

    /// The slot of a series, which is made first in a child that has not used it yet.
    #[inline]
    fn slot(&mut self, series: Series) -> Result<(&Family, &mut Slot), Refused> {
        let mut place = series.number as usize;
        if !self.is_ready(series) {
            place = self.made_ready(series)?.number as usize;
        }
        let entry = &mut self.declared.entries[place];
        match &mut entry.slot {
            Some(slot) => Ok((&entry.family, slot)),
            None => Err(Refused::Handle),
        }
    }

    #[cold]
    fn made_ready(&mut self, series: Series) -> Result<Series, Refused> {
        self.own_storage()?;
        if self.is_ready(series) {
            return Ok(series);
        }
        let entry = self.entry(series);
        let entry = entry.ok_or(Refused::Handle)?;
        let (id, labels) = (entry.id, entry.labels.clone());
        self.make_series(id, labels)
    }

    /// The file, which is made first in a child that has none yet.
    fn own_storage(&mut self) -> Result<&mut Storage, Refused> {
        if self.is_of_parent() {
            // The parent's goes on without this process; its lock was closed in the fork.
            self.storage = None;
            for entry in &mut self.declared.entries {
                entry.slot = None;
            }
            self.generation = fork::generation();
        }
        if self.storage.is_none() {
            self.make_file()?;
        }
        Ok(self.storage.as_mut().expect("it was just made"))
    }

    /// Makes the file, with all that is declared and new values. Series with labels come with their first use.
    fn make_file(&mut self) -> Result<(), Refused> {
        let Declarations { app, host, .. } = &self.declared;
        let mut pending = vec![Pending::record(record::origin(app, host))];
        for (number, declared) in self.declared.families.iter_mut().enumerate() {
            declared.made = 0;
            pending.extend(pending_family(number as u32, &declared.family));
        }
        let (storage, slots) = Storage::create(&self.path, &pending).map_err(Refused::File)?;
        self.storage = Some(storage);
        let mut slots = slots.into_iter();
        // Families without labels are in the order of their series.
        for entry in &mut self.declared.entries {
            entry.slot = match entry.family.labels.is_empty() {
                true => slots.next().map(|words| Slot::new(&entry.family, words)),
                false => None,
            };
        }
        Ok(())
    }

    /// Makes a series in the file.
    fn make_series(&mut self, id: FamilyId, labels: Box<[u8]>) -> Result<Series, Refused> {
        self.own_storage()?;
        let declared = &self.declared.families[id.number as usize];
        let known = declared.series.get(&labels).copied();
        if let Some(series) = known.filter(|&series| self.is_ready(series)) {
            return Ok(series);
        }
        let family = Arc::clone(&declared.family);
        let overflow = label_bytes(&vec![OVERFLOW; family.labels.len()]);
        let counts = labels != overflow;
        if counts && declared.is_full() {
            return self.make_series(id, overflow);
        }
        let pending = [pending_series(id.number, &family, &labels)];
        let appended = self.own_storage()?.append(&pending);
        let [words]: [Words; 1] = appended
            .map_err(Refused::Room)?
            .try_into()
            .expect("a series has a slot");
        let slot = Some(Slot::new(&family, words));
        if counts {
            self.declared.families[id.number as usize].made += 1;
        }
        Ok(match known {
            Some(series) => {
                self.declared.entries[series.number as usize].slot = slot;
                series
            }
            None => self.declared.add_entry(id, labels, slot),
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        match &self.storage {
            Some(storage) if !self.is_of_parent() => storage.store_closed(),
            _ => {}
        }
    }
}

/// Label values as a record has them.
fn label_bytes(labels: &[&str]) -> Box<[u8]> {
    let mut bytes = Vec::new();
    for label in labels {
        record::put_text(&mut bytes, label);
    }
    bytes.into()
}
