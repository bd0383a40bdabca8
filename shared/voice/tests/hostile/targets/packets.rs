//! Anything as an RTP packet, a report, a telephone event and a payload: nothing panics, and what is read lies within what came.

use voice::dtmf::DtmfDetector;
use voice::jitter::JitterBuffer;
use voice::rtcp::{self, Item, ReceptionStatistics};
use voice::rtp::{Header, Packet, ReceiveStatistics, SequenceExtender};
use voice::telephone_event::{Event, KeyReader};

/// The bytes as they are, and cut into packets: a length byte before each, so that streams are found too.
pub(crate) fn target(data: &[u8]) {
    one(data);
    let (mut rest, mut now_us) = (data, 0);
    let (mut buffer, mut statistics, mut keys, mut tones) =
        (JitterBuffer::new(), ReceiveStatistics::default(), KeyReader::default(), DtmfDetector::default());
    let mut extender = SequenceExtender::default();
    while let Some((length, behind)) = rest.split_first() {
        let (packet, after) = behind.split_at(behind.len().min(usize::from(*length)));
        rest = after;
        now_us += 7_000 * u64::from(*length);
        if let Ok(Packet { header, payload }) = Packet::read(packet) {
            extender.extend(header.sequence);
            statistics.note(now_us, &header);
            buffer.insert_payload(now_us, &header, payload);
            keys.read(header.ssrc, header.timestamp, payload);
            tones.hear(&buffer.pull(now_us));
            assert!(statistics.lost() <= statistics.expected());
        }
    }
}

fn one(data: &[u8]) {
    if let Ok((_, start)) = Header::read(data) {
        assert!(start <= data.len());
    }
    if let Ok(packet) = Packet::read(data) {
        assert!(packet.payload.len() <= data.len());
    }
    let mut statistics = ReceptionStatistics::new(8);
    if let Ok(items) = rtcp::read(data) {
        for item in items {
            if let Item::Report(report) = item {
                statistics.note_report(1_000_000, report.ssrc, &report);
                assert!(report.blocks().count() <= 31);
            }
        }
    }
    assert!(statistics.round_trip_us().is_none_or(|us| us <= 11_000_000));
    if let Some(event) = Event::read(data) {
        assert_eq!(event.write()[0], data[0]);
    }
}
