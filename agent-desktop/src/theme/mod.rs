//! The look's tokens: colours of both modes, sizes, and the styles made of them. Screens use these and no literal colour.
//!
//! Not a `Catalog` of our own: iced's theme carries only page and text colour, each widget gets its style from the [`Palette`].

#[cfg(test)]
mod contrast;
mod palette;
mod style;

pub(crate) use palette::{Mode, Palette, Tone};
pub(crate) use style::{
    banner, bar, button_field, button_filled, button_plain, button_row, button_word, card, chip, chosen, drawer, editor, field, inset,
    meter, page, rail_button, scrim, scroll, toast,
};

/// Distances in logical pixels.
pub(crate) mod space {
    /// Between a label and its value.
    pub(crate) const XS: f32 = 4.0;
    /// Between things that belong together.
    pub(crate) const S: f32 = 8.0;
    /// Between cards.
    pub(crate) const M: f32 = 12.0;
    /// Inside cards.
    pub(crate) const L: f32 = 16.0;
    /// Between groups.
    pub(crate) const XL: f32 = 24.0;
}

/// Text sizes in logical pixels.
pub(crate) mod text_size {
    /// A key's name on a button.
    pub(crate) const HINT: f32 = 11.0;
    /// Labels and the status line.
    pub(crate) const LABEL: f32 = 12.0;
    /// Body.
    pub(crate) const BODY: f32 = 14.0;
    /// Numbers and buttons.
    pub(crate) const NUMBER: f32 = 16.0;
    /// Clocks.
    pub(crate) const CLOCK: f32 = 20.0;
    /// A person's name.
    pub(crate) const NAME: f32 = 22.0;
    /// The one figure of a page.
    pub(crate) const FIGURE: f32 = 32.0;
}

/// Sizes of fixed things in logical pixels.
pub(crate) mod size {
    /// Height of the call bar.
    pub(crate) const CALL_BAR: f32 = 76.0;
    /// Height of a call button.
    pub(crate) const BUTTON: f32 = 52.0;
    /// Least width of a call button.
    pub(crate) const BUTTON_WIDTH: f32 = 68.0;
    /// Width of the rail.
    pub(crate) const RAIL: f32 = 72.0;
    /// Height of the status line.
    pub(crate) const STATUS_LINE: f32 = 28.0;
    /// Height of a field.
    pub(crate) const FIELD: f32 = 36.0;
    /// Height of a row in a list.
    pub(crate) const ROW: f32 = 32.0;
    /// An icon in text.
    pub(crate) const ICON: f32 = 20.0;
}

/// Corner radii in logical pixels.
pub(crate) mod radius {
    /// Tags.
    pub(crate) const TAG: f32 = 4.0;
    /// Fields.
    pub(crate) const FIELD: f32 = 6.0;
    /// Buttons.
    pub(crate) const BUTTON: f32 = 8.0;
    /// Cards.
    pub(crate) const CARD: f32 = 10.0;
}
