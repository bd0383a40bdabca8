//! Buttons and lights of a USB headset: reads its report descriptor (HID 1.11 section 6.2.2), its reports, and writes those that set its
//! lights (HID Usage Tables, telephony page 0x0B and LED page 0x08). Pure: bytes in, bytes out.
//!
//! Not here: what a button does; the session knows what is possible.

use std::collections::BTreeMap;

/// Longest descriptor that is read, in bytes.
const MOST_BYTES: usize = 4_096;
/// Most fields of one device; a descriptor that names more is refused.
const MOST_FIELDS: usize = 512;
/// Longest report, in bits.
const MOST_BITS: usize = 8 * 1_024;

const HOOK: u32 = 0x000B_0020;
const FLASH: u32 = 0x000B_0021;
const DROP: u32 = 0x000B_0026;
const PHONE_MUTE: u32 = 0x000B_002F;
const LIGHT_MUTE: u32 = 0x0008_0009;
const LIGHT_OFF_HOOK: u32 = 0x0008_0017;
const LIGHT_RING: u32 = 0x0008_0018;
const LIGHT_MICROPHONE: u32 = 0x0008_0021;

/// What was done at the headset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadsetButton {
    /// The receiver was taken off its hook.
    OffHook,
    /// It was hung up.
    OnHook,
    /// The mute button was pressed.
    Mute,
    /// The button for a second call was pressed.
    Flash,
    /// A call was refused.
    Drop,
}

/// What its lights show. A headset that is told nothing takes a call for ended and answers its buttons wrongly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HeadsetLights {
    /// It rings.
    pub ring: bool,
    /// There is a talk.
    pub off_hook: bool,
    /// The microphone is silent.
    pub mute: bool,
}

/// One bit or number within a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Field {
    report: u8,
    bit: usize,
    usage: u32,
}

/// A headset as its descriptor describes it, and what its buttons were when it last told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headset {
    inputs: Vec<Field>,
    outputs: Vec<Field>,
    /// Bits of each output report.
    lengths: BTreeMap<u8, usize>,
    /// Each report begins with its number.
    numbered: bool,
    held: BTreeMap<u32, bool>,
}

/// What the items of a descriptor have said so far.
#[derive(Debug, Clone, Default)]
struct Said {
    page: u32,
    size: usize,
    count: usize,
    report: u8,
}

impl Headset {
    /// Reads a descriptor; `None` if it is damaged, or of something without telephone buttons.
    #[must_use]
    pub fn read(descriptor: &[u8]) -> Option<Self> {
        let descriptor = descriptor.get(..descriptor.len().min(MOST_BYTES))?;
        let mut this = Self { inputs: Vec::new(), outputs: Vec::new(), lengths: BTreeMap::new(), numbered: false, held: BTreeMap::new() };
        let mut inputs = BTreeMap::new();
        let (mut said, mut stack, mut usages, mut range) = (Said::default(), Vec::new(), Vec::new(), None);
        let mut rest = descriptor;
        while let Some((&prefix, after)) = rest.split_first() {
            let (value, next) = item(prefix, after)?;
            rest = next;
            match prefix & 0xFC {
                0x04 => said.page = value,
                0x74 => said.size = value as usize,
                0x94 => said.count = value as usize,
                0x84 => (said.report, this.numbered) = (u8::try_from(value).ok()?, true),
                0xA4 => stack.push(said.clone()),
                0xB4 => said = stack.pop()?,
                // A usage of four bytes brings its page along.
                0x08 if usages.len() < MOST_FIELDS => usages.push(if prefix & 3 == 3 { value } else { said.page << 16 | value }),
                0x18 => range = Some(value),
                0x28 => {
                    let first = range.take()?;
                    let all = (first..=value).take(MOST_FIELDS).map(|usage| said.page << 16 | usage);
                    usages.extend(all);
                }
                main @ (0x80 | 0x90 | 0xB0 | 0xA0 | 0xC0) => {
                    match main {
                        0x80 => place(&said, value, &usages, &mut inputs, &mut this.inputs)?,
                        0x90 => place(&said, value, &usages, &mut this.lengths, &mut this.outputs)?,
                        _ => {}
                    }
                    // What was said of usages is said of one main item only.
                    usages.clear();
                    range = None;
                }
                _ => {}
            }
        }
        let has_buttons = this.inputs.iter().any(|field| matches!(field.usage, HOOK | PHONE_MUTE));
        has_buttons.then_some(this)
    }

    /// What a report tells that the one before has not.
    pub fn report(&mut self, bytes: &[u8]) -> Vec<HeadsetButton> {
        let (report, data) = match (self.numbered, bytes.split_first()) {
            (true, Some((number, data))) => (*number, data),
            (false, _) => (0, bytes),
            (true, None) => return Vec::new(),
        };
        let mut buttons = Vec::new();
        for field in self.inputs.iter().filter(|field| field.report == report) {
            let Some(byte) = data.get(field.bit / 8) else { continue };
            let now = byte >> (field.bit % 8) & 1 == 1;
            let before = self.held.insert(field.usage, now).unwrap_or(false);
            buttons.extend(meaning(field.usage, before, now));
        }
        buttons
    }

    /// The reports that make its lights show this, each to be written as it is.
    #[must_use]
    pub fn show(&self, lights: HeadsetLights) -> Vec<Vec<u8>> {
        let ours = |field: &&Field| matches!(field.usage, LIGHT_MUTE | LIGHT_OFF_HOOK | LIGHT_RING | LIGHT_MICROPHONE);
        let mut reports: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
        for field in self.outputs.iter().filter(ours) {
            let bits = self.lengths.get(&field.report).copied().unwrap_or(0);
            let report = reports.entry(field.report).or_insert_with(|| {
                let mut report = vec![0; 1 + bits.div_ceil(8)];
                report[0] = field.report;
                report
            });
            let on = match field.usage {
                LIGHT_OFF_HOOK => lights.off_hook,
                LIGHT_RING => lights.ring,
                _ => lights.mute,
            };
            if let Some(byte) = report.get_mut(1 + field.bit / 8).filter(|_| on) {
                *byte |= 1 << (field.bit % 8);
            }
        }
        reports.into_values().collect()
    }
}

/// The value of an item and what follows it; long items are passed over.
fn item(prefix: u8, after: &[u8]) -> Option<(u32, &[u8])> {
    if prefix == 0xFE {
        let (&length, after) = after.split_first()?;
        return Some((0, after.get(1 + usize::from(length)..)?));
    }
    let length = [0, 1, 2, 4][usize::from(prefix & 3)];
    let (value, rest) = after.split_at_checked(length)?;
    Some((value.iter().rev().fold(0, |sum, &byte| sum << 8 | u32::from(byte)), rest))
}

/// Gives each variable of a main item its place in its report.
fn place(said: &Said, flags: u32, usages: &[u32], lengths: &mut BTreeMap<u8, usize>, fields: &mut Vec<Field>) -> Option<()> {
    let begin = lengths.entry(said.report).or_insert(0);
    let bits = said.size.checked_mul(said.count).filter(|bits| *begin + bits <= MOST_BITS)?;
    let (is_constant, is_variable) = (flags & 1 == 1, flags & 2 == 2);
    if !is_constant && is_variable {
        for place in 0..said.count.min(MOST_FIELDS) {
            // The last usage holds for all that remain.
            let Some(&usage) = usages.get(place).or(usages.last()) else { break };
            if fields.len() >= MOST_FIELDS {
                return None;
            }
            fields.push(Field { report: said.report, bit: *begin + place * said.size, usage });
        }
    }
    *begin += bits;
    Some(())
}

fn meaning(usage: u32, before: bool, now: bool) -> Option<HeadsetButton> {
    match (usage, before, now) {
        (HOOK, false, true) => Some(HeadsetButton::OffHook),
        (HOOK, true, false) => Some(HeadsetButton::OnHook),
        (PHONE_MUTE, false, true) => Some(HeadsetButton::Mute),
        (FLASH, false, true) => Some(HeadsetButton::Flash),
        (DROP, false, true) => Some(HeadsetButton::Drop),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Headset, HeadsetButton, HeadsetLights};

    /// The telephony collection of a Plantronics Blackwire 3220 (047f:c056), as users have dumped it: mute, then hook and flash, in
    /// report 8; each light in a report of its own.
    const BLACKWIRE: &[u8] = &[
        0x05, 0x0B, 0x09, 0x05, 0xA1, 0x01, 0x85, 0x08, 0x09, 0x2F, 0x15, 0x00, 0x25, 0x01, 0x75, 0x01, 0x95, 0x01, 0x81, 0x06, 0x09, 0x20,
        0x09, 0x21, 0x15, 0x00, 0x25, 0x01, 0x75, 0x01, 0x95, 0x02, 0x81, 0x22, 0x95, 0x0D, 0x81, 0x01, 0x85, 0x09, 0x05, 0x08, 0x09, 0x09,
        0x75, 0x01, 0x95, 0x01, 0x91, 0x22, 0x95, 0x07, 0x91, 0x01, 0x85, 0x17, 0x09, 0x17, 0x95, 0x01, 0x91, 0x22, 0x95, 0x07, 0x91, 0x01,
        0x85, 0x18, 0x09, 0x18, 0x95, 0x01, 0x91, 0x22, 0x95, 0x07, 0x91, 0x01, 0xC0,
    ];

    /// Hook and mute as bits 0 and 1 of report 2, beside volume keys on a page of their own: the usual order of a Jabra.
    const TWO_PAGES: &[u8] = &[
        0x05, 0x0C, 0x09, 0x01, 0xA1, 0x01, 0x85, 0x01, 0x15, 0x00, 0x25, 0x01, 0x09, 0xE9, 0x09, 0xEA, 0x75, 0x01, 0x95, 0x02, 0x81, 0x02,
        0x95, 0x06, 0x81, 0x03, 0xC0, 0x05, 0x0B, 0x09, 0x05, 0xA1, 0x01, 0x85, 0x02, 0x09, 0x20, 0x95, 0x01, 0x81, 0x22, 0x09, 0x2F, 0x81,
        0x06, 0x95, 0x0E, 0x81, 0x01, 0x05, 0x08, 0x09, 0x17, 0x09, 0x09, 0x09, 0x18, 0x95, 0x03, 0x91, 0x22, 0x95, 0x0D, 0x91, 0x01, 0xC0,
    ];

    #[test]
    fn recorded_presses_of_two_makes_are_understood() {
        let mut headset = Headset::read(BLACKWIRE).expect("telephone buttons");
        assert_eq!(headset.report(&[8, 0b010, 0]), [HeadsetButton::OffHook]);
        assert_eq!(headset.report(&[8, 0b011, 0]), [HeadsetButton::Mute]);
        // The mute button tells its release too; it is no second press.
        assert_eq!(headset.report(&[8, 0b010, 0]), []);
        assert_eq!(headset.report(&[8, 0b000, 0]), [HeadsetButton::OnHook]);
        assert_eq!(headset.report(&[1, 0xFF]), [], "the volume keys");
        let mut headset = Headset::read(TWO_PAGES).expect("telephone buttons");
        // One press of an Engage 50 that nobody answers with its light: on, and off by itself two seconds later.
        assert_eq!(headset.report(&[2, 1, 0]), [HeadsetButton::OffHook]);
        assert_eq!(headset.report(&[2, 0, 0]), [HeadsetButton::OnHook]);
    }

    #[test]
    fn lights_are_written_where_the_descriptor_wants_them() {
        let talking = HeadsetLights { off_hook: true, ..HeadsetLights::default() };
        let headset = Headset::read(BLACKWIRE).expect("telephone buttons");
        assert_eq!(headset.show(talking), [vec![0x09, 0], vec![0x17, 1], vec![0x18, 0]]);
        let headset = Headset::read(TWO_PAGES).expect("telephone buttons");
        assert_eq!(headset.show(talking), [vec![2, 0b001, 0]]);
        let muted = HeadsetLights { mute: true, ring: true, ..talking };
        assert_eq!(headset.show(muted), [vec![2, 0b111, 0]]);
    }

    #[test]
    fn a_device_without_telephone_buttons_is_none_and_damage_harms_nobody() {
        let keyboard = [0x05, 0x01, 0x09, 0x06, 0xA1, 0x01, 0x05, 0x07, 0x19, 0xE0, 0x29, 0xE7, 0x75, 0x01, 0x95, 0x08, 0x81, 0x02, 0xC0];
        assert_eq!(Headset::read(&keyboard), None);
        assert_eq!(Headset::read(&[]), None);
        for end in 0..BLACKWIRE.len() {
            let _ = Headset::read(&BLACKWIRE[..end]);
        }
        for at in 0..BLACKWIRE.len() {
            for bit in 0..8 {
                let mut damaged = BLACKWIRE.to_vec();
                damaged[at] ^= 1 << bit;
                if let Some(mut headset) = Headset::read(&damaged) {
                    headset.report(&[8]);
                    headset.report(&[]);
                    headset.report(&[0xFF; 64]);
                    let _ = headset.show(HeadsetLights { ring: true, off_hook: true, mute: true });
                }
            }
        }
        let huge = [0x05, 0x0B, 0x09, 0x20, 0x75, 0x20, 0x97, 0xFF, 0xFF, 0xFF, 0xFF, 0x81, 0x02];
        assert_eq!(Headset::read(&huge), None, "a report of gigabytes");
    }
}
