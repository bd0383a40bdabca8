//! The voice that the server brings along: the pieces of which position, waiting time and callbacks are spoken, in Mandarin and English.
//! A site's own prompt of the same name goes first.

/// A piece, as it is embedded.
macro_rules! pieces {
    ($($name:literal),+ $(,)?) => {
        /// Name and WAV file (8 kHz, mono, 16 bits).
        pub(super) const PIECES: &[(&str, &[u8])] = &[$(($name, include_bytes!(concat!("../../../assets/prompts/house/", $name, ".wav")))),+];
    };
}

pieces![
    "en.ahead_of_you", "en.callback_already", "en.callback_confirm", "en.callback_done", "en.callback_not_possible",
    "en.callback_to", "en.minute", "en.minutes", "en.n0", "en.n1", "en.n10", "en.n11", "en.n12", "en.n13", "en.n14", "en.n15",
    "en.n16", "en.n17", "en.n18", "en.n19", "en.n2", "en.n20", "en.n3", "en.n30", "en.n4", "en.n40", "en.n5", "en.n50", "en.n6",
    "en.n60", "en.n7", "en.n70", "en.n8", "en.n80", "en.n9", "en.n90", "en.people", "en.person", "en.please_wait", "en.to",
    "en.very_many_ahead", "en.wait_about", "en.wait_less_than", "en.wait_more_than", "en.you_are_next", "zh.ahead_of_you",
    "zh.callback_already", "zh.callback_confirm", "zh.callback_done", "zh.callback_not_possible", "zh.callback_to", "zh.liang",
    "zh.minutes", "zh.n0", "zh.n1", "zh.n10", "zh.n2", "zh.n3", "zh.n4", "zh.n5", "zh.n6", "zh.n7", "zh.n8", "zh.n9",
    "zh.people", "zh.please_wait", "zh.to", "zh.very_many_ahead", "zh.wait_about", "zh.wait_less_than", "zh.wait_more_than",
    "zh.yao", "zh.you_are_next",
];
