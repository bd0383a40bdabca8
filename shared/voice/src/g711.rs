//! G.711: A-law and µ-law to linear and back, and from one law to the other, by tables made at compile time (ITU-T G.711).
//!
//! Linear samples are 16 bits, full scale: the codec's 13 (A-law) or 14 (µ-law) bits in the upper places.

/// A-law of linear 0, as sent into a quiet line.
pub const ALAW_SILENCE: u8 = 0xD5;
/// µ-law of linear 0.
pub const ULAW_SILENCE: u8 = 0xFF;

const ALAW_BITS: u32 = 13;
const ULAW_BITS: u32 = 14;
const ALAW_STEPS: usize = 1 << ALAW_BITS;
const ULAW_STEPS: usize = 1 << ULAW_BITS;

static ALAW_TO_LINEAR: [i16; 256] = alaw_to_linear_table();
static ULAW_TO_LINEAR: [i16; 256] = ulaw_to_linear_table();
static LINEAR_TO_ALAW: [u8; ALAW_STEPS] = linear_to_alaw_table();
static LINEAR_TO_ULAW: [u8; ULAW_STEPS] = linear_to_ulaw_table();
static ALAW_TO_ULAW: [u8; 256] = alaw_to_ulaw_table();
static ULAW_TO_ALAW: [u8; 256] = ulaw_to_alaw_table();

/// One A-law byte as a linear sample.
#[must_use]
pub fn alaw_to_linear(byte: u8) -> i16 {
    ALAW_TO_LINEAR[usize::from(byte)]
}

/// One µ-law byte as a linear sample.
#[must_use]
pub fn ulaw_to_linear(byte: u8) -> i16 {
    ULAW_TO_LINEAR[usize::from(byte)]
}

/// One linear sample as A-law.
#[must_use]
pub fn linear_to_alaw(sample: i16) -> u8 {
    LINEAR_TO_ALAW[usize::from((sample >> (16 - ALAW_BITS)).cast_unsigned()) % ALAW_STEPS]
}

/// One linear sample as µ-law.
#[must_use]
pub fn linear_to_ulaw(sample: i16) -> u8 {
    LINEAR_TO_ULAW[usize::from((sample >> (16 - ULAW_BITS)).cast_unsigned()) % ULAW_STEPS]
}

/// One A-law byte as the nearest µ-law byte.
#[must_use]
pub fn alaw_to_ulaw(byte: u8) -> u8 {
    ALAW_TO_ULAW[usize::from(byte)]
}

/// One µ-law byte as the nearest A-law byte.
#[must_use]
pub fn ulaw_to_alaw(byte: u8) -> u8 {
    ULAW_TO_ALAW[usize::from(byte)]
}

/// Decodes A-law; the shorter of both slices decides. Gives the number of samples.
pub fn decode_alaw(bytes: &[u8], samples: &mut [i16]) -> usize {
    samples.iter_mut().zip(bytes).map(|(sample, byte)| *sample = alaw_to_linear(*byte)).count()
}

/// Encodes A-law; the shorter of both slices decides. Gives the number of samples.
pub fn encode_alaw(samples: &[i16], bytes: &mut [u8]) -> usize {
    bytes.iter_mut().zip(samples).map(|(byte, sample)| *byte = linear_to_alaw(*sample)).count()
}

/// Decodes µ-law; the shorter of both slices decides. Gives the number of samples.
pub fn decode_ulaw(bytes: &[u8], samples: &mut [i16]) -> usize {
    samples.iter_mut().zip(bytes).map(|(sample, byte)| *sample = ulaw_to_linear(*byte)).count()
}

/// Encodes µ-law; the shorter of both slices decides. Gives the number of samples.
pub fn encode_ulaw(samples: &[i16], bytes: &mut [u8]) -> usize {
    bytes.iter_mut().zip(samples).map(|(byte, sample)| *byte = linear_to_ulaw(*sample)).count()
}

const fn alaw_to_linear_table() -> [i16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let code = (byte as u8) ^ 0x55;
        let segment = (code >> 4) & 7;
        let step = ((code & 0x0F) as i16) << 4;
        let magnitude = if segment == 0 { step + 8 } else { (step + 0x108) << (segment - 1) };
        table[byte] = if code & 0x80 != 0 { magnitude } else { -magnitude };
        byte += 1;
    }
    table
}

const fn ulaw_to_linear_table() -> [i16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let code = !(byte as u8);
        let magnitude = (((((code & 0x0F) as i16) << 3) + 0x84) << ((code >> 4) & 7)) - 0x84;
        table[byte] = if code & 0x80 != 0 { -magnitude } else { magnitude };
        byte += 1;
    }
    table
}

/// The table's index is the sample's upper bits as a two's complement number.
const fn linear_to_alaw_table() -> [u8; ALAW_STEPS] {
    let mut table = [0; ALAW_STEPS];
    let mut index = 0;
    while index < ALAW_STEPS {
        let negative = index >= ALAW_STEPS / 2;
        let magnitude = if negative { ALAW_STEPS - 1 - index } else { index } as u32;
        let code = if magnitude < 32 {
            magnitude >> 1
        } else {
            let segment = magnitude.ilog2() - 4;
            (segment << 4) | ((magnitude >> segment) & 0x0F)
        };
        table[index] = (code as u8 ^ 0x55) | if negative { 0 } else { 0x80 };
        if negative {
            table[index] &= 0x7F;
        }
        index += 1;
    }
    table
}

const fn linear_to_ulaw_table() -> [u8; ULAW_STEPS] {
    let mut table = [0; ULAW_STEPS];
    let mut index = 0;
    while index < ULAW_STEPS {
        let negative = index >= ULAW_STEPS / 2;
        let magnitude = if negative { ULAW_STEPS - index } else { index };
        let biased = if magnitude > 8_158 { 8_158 + 33 } else { magnitude + 33 } as u32;
        let segment = biased.ilog2() - 5;
        let code = (segment << 4) | ((biased >> (segment + 1)) & 0x0F);
        table[index] = !(code as u8) & if negative { 0x7F } else { 0xFF };
        index += 1;
    }
    table
}

const fn alaw_to_ulaw_table() -> [u8; 256] {
    let (from, to) = (alaw_to_linear_table(), linear_to_ulaw_table());
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = to[((from[byte] >> (16 - ULAW_BITS)) as u16 as usize) % ULAW_STEPS];
        byte += 1;
    }
    table
}

const fn ulaw_to_alaw_table() -> [u8; 256] {
    let (from, to) = (ulaw_to_linear_table(), linear_to_alaw_table());
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = to[((from[byte] >> (16 - ALAW_BITS)) as u16 as usize) % ALAW_STEPS];
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes() -> impl Iterator<Item = u8> {
        0..=u8::MAX
    }

    #[test]
    fn known_values_decode_as_the_standard_says() {
        assert_eq!([0xD5, 0x55, 0xAA, 0x2A, 0x80].map(alaw_to_linear), [8, -8, 32_256, -32_256, 5_504]);
        assert_eq!([0xFF, 0x7F, 0x80, 0x00, 0xF0].map(ulaw_to_linear), [0, 0, 32_124, -32_124, 120]);
    }

    #[test]
    fn silence_is_silence() {
        assert_eq!((linear_to_alaw(0), linear_to_ulaw(0)), (ALAW_SILENCE, ULAW_SILENCE));
        assert_eq!((alaw_to_ulaw(ALAW_SILENCE), ulaw_to_alaw(ULAW_SILENCE)), (0xFE, ALAW_SILENCE));
    }

    #[test]
    fn each_byte_survives_decoding_and_encoding() {
        assert!(bytes().all(|byte| linear_to_alaw(alaw_to_linear(byte)) == byte));
        // µ-law has two zeros; the negative one becomes the positive.
        assert!(bytes().filter(|byte| *byte != 0x7F).all(|byte| linear_to_ulaw(ulaw_to_linear(byte)) == byte));
    }

    #[test]
    fn the_chosen_byte_is_within_half_a_step_of_the_sample() {
        for sample in i16::MIN..=i16::MAX {
            let (a, u) = (alaw_to_linear(linear_to_alaw(sample)), ulaw_to_linear(linear_to_ulaw(sample)));
            let magnitude = i32::from(sample).abs();
            let a_limit = if magnitude < 512 { 8 } else { magnitude / 32 + 8 };
            let u_limit = if magnitude > 32_124 { 644 } else { (magnitude + 132) / 32 + 4 };
            assert!((i32::from(a) - i32::from(sample)).abs() <= a_limit, "A-law {sample} became {a}");
            assert!((i32::from(u) - i32::from(sample)).abs() <= u_limit, "µ-law {sample} became {u}");
        }
    }

    #[test]
    fn a_louder_sample_never_becomes_a_quieter_one() {
        for sample in i16::MIN..i16::MAX {
            assert!(alaw_to_linear(linear_to_alaw(sample)) <= alaw_to_linear(linear_to_alaw(sample + 1)));
            assert!(ulaw_to_linear(linear_to_ulaw(sample)) <= ulaw_to_linear(linear_to_ulaw(sample + 1)));
        }
    }

    #[test]
    fn changing_the_law_costs_at_most_a_step() {
        for byte in bytes() {
            let there = i32::from(alaw_to_linear(byte));
            let back = i32::from(alaw_to_linear(ulaw_to_alaw(alaw_to_ulaw(byte))));
            assert!((there - back).abs() <= there.abs() / 12 + 16, "{there} became {back}");
        }
    }

    #[test]
    fn slices_are_converted_up_to_the_shorter_one() {
        let mut samples = [1; 3];
        assert_eq!(decode_alaw(&[0xD5, 0x2A], &mut samples), 2);
        assert_eq!(samples, [8, -32_256, 1]);
        let mut bytes = [0; 2];
        assert_eq!(encode_alaw(&samples, &mut bytes), 2);
        assert_eq!(bytes, [0xD5, 0x2A]);
    }
}
