//! A sorted set that tells how many of its members come before a given one, without walking them.

/// Members of a piece at the most. A full piece becomes two, so that an insertion moves few and a count adds up few pieces.
const PIECE: usize = 256;

/// Sorted pieces, none of them empty, one after the other.
#[derive(Debug)]
pub(crate) struct Ranked<T> {
    pieces: Vec<Vec<T>>,
    len: usize,
}

impl<T> Default for Ranked<T> {
    fn default() -> Self {
        Self { pieces: Vec::new(), len: 0 }
    }
}

impl<T: Ord> Ranked<T> {
    /// Adds a member, unless it is one.
    pub(crate) fn insert(&mut self, member: T) {
        let Some(piece) = self.piece_of(&member) else {
            self.pieces.push(vec![member]);
            self.len = 1;
            return;
        };
        let members = &mut self.pieces[piece];
        let Err(place) = members.binary_search(&member) else { return };
        members.insert(place, member);
        self.len += 1;
        if members.len() > PIECE {
            let second = members.split_off(PIECE / 2);
            self.pieces.insert(piece + 1, second);
        }
    }

    /// Takes a member out, if it is one.
    pub(crate) fn remove(&mut self, member: &T) {
        let Some(piece) = self.piece_of(member) else { return };
        let members = &mut self.pieces[piece];
        let Ok(place) = members.binary_search(member) else { return };
        members.remove(place);
        self.len -= 1;
        if members.is_empty() {
            self.pieces.remove(piece);
        }
    }

    /// How many members are smaller.
    pub(crate) fn before(&self, member: &T) -> usize {
        let Some(piece) = self.piece_of(member) else { return 0 };
        let whole: usize = self.pieces[..piece].iter().map(Vec::len).sum();
        whole + self.pieces[piece].partition_point(|other| other < member)
    }

    /// The member with so many smaller ones.
    pub(crate) fn get(&self, mut before: usize) -> Option<&T> {
        for piece in &self.pieces {
            match piece.get(before) {
                Some(member) => return Some(member),
                None => before -= piece.len(),
            }
        }
        None
    }

    /// How many members come before the first one that is not in `part`, which holds the keys of some of them.
    pub(crate) fn differs<K: Ord>(&self, part: &Ranked<K>, key: impl Fn(&T) -> &K) -> usize {
        let (mut same, mut most) = (0, part.len());
        while same < most {
            let middle = same + (most - same) / 2;
            if self.get(middle).map(&key) == part.get(middle) {
                same = middle + 1;
            } else {
                most = middle;
            }
        }
        same
    }

    /// All members, the smallest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.pieces.iter().flatten()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The piece in which a member stands or would stand; `None` if there is no piece at all.
    fn piece_of(&self, member: &T) -> Option<usize> {
        let behind = self.pieces.partition_point(|piece| piece.first().is_some_and(|first| first <= member));
        (!self.pieces.is_empty()).then(|| behind.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::Ranked;
    use crate::acd::random::Random;
    use std::collections::BTreeSet;

    #[test]
    fn it_counts_and_orders_like_a_plain_set_through_many_changes() {
        let (mut random, mut ranked, mut plain) = (Random::new(3), Ranked::default(), BTreeSet::new());
        for round in 0..20_000_u64 {
            let member = random.peek() % 3_000;
            random.advance();
            // The set grows, then shrinks to nothing.
            if random.peek() % 4 < if round < 10_000 { 3 } else { 1 } {
                ranked.insert(member);
                plain.insert(member);
            } else {
                ranked.remove(&member);
                plain.remove(&member);
            }
            let asked = (member + 1_500) % 3_000;
            assert_eq!((ranked.len(), ranked.before(&asked)), (plain.len(), plain.range(..asked).count()), "round {round}");
            let place = ranked.before(&asked);
            assert_eq!(ranked.get(place), plain.range(asked..).next(), "round {round}");
        }
        assert!(ranked.iter().eq(plain.iter()));
        let mut part: Ranked<u64> = Ranked::default();
        for (place, member) in plain.iter().enumerate() {
            assert_eq!(ranked.differs(&part, |member| member), place, "the first that is in no part");
            part.insert(*member);
        }
        assert_eq!(ranked.differs(&part, |member| member), plain.len());
        part.remove(plain.iter().nth(1).expect("a second one"));
        assert_eq!(ranked.differs(&part, |member| member), 1);
        (0..3_000).for_each(|member| ranked.remove(&member));
        assert_eq!((ranked.len(), ranked.before(&1), ranked.iter().count(), ranked.pieces.len()), (0, 0, 0, 0));
    }
}
