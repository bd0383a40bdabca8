//! The file as written: checked against the schema, every value with its line, every fault noted instead of stopping at the first.
//!
//! Reads the TOML document tree and not serde's structs, because a serde reader ends at the first unknown key or wrong type.

use super::fault::Fault;
use super::schema::{Key, Kind, SECTIONS, Section, Worth, section};
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The whole file.
pub(super) struct Written {
    blocks: Vec<Block>,
}

/// One section as it stands in the file.
pub(super) struct Block {
    pub(super) section: &'static Section,
    /// Line of its head; `None` if it is absent and holds defaults only.
    pub(super) line: Option<usize>,
    values: BTreeMap<&'static str, At<Value>>,
}

/// A value and its place. A default has the place of its section.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) line: Option<usize>,
    pub(super) value: T,
}

#[derive(Debug, Clone)]
enum Value {
    Text(String),
    Texts(Vec<String>),
    Whole(u64),
    Milliseconds(u64),
    Flag(bool),
    Points(i64),
}

impl Written {
    /// All blocks of one section, in the order of the file. A section that is not repeated has exactly one.
    pub(super) fn all(&self, name: &'static str) -> impl Iterator<Item = &Block> {
        self.blocks.iter().filter(move |block| block.section.name == name)
    }

    /// What is written in each section, for telling whether it has changed.
    pub(super) fn prints(&self) -> BTreeMap<&'static str, String> {
        let mut prints = BTreeMap::<_, String>::new();
        for block in &self.blocks {
            let values: Vec<_> = block.values.iter().map(|(key, value)| (key, &value.value)).collect();
            prints.entry(block.section.name).or_default().push_str(&format!("{values:?}\n"));
        }
        prints
    }

    /// A value of a section that is not repeated. `None` if it is absent without a default, or faulty.
    pub(super) fn text(&self, section: &'static str, key: &str) -> Option<At<&str>> {
        self.all(section).next()?.text(key)
    }
}

impl Block {
    pub(super) fn text(&self, key: &str) -> Option<At<&str>> {
        let At { line, value: Value::Text(text) } = self.values.get(key)? else { return None };
        Some(At { line: *line, value: text })
    }

    pub(super) fn texts(&self, key: &str) -> Option<At<&[String]>> {
        let At { line, value: Value::Texts(texts) } = self.values.get(key)? else { return None };
        Some(At { line: *line, value: texts })
    }

    pub(super) fn flag(&self, key: &str) -> Option<At<bool>> {
        let At { line, value: Value::Flag(flag) } = self.values.get(key)? else { return None };
        Some(At { line: *line, value: *flag })
    }

    pub(super) fn whole(&self, key: &str) -> Option<At<u64>> {
        let At { line, value: Value::Whole(number) } = self.values.get(key)? else { return None };
        Some(At { line: *line, value: *number })
    }

    pub(super) fn milliseconds(&self, key: &str) -> Option<At<u64>> {
        let At { line, value: Value::Milliseconds(number) } = self.values.get(key)? else { return None };
        Some(At { line: *line, value: *number })
    }

    pub(super) fn points(&self, key: &str) -> Option<At<i64>> {
        let At { line, value: Value::Points(number) } = self.values.get(key)? else { return None };
        Some(At { line: *line, value: *number })
    }
}

/// Reads the text and notes every fault of form: unknown sections and keys, missing keys, values of the wrong kind.
///
/// # Errors
/// The text is not TOML: then there is this one fault and nothing else can be said.
pub(super) fn read(text: &str, faults: &mut Vec<Fault>) -> Result<Written, Fault> {
    let (document, errors) = DeTable::parse_recoverable(text);
    // What follows the first error is often only its echo.
    if let Some(error) = errors.iter().min_by_key(|error| error.span().map(|span| span.start)) {
        return Err(Fault {
            line: error.span().map(|span| line_of(text, &span)),
            what: format!("not TOML: {}", error.message()),
            remedy: "Correct this line first; the rest is checked after it.".to_owned(),
        });
    }
    let mut reader = Reader { text, faults, blocks: Vec::new() };
    for (name, value) in document.get_ref() {
        reader.section(name, value);
    }
    for section in SECTIONS.iter().filter(|section| !section.repeated) {
        if !document.get_ref().keys().any(|name| name.get_ref() == section.name) {
            reader.block(section, None, &DeTable::new());
        }
    }
    Ok(Written { blocks: reader.blocks })
}

struct Reader<'t> {
    text: &'t str,
    faults: &'t mut Vec<Fault>,
    blocks: Vec<Block>,
}

impl Reader<'_> {
    fn line(&self, span: &Range<usize>) -> Option<usize> {
        Some(line_of(self.text, span))
    }

    fn fault(&mut self, line: Option<usize>, what: String, remedy: String) {
        self.faults.push(Fault { line, what, remedy });
    }

    fn section(&mut self, name: &Spanned<std::borrow::Cow<'_, str>>, value: &Spanned<DeValue<'_>>) {
        let line = self.line(&name.span());
        let Some(section) = section(name.get_ref()) else {
            let known: Vec<_> = SECTIONS.iter().map(|section| section.name).collect();
            return self.fault(line, format!("unknown section [{}]", name.get_ref()), format!("Known sections: {}.", known.join(", ")));
        };
        match (section.repeated, value.get_ref()) {
            (false, DeValue::Table(table)) => self.block(section, line, table),
            (true, DeValue::Array(items)) if items.iter().all(|item| item.get_ref().is_table()) => {
                for item in items.iter() {
                    if let DeValue::Table(table) = item.get_ref() {
                        self.block(section, self.line(&item.span()), table);
                    }
                }
            }
            (false, _) => self.fault(line, format!("{} is a section", section.name), format!("Write [{}] once.", section.name)),
            (true, _) => self.fault(line, format!("{} is a list", section.name), format!("Write [[{}]] for each.", section.name)),
        }
    }

    fn block(&mut self, section: &'static Section, line: Option<usize>, table: &DeTable<'_>) {
        for name in table.keys() {
            if !section.keys.iter().any(|key| key.name == name.get_ref()) {
                let known: Vec<_> = section.keys.iter().map(|key| key.name).collect();
                let what = format!("unknown key {} in [{}]", name.get_ref(), section.name);
                self.fault(self.line(&name.span()), what, format!("Known keys: {}.", known.join(", ")));
            }
        }
        let mut values = BTreeMap::new();
        for key in section.keys {
            let given = table.iter().find(|(name, _)| name.get_ref() == key.name);
            let value = match (given, &key.worth) {
                (Some((name, value)), _) => self.value(section, key, self.line(&name.span()), value.get_ref()),
                (None, Worth::Default(text)) => default(key.kind, line, text),
                (None, Worth::Optional { .. }) => None,
                (None, Worth::Needed { example }) => {
                    let what = format!("{} is missing in [[{}]]", key.name, section.name);
                    self.fault(line, what, format!("Add it, such as: {} = {example}", key.name));
                    None
                }
            };
            if let Some(value) = value {
                values.insert(key.name, value);
            }
        }
        self.blocks.push(Block { section, line, values });
    }

    fn value(&mut self, section: &Section, key: &Key, line: Option<usize>, value: &DeValue<'_>) -> Option<At<Value>> {
        if let Some(value) = typed(key.kind, value) {
            return Some(At { line, value });
        }
        let wanted = match key.kind {
            Kind::Text => "a text",
            Kind::Texts => "a list of texts",
            Kind::Whole => "a whole number from 0",
            Kind::Flag => "true or false",
            Kind::Seconds => "a number of seconds from 0",
            Kind::Points => "a whole number",
        };
        let what = format!("{} in [{}] is {wanted}, not {}", key.name, section.name, found(value));
        self.fault(line, what, format!("Write it as: {} = {}", key.name, key.worth.example()));
        None
    }
}

fn found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Float(number) => number.as_str().to_owned(),
        other => format!("of type {}", other.type_str()),
    }
}

fn typed(kind: Kind, value: &DeValue<'_>) -> Option<Value> {
    match kind {
        Kind::Text => value.as_str().map(|text| Value::Text(text.to_owned())),
        Kind::Texts => {
            let items = value.as_array()?;
            items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect::<Option<_>>().map(Value::Texts)
        }
        Kind::Whole => whole(value).map(Value::Whole),
        Kind::Flag => value.as_bool().map(Value::Flag),
        Kind::Seconds => match value {
            DeValue::Float(number) => milliseconds(number.as_str()).map(Value::Milliseconds),
            other => whole(other)?.checked_mul(1000).map(Value::Milliseconds),
        },
        Kind::Points => {
            let number = value.as_integer()?;
            i64::from_str_radix(number.as_str(), number.radix()).ok().map(Value::Points)
        }
    }
}

fn whole(value: &DeValue<'_>) -> Option<u64> {
    let number = value.as_integer()?;
    u64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn milliseconds(seconds: &str) -> Option<u64> {
    let seconds: f64 = seconds.parse().ok()?;
    // A duration refuses what is negative, not a number or beyond its range.
    u64::try_from(std::time::Duration::try_from_secs_f64(seconds).ok()?.as_millis()).ok()
}

fn default(kind: Kind, line: Option<usize>, text: &str) -> Option<At<Value>> {
    let value = DeValue::parse(text).expect("the schema's defaults are TOML");
    typed(kind, value.get_ref()).map(|value| At { line, value })
}

fn line_of(text: &str, span: &Range<usize>) -> usize {
    text.as_bytes().iter().take(span.start).filter(|byte| **byte == b'\n').count() + 1
}
