//! Tests of the jitter buffer: packets with delays, disorder and loss; what is heard.

use super::ring::Ticks;
use super::*;
use crate::level::rms_dbfs;

const PACKETS: u32 = 500;

fn header(number: u32) -> Header {
    Header {
        marker: false,
        payload_type: 8,
        sequence: 65_400_u16.wrapping_add(number as u16),
        timestamp: 0xFFFF_0000_u32.wrapping_add(160 * number),
        ssrc: 9,
    }
}

/// A tone of 200 Hz: any frame of it continues the one before.
fn tone(number: u32) -> [i16; 160] {
    std::array::from_fn(|n| {
        let n = f64::from(160 * number) + n as f64;
        (8_000.0 * (std::f64::consts::TAU * n / 40.0).sin()) as i16
    })
}

/// Sends one packet each 20 ms with the given delay in ms (`None`: lost) and pulls all the time; gives what was heard.
fn run(buffer: &mut JitterBuffer, packets: u32, delay_ms: impl Fn(u32) -> Option<u64>) -> Vec<i16> {
    run_signal(buffer, packets, delay_ms, tone)
}

fn run_signal(buffer: &mut JitterBuffer, packets: u32, delay_ms: impl Fn(u32) -> Option<u64>, signal: fn(u32) -> [i16; 160]) -> Vec<i16> {
    let mut arrivals: Vec<(u64, u32)> =
        (0..packets).filter_map(|number| Some((u64::from(number) * 20_000 + delay_ms(number)? * 1_000 + 7_000, number))).collect();
    arrivals.sort_unstable();
    let mut arrivals = arrivals.into_iter().peekable();
    let mut heard = Vec::new();
    for pull in 0..u64::from(packets) + 10 {
        let now = pull * 20_000;
        while let Some((arrival, number)) = arrivals.next_if(|(arrival, _)| *arrival <= now) {
            buffer.insert(arrival, &header(number), &signal(number));
        }
        heard.extend(buffer.pull(now));
    }
    heard
}

/// Where the tone begins, in samples.
fn onset(heard: &[i16]) -> usize {
    heard.iter().position(|sample| sample.unsigned_abs() > 1_000).expect("something was heard")
}

#[test]
fn a_steady_stream_is_heard_unchanged_after_the_target_delay() {
    let mut buffer = JitterBuffer::new();
    let heard = run(&mut buffer, PACKETS, |_| Some(0));
    let sent: Vec<i16> = (0..PACKETS).flat_map(tone).collect();
    let start = 3 * FRAME_SAMPLES;
    assert!(heard[start..start + sent.len()] == sent);
    assert_eq!((buffer.stats().late, buffer.stats().lost, buffer.stats().concealed_samples), (0, 0, 0));
    assert_eq!(buffer.stats().delay_ms, 53);
    assert!(heard[..start].iter().all(|sample| *sample == 0));
}

#[test]
fn jitter_and_disorder_below_the_target_are_not_heard() {
    let mut buffer = JitterBuffer::new();
    let heard = run(&mut buffer, PACKETS, |number| Some([0, 39, 5, 30][number as usize % 4]));
    let sent: Vec<i16> = (0..PACKETS).flat_map(tone).collect();
    let start = 3 * FRAME_SAMPLES;
    assert!(heard[start..start + sent.len()] == sent);
    assert!(buffer.stats().jitter_us > 15_000);
}

#[test]
fn a_lost_packet_is_concealed_by_what_was_heard_before() {
    let mut buffer = JitterBuffer::new();
    let heard = run(&mut buffer, PACKETS, |number| (number % 20 != 10).then_some(0));
    let start = onset(&heard);
    for frame in heard[start..start + 160 * 480].chunks(160) {
        let level = rms_dbfs(frame);
        assert!((-18.5..-14.0).contains(&level), "{level}");
    }
    assert_eq!(buffer.stats().lost, u64::from(PACKETS / 20));
    assert_eq!(buffer.stats().concealed_samples, 160 * u64::from(PACKETS / 20));
}

#[test]
fn a_single_straggler_costs_only_its_own_gap() {
    let mut buffer = JitterBuffer::new();
    run(&mut buffer, PACKETS, |number| Some(if number == 100 { 110 } else { 0 }));
    assert_eq!((buffer.stats().late, buffer.stats().concealed_samples), (1, 160));
}

#[test]
fn packets_that_become_late_are_waited_for_longer() {
    let mut buffer = JitterBuffer::new();
    let heard = run(&mut buffer, PACKETS, |number| Some(if number < 100 { 0 } else { 60 }));
    let stats = buffer.stats();
    assert!((1..=2).contains(&stats.late), "{stats:?}");
    let calm = &heard[160 * 120..160 * 480];
    let sent: Vec<i16> = tone(0).into_iter().cycle().take(calm.len()).collect();
    let found = crate::correlate::find(&sent[..8_000], calm).expect("the tone");
    assert!(found.correlation > 0.999, "{found:?}");
}

#[test]
fn the_delay_stays_below_its_limit_however_late_packets_come() {
    let mut buffer = JitterBuffer::new();
    run(&mut buffer, PACKETS, |number| Some(u64::from(number * 37 % 260)));
    assert_eq!(buffer.stats().target_ms, MOST_MS);
    assert!(buffer.stats().late > 50);
}

#[test]
fn a_delay_that_is_no_longer_needed_shrinks_in_quiet_moments() {
    let delayed_at_first = |number| Some(if number < 300 && number % 10 == 3 { 100 } else { 0 });
    let delay_after = |packets| {
        let mut buffer = JitterBuffer::new();
        run_signal(&mut buffer, packets, delayed_at_first, |_| [8; 160]);
        (buffer.stats().delay_ms, buffer.stats().late)
    };
    let ((before, late_before), (after, late_after)) = (delay_after(300), delay_after(6_000));
    assert!((80..=140).contains(&before), "{before}");
    assert!((LEAST_MS..=LEAST_MS + 50).contains(&after), "{after}");
    assert_eq!(late_after, late_before);
}

#[test]
fn a_pause_or_another_source_begins_a_new_spurt() {
    let mut buffer = JitterBuffer::new();
    run(&mut buffer, 50, |_| Some(0));
    for _ in 0..50 {
        buffer.pull(2_000_000);
    }
    assert!(buffer.spurt.is_none());
    buffer.insert(3_000_000, &Header { timestamp: 5, sequence: 9, ..header(0) }, &tone(0));
    assert_eq!(buffer.spurt.map(|spurt| spurt.end), Some((1 << 32) | 165));
    buffer.insert(3_000_000, &Header { ssrc: 10, timestamp: 700, ..header(0) }, &tone(0));
    assert_eq!(buffer.spurt.map(|spurt| (spurt.ssrc, spurt.end)), Some((10, (1 << 32) | 860)));
}

#[test]
fn packets_of_ten_and_sixty_milliseconds_are_heard_alike() {
    for length in [80_usize, 480] {
        let mut buffer = JitterBuffer::new();
        let sent: Vec<i16> = (0..60).flat_map(tone).collect();
        let mut heard = Vec::new();
        for pull in 0..66_u64 {
            for (number, piece) in (0_u64..).zip(sent.chunks(length)) {
                let arrival = number * length as u64 * 125;
                if arrival / 20_000 == pull {
                    let place = number as u32 * length as u32;
                    let header = Header { sequence: number as u16, timestamp: place, ..header(0) };
                    buffer.insert(arrival, &header, piece);
                }
            }
            heard.extend(buffer.pull((pull + 1) * 20_000));
        }
        let start = onset(&heard) - onset(&sent);
        assert!(heard[start..start + sent.len()] == sent, "packets of {length} samples");
    }
}

/// Steady at first, then with each packet up to `jitter_ms` later, by chance.
fn shaken(buffer: &mut JitterBuffer, packets: u32, jitter_ms: u64) -> Vec<i16> {
    let delays: Vec<u64> = {
        let mut random = fastrand::Rng::with_seed(16);
        (0..packets).map(|_| random.u64(..=jitter_ms)).collect()
    };
    run(buffer, packets, |number| Some(if number < 100 { 0 } else { delays[number as usize] }))
}

#[test]
fn a_line_that_begins_to_shake_is_waited_for_without_a_click() {
    let mut buffer = JitterBuffer::new();
    let heard = shaken(&mut buffer, 2_000, 90);
    let stats = buffer.stats();
    assert!((80..=110).contains(&stats.target_ms), "{stats:?}");
    assert!(stats.late < 20 && stats.lengthened_samples > 200 && stats.lost == 0, "{stats:?}");
    let steps = heard.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs());
    let natural = (8_000.0 * std::f64::consts::TAU / 40.0) as i32;
    assert!(steps.max().is_some_and(|step| step < natural * 3 / 2));
}

#[test]
fn a_voice_is_shortened_by_pitch_periods_when_the_line_calms_down() {
    let mut buffer = JitterBuffer::new();
    run(&mut buffer, 2_500, |number| Some(if number < 300 { u64::from(number % 5) * 30 } else { 0 }));
    let stats = buffer.stats();
    assert!(stats.shortened_samples >= 480 && stats.target_ms == LEAST_MS && stats.delay_ms < 70, "{stats:?}");
    assert_eq!(stats.shortened_samples % 40, 0, "a tone of 40 samples is shortened by whole periods");
}

#[test]
fn clocks_of_other_speed_are_followed_over_the_wrap() {
    let mut ticks = Ticks { per_sample: 6, newest: None };
    let first = ticks.samples(u32::MAX - 1_000);
    assert_eq!(ticks.samples((u32::MAX - 1_000).wrapping_add(960 * 6)), first.wrapping_add(960));
    assert_eq!(ticks.samples((u32::MAX - 1_000).wrapping_sub(960)), first.wrapping_sub(160));
}

#[test]
fn payloads_are_decoded_by_the_buffers_codec_and_bad_ones_are_lost() {
    let mut buffer = JitterBuffer::for_codec(Codec::Pcmu).expect("no state");
    buffer.insert_payload(0, &header(0), &[crate::g711::linear_to_ulaw(1_000); 160]);
    buffer.insert_payload(0, &header(1), &[]);
    buffer.insert_payload(0, &header(2), &[0; 481]);
    let heard: Vec<i16> = (0..4).flat_map(|pull| buffer.pull(pull * 20_000)).collect();
    assert!(heard[320..480].iter().all(|sample| (980..1_020).contains(sample)));
    assert_eq!(buffer.stats().received, 1);
}

#[cfg(feature = "opus")]
#[test]
fn with_opus_a_lost_packet_comes_back_from_the_next_and_longer_gaps_are_bridged() {
    let codec = Codec::Opus { expected_loss_percent: 10 };
    let (mut encoder, mut buffer) = (codec.encoder().expect("libopus"), JitterBuffer::for_codec(codec).expect("libopus"));
    let mut heard = Vec::new();
    for number in 0..500_u32 {
        let mut payload = [0; 480];
        let length = encoder.encode(&tone(number), &mut payload).expect("a frame");
        let header = Header { timestamp: (u32::MAX - 50_000).wrapping_add(960 * number), ..header(number) };
        if !matches!(number % 50, 10 | 30 | 31) {
            buffer.insert_payload(u64::from(number) * 20_000 + 3_000, &header, &payload[..length]);
        }
        heard.extend(buffer.pull((u64::from(number) + 1) * 20_000));
    }
    let stats = buffer.stats();
    assert_eq!((stats.recovered_samples, stats.concealed_samples, stats.late), (20 * 160, 10 * 160, 0), "{stats:?}");
    let start = onset(&heard);
    let quietest = heard[start + 160..].chunks_exact(160).map(rms_dbfs).fold(0.0, f32::min);
    assert!(quietest > -40.0, "never silent: {quietest}");
}

/// Opus frames by arrival: `calm` of them on time, then as many that lose one in `loses_one_in` and come up to `jitter_ms` late. Samples
/// of the lost frames, and those that came back.
#[cfg(feature = "opus")]
fn lost_and_recovered(calm: u32, shaken: u32, (loses_one_in, jitter_ms): (u32, u64), phase_us: u64) -> (u64, u64) {
    let codec = Codec::Opus { expected_loss_percent: 10 };
    let (mut encoder, mut buffer) = (codec.encoder().expect("libopus"), JitterBuffer::for_codec(codec).expect("libopus"));
    let mut random = fastrand::Rng::with_seed(23);
    let (mut arrivals, mut lost) = (Vec::new(), 0);
    for number in 0..calm + shaken {
        let mut payload = [0; 480];
        let length = encoder.encode(&tone(number), &mut payload).expect("a frame");
        let is_shaken = number >= calm;
        let delay_us = if is_shaken { random.u64(..=jitter_ms * 1_000) } else { 0 } + phase_us;
        if is_shaken && random.u32(..loses_one_in) == 0 {
            lost += 160;
        } else {
            arrivals.push((u64::from(number) * 20_000 + delay_us, number, payload[..length].to_vec()));
        }
    }
    arrivals.sort();
    let mut arrivals = arrivals.into_iter().peekable();
    for pull in 1..=u64::from(calm + shaken) {
        while let Some((at_us, number, payload)) = arrivals.next_if(|arrival| arrival.0 <= pull * 20_000) {
            buffer.insert_payload(at_us, &Header { timestamp: 960 * number, ..header(number) }, &payload);
        }
        buffer.pull(pull * 20_000);
    }
    (lost, buffer.stats().recovered_samples)
}

#[cfg(feature = "opus")]
#[test]
fn what_is_lost_on_a_shaken_line_is_waited_for_until_the_next_packet_brings_it() {
    let lines =
        [(33, 40), (33, 80), (10, 40), (33, 0)].into_iter().flat_map(|line| [2_000, 10_000, 18_000].map(|phase_us| (line, phase_us)));
    for ((loses_one_in, jitter_ms), phase_us) in lines {
        let (lost, recovered) = lost_and_recovered(400, 3_000, (loses_one_in, jitter_ms), phase_us);
        // The first few teach it, and of two in a row only the second comes back.
        assert!(recovered * 100 >= lost * 90, "one in {loses_one_in}, {jitter_ms} ms, {phase_us} µs: {recovered} of {lost}");
    }
}

#[cfg(feature = "opus")]
#[test]
fn random_opus_payloads_headers_and_times_are_survived() {
    let mut random = fastrand::Rng::with_seed(17);
    let mut buffer = JitterBuffer::for_codec(Codec::Opus { expected_loss_percent: 0 }).expect("libopus");
    let (mut now, mut payload) = (0, [0; 500]);
    for _ in 0..20_000 {
        now += random.u64(..40_000);
        random.fill(&mut payload);
        let timestamp = ((now * 48 / 1_000) as u32).wrapping_add(random.u32(..18_000));
        let header = Header { sequence: random.u16(..), timestamp, ssrc: u32::from(random.u8(..) == 0), ..header(0) };
        buffer.insert_payload(random.u64(..=now), &header, &payload[..random.usize(..=500)]);
        buffer.pull(now);
    }
}

#[cfg(feature = "opus")]
#[test]
fn with_opus_a_packet_that_is_only_overtaken_is_waited_for() {
    let codec = Codec::Opus { expected_loss_percent: 10 };
    let (mut encoder, mut buffer) = (codec.encoder().expect("libopus"), JitterBuffer::for_codec(codec).expect("libopus"));
    let mut overtaken: Option<(Header, Vec<u8>)> = None;
    for number in 0..300_u32 {
        let mut payload = [0; 480];
        let length = encoder.encode(&tone(number), &mut payload).expect("a frame");
        let header = Header { timestamp: 960 * number, ..header(number) };
        let now_us = u64::from(number) * 20_000 + 3_000;
        if number % 10 == 5 {
            overtaken = Some((header, payload[..length].to_vec()));
        } else {
            buffer.insert_payload(now_us, &header, &payload[..length]);
        }
        buffer.pull(now_us + 7_000);
        if let Some((header, payload)) = overtaken.take_if(|_| number % 10 == 6) {
            buffer.insert_payload(now_us + 9_000, &header, &payload);
        }
    }
    let stats = buffer.stats();
    assert_eq!((stats.recovered_samples, stats.concealed_samples, stats.late), (0, 0, 0), "{stats:?}");
}

#[test]
fn random_headers_and_times_are_survived() {
    let mut random = fastrand::Rng::with_seed(6);
    let mut buffer = JitterBuffer::new();
    let mut now = 0;
    for _ in 0..50_000 {
        now += random.u64(..40_000);
        let base = if random.u8(..) == 0 { random.u32(..) } else { (now / 125) as u32 };
        let header = Header {
            sequence: random.u16(..),
            timestamp: base.wrapping_add(random.u32(..3_000)),
            ssrc: u32::from(random.u8(..) == 0),
            ..header(0)
        };
        buffer.insert(random.u64(..=now), &header, &[100; 600][..random.usize(..=600)]);
        buffer.pull(now);
        let _ = buffer.stats();
    }
}

#[test]
fn a_lost_packet_is_bridged_towards_the_next_one_that_has_come() {
    // Another pitch on each side of each lost packet: only who looks ahead meets it.
    let glide = |number: u32| {
        let period = if number.is_multiple_of(20) { 50.0 } else { 50.0 + f64::from(number % 20) * 0.6 };
        std::array::from_fn(|n| (8_000.0 * (std::f64::consts::TAU * n as f64 / period).sin()) as i16)
    };
    let mut buffer = JitterBuffer::new();
    let heard = run_signal(&mut buffer, 200, |number| (number % 20 != 10).then_some(0), glide);
    let start = 3 * FRAME_SAMPLES;
    let last_of_gap = heard[start + 160 * 31 - 1];
    let first_behind = heard[start + 160 * 31];
    assert_eq!(first_behind, glide(31)[0], "nothing behind the gap is touched");
    assert!((i32::from(first_behind) - i32::from(last_of_gap)).abs() < 1_500, "{last_of_gap} {first_behind}");
    assert_eq!(buffer.stats().concealed_samples, 10 * 160);
}

#[test]
fn what_comes_late_into_a_bridged_gap_is_heard_without_a_click() {
    let mut buffer = JitterBuffer::new();
    let mut heard = Vec::new();
    for number in 0..40_u64 {
        let now = number * 20_000;
        if number != 20 {
            buffer.insert(now, &header(number as u32), &tone(number as u32));
        }
        if number == 23 {
            // Half of the lost packet, while the first half has been bridged already.
            let header = Header { timestamp: header(20).timestamp.wrapping_add(80), ..header(20) };
            buffer.insert(now, &header, &tone(20)[80..]);
        }
        heard.extend(buffer.pull(now + 1_000));
    }
    let natural = (8_000.0 * std::f64::consts::TAU / 40.0) as i32;
    let start = onset(&heard);
    let step = heard[start..].windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max();
    assert!(step.is_some_and(|step| step < natural * 3 / 2), "{step:?} against {natural}");
}

/// Frames without sound from this frame on.
fn silence_from(heard: &[i16], from: usize) -> usize {
    heard.chunks(FRAME_SAMPLES).skip(from).filter(|frame| rms_dbfs(frame) < -60.0).count()
}

#[test]
fn a_way_that_becomes_longer_for_good_costs_its_own_length_and_not_the_seconds_until_it_is_learnt() {
    for longer_ms in (100..=400).step_by(20) {
        let mut buffer = JitterBuffer::new();
        let heard = run(&mut buffer, PACKETS, |number| Some(if number < 250 { 0 } else { longer_ms }));
        let silent = silence_from(&heard[..PACKETS as usize * FRAME_SAMPLES], 200);
        assert!(silent as u64 <= longer_ms / 20 + 6, "{longer_ms} ms: {silent} frames of silence");
    }
}

/// A reader that stands still for so many frames, then takes what came meanwhile, and as many frames at once if it makes up for them; gives what it
/// hears, and how much waits two seconds later, in ms.
fn stand_still(frames: u64, makes_up: bool) -> (Vec<i16>, u64) {
    let (mut buffer, mut heard, mut read) = (JitterBuffer::new(), Vec::new(), 0);
    for beat in (0..350).filter(|beat| !(250 - frames..250).contains(beat)) {
        (read..=beat).for_each(|number| buffer.insert(beat * 20_000, &header(number as u32), &tone(number as u32)));
        read = beat + 1;
        let missed = if beat == 250 && makes_up { frames } else { 0 };
        (0..=missed).for_each(|_| heard.extend(buffer.pull(beat * 20_000)));
    }
    (heard, buffer.waiting() / SAMPLES_PER_MS)
}

#[test]
fn a_reader_that_stood_still_hears_on_and_its_delay_is_soon_what_it_was() {
    for frames in 3..=40 {
        let (heard, waiting_ms) = stand_still(frames, false);
        let silent = silence_from(&heard, 200);
        assert!(silent <= 1 && waiting_ms <= 80, "{frames} frames: {silent} of silence, {waiting_ms} ms wait");
    }
}

#[test]
fn a_reader_that_stood_still_and_makes_up_for_it_at_once_hears_on() {
    for frames in 3..=40 {
        let (heard, waiting_ms) = stand_still(frames, true);
        let silent = silence_from(&heard, 200);
        let most = if frames < 18 { 4 } else { frames as usize };
        assert!(silent <= most && waiting_ms <= 80, "{frames} frames: {silent} of silence, {waiting_ms} ms wait");
    }
}

/// A line on which nothing comes for so many frames, and then all of it at once; gives the frames without sound from then on, what is heard
/// in the first second of them, and how much waits two seconds later, in ms.
fn all_at_once(codec: Codec, frames: u64) -> (usize, Vec<i16>, u64) {
    let (mut encoder, mut buffer) = (codec.encoder().expect("a codec"), JitterBuffer::for_codec(codec).expect("a codec"));
    let payloads: Vec<Vec<u8>> = (0..350)
        .map(|number| {
            let mut payload = [0; 480];
            let length = encoder.encode(&tone(number), &mut payload).expect("a frame");
            payload[..length].to_vec()
        })
        .collect();
    let (mut heard, mut read) = (Vec::new(), 0);
    for beat in 0..350_u64 {
        for number in (read..=beat).filter(|_| !(250 - frames..250).contains(&beat)) {
            let header = Header { timestamp: 160 * codec.ticks_per_sample() * number as u32, ..header(number as u32) };
            buffer.insert_payload(beat * 20_000, &header, &payloads[number as usize]);
            read = beat + 1;
        }
        heard.extend(buffer.pull(beat * 20_000));
    }
    (silence_from(&heard, 250), heard[250 * FRAME_SAMPLES..300 * FRAME_SAMPLES].to_vec(), buffer.waiting() / SAMPLES_PER_MS)
}

#[test]
fn what_comes_all_at_once_is_heard_at_once_and_what_is_too_old_is_left_out() {
    #[cfg(feature = "opus")]
    let codecs = [Codec::Pcma, Codec::Opus { expected_loss_percent: 0 }];
    #[cfg(not(feature = "opus"))]
    let codecs = [Codec::Pcma];
    for codec in codecs {
        for frames in 3..=60 {
            let (silent, heard, waiting_ms) = all_at_once(codec, frames);
            assert!(silent <= 1 && waiting_ms <= 250, "{codec:?}, {frames} frames: {silent} of silence, {waiting_ms} ms wait");
            let level = rms_dbfs(&heard[2 * FRAME_SAMPLES..]);
            assert!((-18.5..-14.0).contains(&level), "{codec:?}, {frames} frames: {level}");
        }
    }
}

#[test]
fn a_sender_whose_clock_jumps_is_not_taken_for_one_who_sent_all_at_once() {
    let mut buffer = JitterBuffer::new();
    run(&mut buffer, 50, |_| Some(0));
    let jumped = Header { timestamp: header(50).timestamp.wrapping_add(8_000), ..header(50) };
    buffer.insert(1_200_000, &jumped, &tone(50));
    let spurt = buffer.spurt.expect("a new spurt");
    assert!(spurt.gap.is_none() && spurt.end - spurt.next <= FRAME + TARGET, "{spurt:?}");
    assert_eq!(buffer.stats().shortened_samples, 0);
}
