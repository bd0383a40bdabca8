//! USB headsets by their buttons and lights: finds them (hidraw of Linux), passes presses on and shows what the desk shows. Not their
//! sound, which is `audio`. A computer without such a device, or without the right to open it, has just no buttons.

use desktop_core::{Headset, HeadsetButton, HeadsetLights};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc;

/// How often new devices are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// Changes of the lights that may wait; a device that hangs loses the others.
const QUEUE_LIGHTS: usize = 16;
/// Longest report of a USB device, in bytes.
const REPORT_BYTES: usize = 64;

/// The way to the devices' lights. Dropping it ends the search.
#[derive(Debug)]
pub(crate) struct Headsets {
    lights: SyncSender<HeadsetLights>,
    shown: HeadsetLights,
}

impl Headsets {
    /// Begins to look for devices; presses go to `buttons`. `None` where the system has no such devices.
    pub(crate) fn start(buttons: mpsc::Sender<HeadsetButton>) -> Option<Self> {
        Self::start_at(Path::new("/sys/class/hidraw"), Path::new("/dev"), buttons)
    }

    fn start_at(classes: &Path, devices: &Path, buttons: mpsc::Sender<HeadsetButton>) -> Option<Self> {
        let search = Search {
            classes: classes.to_owned(),
            devices: devices.to_owned(),
            buttons,
            open: BTreeMap::new(),
            passed_over: BTreeSet::new(),
            lights: HeadsetLights::default(),
        };
        if !classes.exists() {
            return None;
        }
        let (lights, told) = sync_channel(QUEUE_LIGHTS);
        std::thread::Builder::new().name("headsets".to_owned()).spawn(move || search.run(&told)).ok()?;
        Some(Self { lights, shown: HeadsetLights::default() })
    }

    /// Makes the lights show this.
    pub(crate) fn show(&mut self, lights: HeadsetLights) {
        if self.shown != lights && self.lights.try_send(lights).is_ok() {
            self.shown = lights;
        }
    }
}

struct Search {
    classes: PathBuf,
    devices: PathBuf,
    buttons: mpsc::Sender<HeadsetButton>,
    open: BTreeMap<String, Device>,
    /// No headsets, or not ours to open; looked at once.
    passed_over: BTreeSet<String>,
    lights: HeadsetLights,
}

struct Device {
    headset: Headset,
    file: File,
    reader: JoinHandle<()>,
}

impl Search {
    fn run(mut self, told: &Receiver<HeadsetLights>) {
        loop {
            self.look();
            match told.recv_timeout(LOOK_EVERY) {
                Ok(lights) => {
                    self.lights = lights;
                    self.open.values_mut().for_each(|device| device.show(lights));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn look(&mut self) {
        // One that was pulled out and put in again has a new reader and may have a new name.
        self.open.retain(|_, device| !device.reader.is_finished());
        let entries = std::fs::read_dir(&self.classes).into_iter().flatten().filter_map(Result::ok);
        let names: BTreeSet<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        self.passed_over.retain(|name| names.contains(name));
        for name in names {
            if self.open.contains_key(&name) || self.passed_over.contains(&name) {
                continue;
            }
            match self.device(&name) {
                Some(mut device) => {
                    tracing::info!(name, "a headset with telephone buttons");
                    device.show(self.lights);
                    self.open.insert(name, device);
                }
                None => _ = self.passed_over.insert(name),
            }
        }
    }

    fn device(&self, name: &str) -> Option<Device> {
        let descriptor = std::fs::read(self.classes.join(name).join("device/report_descriptor")).ok()?;
        let headset = Headset::read(&descriptor)?;
        let file = File::options().read(true).write(true).open(self.devices.join(name));
        let file = file.inspect_err(|error| tracing::warn!(%error, name, "a headset's buttons may not be used")).ok()?;
        let (mut reading, mut read, buttons) = (file.try_clone().ok()?, headset.clone(), self.buttons.clone());
        let work = move || {
            let mut report = [0; REPORT_BYTES];
            // Pulled out, it gives an error.
            while let Some(length) = reading.read(&mut report).ok().filter(|length| *length > 0) {
                for button in read.report(&report[..length]) {
                    if buttons.blocking_send(button).is_err() {
                        return;
                    }
                }
            }
        };
        let reader = std::thread::Builder::new().name("headset".to_owned()).spawn(work).ok()?;
        Some(Device { headset, file, reader })
    }
}

impl Device {
    fn show(&mut self, lights: HeadsetLights) {
        for report in self.headset.show(lights) {
            if let Err(error) = self.file.write_all(&report) {
                tracing::debug!(%error, "a headset's light was not set");
            }
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::Headsets;
    use desktop_core::HeadsetButton;
    use std::io::Write;
    use std::process::Command;
    use std::time::Duration;
    use tokio::sync::mpsc;

    /// Hook and mute as bits 0 and 1 of a report without a number.
    const DESCRIPTOR: &[u8] = &[0x05, 0x0B, 0x09, 0x20, 0x09, 0x2F, 0x75, 0x01, 0x95, 0x02, 0x81, 0x02, 0x95, 0x06, 0x81, 0x03];

    #[tokio::test]
    async fn a_press_at_a_device_that_is_there_comes_through_and_no_device_is_no_error() {
        let folder = std::env::temp_dir().join(format!("hotline-headset-{}", std::process::id()));
        let (classes, devices) = (folder.join("class"), folder.join("dev"));
        let (sender, mut presses) = mpsc::channel(8);
        assert!(Headsets::start_at(&classes, &devices, sender.clone()).is_none(), "a system without such devices");
        for (name, descriptor) in [("hidraw0", &[0x05, 0x01, 0x09, 0x06][..]), ("hidraw1", DESCRIPTOR), ("hidraw2", DESCRIPTOR)] {
            std::fs::create_dir_all(classes.join(name).join("device")).expect("writable");
            std::fs::write(classes.join(name).join("device/report_descriptor"), descriptor).expect("writable");
        }
        std::fs::create_dir_all(&devices).expect("writable");
        let pipe = devices.join("hidraw2");
        assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
        let headsets = Headsets::start_at(&classes, &devices, sender).expect("a search");
        let mut device = std::fs::File::options().read(true).write(true).open(&pipe).expect("a pipe");
        // A keyboard and a device that cannot be opened are passed over.
        device.write_all(&[0b01]).expect("a pipe");
        let pressed = tokio::time::timeout(Duration::from_secs(20), presses.recv()).await;
        assert_eq!(pressed.expect("in time"), Some(HeadsetButton::OffHook));
        drop(headsets);
        let _ = std::fs::remove_dir_all(folder);
    }
}
