//! The desktop's voice path: microphone, line and loudspeaker on a thread of their own, which goes on while the window is busy or the
//! connection to the server is down.
//!
//! Not here: when to talk; the session says so. The window gets a [`VoiceStatus`] at most ten times a second.

mod clean;
mod device;
mod file;
mod keeper;
mod line;
mod resample;
mod sound;
mod tone;
mod trial;
mod tunnel;
mod urgent;
mod worker;

pub(crate) use sound::{LoudspeakerChoice, MicrophoneChoice, SoundChoice, SoundError};
pub(crate) use tunnel::{PacketReceiver, PacketSender, WAITING_PACKETS};

use desktop_core::{VoiceCommand, VoiceStatus};
use sound::{Loudspeaker, Microphone, Nothing};
use std::sync::mpsc;
use std::thread::JoinHandle;
use tokio::sync::watch;

/// Orders that may wait for the voice thread, which looks at least each 20 ms.
const QUEUE_ORDERS: usize = 64;

/// To the voice thread.
#[derive(Debug)]
pub(crate) enum Order {
    /// Of the session.
    Voice(VoiceCommand),
    /// Through which connection packets may go when UDP does not get through.
    Tunnel(Option<PacketSender>),
    /// The bell.
    Ring(bool),
    /// One short sound.
    Alert,
}

/// The voice path of one client. Dropping it closes the line and the files.
pub(crate) struct Voice {
    orders: Option<mpsc::SyncSender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Voice {
    /// Opens the chosen files and begins the voice thread; sound devices are looked at with the first line. `packets` come from connections.
    ///
    /// # Errors
    /// [`SoundError`] if a chosen file cannot be used.
    pub(crate) fn start(choice: &SoundChoice, packets: PacketReceiver, status: watch::Sender<VoiceStatus>) -> Result<Self, SoundError> {
        let microphone = microphone(&choice.microphone)?;
        let loudspeaker = loudspeaker(&choice.loudspeaker)?;
        let (orders, inbox) = mpsc::sync_channel(QUEUE_ORDERS);
        let work = move || worker::run(inbox, packets, microphone, loudspeaker, status);
        let thread = std::thread::Builder::new().name("voice".to_owned()).spawn(work);
        let thread = thread.inspect_err(|error| tracing::error!(%error, "there is no voice: its thread could not begin")).ok();
        Ok(Self { orders: Some(orders), thread })
    }

    /// Gives one order. Never waits.
    pub(crate) fn order(&self, order: Order) {
        if let Some(orders) = &self.orders
            && orders.try_send(order).is_err()
        {
            tracing::error!("the voice thread takes no orders");
        }
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        self.orders = None;
        // It ends within a tick: it never waits for a device.
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the voice thread had ended by a fault");
        }
    }
}

fn microphone(choice: &MicrophoneChoice) -> Result<Box<dyn Microphone>, SoundError> {
    Ok(match choice {
        MicrophoneChoice::Device(name) => Box::new(device::DeviceMicrophone::new(name.clone())),
        MicrophoneChoice::File { path, looped } => Box::new(file::FileMicrophone::open(path, *looped)?),
        MicrophoneChoice::Nothing => Box::new(Nothing),
    })
}

fn loudspeaker(choice: &LoudspeakerChoice) -> Result<Box<dyn Loudspeaker>, SoundError> {
    Ok(match choice {
        LoudspeakerChoice::Device(name) => Box::new(device::DeviceLoudspeaker::new(name.clone())),
        LoudspeakerChoice::File(path) => Box::new(file::FileLoudspeaker::create(path)?),
        LoudspeakerChoice::Nothing => Box::new(Nothing),
    })
}

#[cfg(test)]
mod tests;
