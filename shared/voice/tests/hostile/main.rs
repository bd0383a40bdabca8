//! Hostile packets: the fuzz targets, fed here with valid packets that were changed by chance, so that each check runs them.

#[path = "targets/packets.rs"]
mod packets;
#[path = "targets/secure.rs"]
mod secure;

use voice::rtcp::{self, ReportBlock, SenderInfo};
use voice::rtp::Header;
use voice::srtp::{MASTER_BYTES, MAX_TAG_BYTES, MasterKey, SrtcpReceiver, SrtcpSender, SrtpReceiver, SrtpSender, Suite};

const ROUNDS: usize = 20_000;

fn voice_packet(random: &mut fastrand::Rng) -> Vec<u8> {
    let header = Header {
        marker: random.bool(),
        payload_type: random.u8(..128),
        sequence: random.u16(..),
        timestamp: random.u32(..),
        ssrc: random.u32(..3),
    };
    let mut packet = vec![0; 12];
    header.write(&mut packet).expect("room for it");
    packet.extend((0..random.usize(..200)).map(|_| random.u8(..)));
    packet
}

fn report(random: &mut fastrand::Rng) -> Vec<u8> {
    let mut numbers = || random.u32(..);
    let sender = SenderInfo { ntp: u64::from(numbers()) << 20, timestamp: numbers(), packets: numbers(), payload_bytes: numbers() };
    let block = ReportBlock {
        ssrc: numbers(),
        fraction_lost: numbers() as u8,
        lost: numbers().cast_signed(),
        highest: numbers(),
        jitter: numbers(),
        last_report: numbers(),
        since_report: numbers(),
    };
    let mut packet = vec![0; 128];
    let length = rtcp::write(&mut packet, numbers(), Some(&sender), Some(&block), "somebody").expect("room for it");
    packet.truncate(length);
    packet
}

/// Flips, cuts, puts in.
fn change(random: &mut fastrand::Rng, packet: &mut Vec<u8>) {
    for _ in 0..random.usize(1..4) {
        let place = random.usize(..packet.len().max(1));
        match random.u8(..4) {
            0 => packet.truncate(place),
            1 => packet.insert(place.min(packet.len()), random.u8(..)),
            _ => {
                if let Some(byte) = packet.get_mut(place) {
                    *byte ^= 1 << random.u8(..8);
                }
            }
        }
    }
}

#[test]
fn changed_packets_and_reports_neither_panic_nor_lie_about_their_length() {
    let mut random = fastrand::Rng::with_seed(35);
    for _ in 0..ROUNDS {
        let mut packet = if random.bool() { voice_packet(&mut random) } else { report(&mut random) };
        change(&mut random, &mut packet);
        packets::target(&packet);
        let mut stream = Vec::new();
        for _ in 0..random.usize(1..5) {
            let packet = voice_packet(&mut random);
            stream.push(packet.len() as u8);
            stream.extend(packet);
        }
        packets::target(&stream);
    }
}

#[test]
fn no_changed_protected_packet_is_ever_opened() {
    let mut random = fastrand::Rng::with_seed(36);
    let master = MasterKey([7; MASTER_BYTES]);
    for round in 0..ROUNDS {
        let suite = if round % 2 == 0 { Suite::AesCm128HmacSha1 } else { Suite::Aes128Gcm };
        let control = random.bool();
        let mut packet = if control { report(&mut random) } else { voice_packet(&mut random) };
        let length = packet.len();
        packet.resize(length + MAX_TAG_BYTES + 4, 0);
        let protected = if control {
            SrtcpSender::new(suite, &master).protect(&mut packet, length)
        } else {
            SrtpSender::with_suite(suite, &master).protect(&mut packet, length)
        };
        packet.truncate(protected.expect("room for it"));
        let genuine = packet.clone();
        change(&mut random, &mut packet);
        secure::target(&packet);
        let open = |packet: &mut [u8]| {
            if control {
                SrtcpReceiver::new(suite, &master).unprotect(packet)
            } else {
                SrtpReceiver::with_suite(suite, &master).unprotect(packet)
            }
        };
        assert_eq!(open(&mut packet.clone()).is_ok(), packet == genuine, "round {round}");
        assert!(open(&mut genuine.clone()).is_ok());
    }
}

/// The corpus of the fuzz targets, without libFuzzer: what it once found stays found.
#[test]
fn the_corpus_of_the_fuzz_targets() {
    for (name, target) in [("voice_packets", packets::target as fn(&[u8])), ("voice_secure", secure::target)] {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus").join(name);
        let mut count = 0;
        for file in std::fs::read_dir(&folder).expect("the corpus is there") {
            let path = file.expect("an entry").path();
            let data = std::fs::read(&path).expect("it can be read");
            assert!(std::panic::catch_unwind(|| target(&data)).is_ok(), "{}", path.display());
            count += 1;
        }
        assert!(count >= 5, "only {count} files in {}", folder.display());
    }
}
