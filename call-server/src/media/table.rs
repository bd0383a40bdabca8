//! Rows of boxed things under small numbers. A number is given out by control; here nothing allocates or frees.

/// A fixed number of rows, each empty or holding one thing.
#[derive(Debug)]
pub(super) struct Table<T> {
    rows: Vec<Option<Box<T>>>,
}

impl<T> Table<T> {
    /// So many empty rows.
    pub(super) fn new(rows: usize) -> Self {
        Self { rows: (0..rows).map(|_| None).collect() }
    }

    /// What stands there.
    pub(super) fn get(&self, slot: u16) -> Option<&T> {
        self.rows.get(usize::from(slot))?.as_deref()
    }

    /// What stands there.
    pub(super) fn get_mut(&mut self, slot: u16) -> Option<&mut T> {
        self.rows.get_mut(usize::from(slot))?.as_deref_mut()
    }

    /// Puts something there; gives back what stood there, or the thing itself if there is no such row.
    pub(super) fn put(&mut self, slot: u16, thing: Box<T>) -> Option<Box<T>> {
        match self.rows.get_mut(usize::from(slot)) {
            Some(row) => row.replace(thing),
            None => Some(thing),
        }
    }

    /// Takes it away.
    pub(super) fn take(&mut self, slot: u16) -> Option<Box<T>> {
        self.rows.get_mut(usize::from(slot))?.take()
    }

    /// Everything, with its number.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (u16, &mut T)> {
        self.rows.iter_mut().enumerate().filter_map(|(slot, row)| Some((slot as u16, row.as_deref_mut()?)))
    }
}
