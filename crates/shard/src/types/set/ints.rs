//! A sorted array of integers, each as wide as the widest needs: the form of small sets of numbers.

/// A set of integers: ascending, in 2, 4 or 8 bytes each.
#[derive(Clone)]
pub(super) enum Ints {
    Two(Vec<i16>),
    Four(Vec<i32>),
    Eight(Vec<i64>),
}

impl Default for Ints {
    fn default() -> Self {
        Self::Two(Vec::new())
    }
}

/// Puts a number into an ascending vector; says whether it is new.
fn insert_in<T: Ord + Copy>(numbers: &mut Vec<T>, number: T) -> bool {
    let Err(at) = numbers.binary_search(&number) else { return false };
    if numbers.len() == numbers.capacity() {
        // By a quarter: these sets are many and small.
        numbers.reserve_exact((numbers.len() / 4).max(4));
    }
    numbers.insert(at, number);
    true
}

fn remove_from<T: Ord>(numbers: &mut Vec<T>, number: &T) -> bool {
    let Ok(at) = numbers.binary_search(number) else { return false };
    numbers.remove(at);
    true
}

impl Ints {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Two(numbers) => numbers.len(),
            Self::Four(numbers) => numbers.len(),
            Self::Eight(numbers) => numbers.len(),
        }
    }

    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Two(numbers) => numbers.capacity() * 2,
            Self::Four(numbers) => numbers.capacity() * 4,
            Self::Eight(numbers) => numbers.capacity() * 8,
        }
    }

    pub(super) fn contains(&self, number: i64) -> bool {
        match self {
            Self::Two(numbers) => {
                i16::try_from(number).is_ok_and(|n| numbers.binary_search(&n).is_ok())
            }
            Self::Four(numbers) => {
                i32::try_from(number).is_ok_and(|n| numbers.binary_search(&n).is_ok())
            }
            Self::Eight(numbers) => numbers.binary_search(&number).is_ok(),
        }
    }

    /// The number at a place in ascending order, below `len`.
    pub(super) fn at(&self, place: usize) -> i64 {
        match self {
            Self::Two(numbers) => numbers[place].into(),
            Self::Four(numbers) => numbers[place].into(),
            Self::Eight(numbers) => numbers[place],
        }
    }

    /// Bytes of each number.
    pub(super) fn width(&self) -> usize {
        match self {
            Self::Two(_) => 2,
            Self::Four(_) => 4,
            Self::Eight(_) => 8,
        }
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = i64> {
        (0..self.len()).map(|place| self.at(place))
    }

    /// Adds a number; says whether it is new.
    pub(super) fn insert(&mut self, number: i64) -> bool {
        self.widen_for(number);
        match self {
            Self::Two(numbers) => i16::try_from(number).is_ok_and(|n| insert_in(numbers, n)),
            Self::Four(numbers) => i32::try_from(number).is_ok_and(|n| insert_in(numbers, n)),
            Self::Eight(numbers) => insert_in(numbers, number),
        }
    }

    /// Removes a number; says whether it was there.
    pub(super) fn remove(&mut self, number: i64) -> bool {
        match self {
            Self::Two(numbers) => i16::try_from(number).is_ok_and(|n| remove_from(numbers, &n)),
            Self::Four(numbers) => i32::try_from(number).is_ok_and(|n| remove_from(numbers, &n)),
            Self::Eight(numbers) => remove_from(numbers, &number),
        }
    }

    /// Makes all places wide enough for a number.
    fn widen_for(&mut self, number: i64) {
        if i32::try_from(number).is_err() && !matches!(self, Self::Eight(_)) {
            *self = Self::Eight(self.iter().collect());
        } else if i16::try_from(number).is_err()
            && let Self::Two(numbers) = self
        {
            *self = Self::Four(numbers.iter().map(|&n| n.into()).collect());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn behaves_as_a_set(
            operations in proptest::collection::vec(
                (any::<bool>(), prop_oneof![
                    -20i64..20,
                    -40_000i64..40_000,
                    prop_oneof![Just(i64::MIN), Just(i64::MAX), Just(1 << 31), Just(-(1 << 31))],
                ]),
                0..200,
            )
        ) {
            let (mut ints, mut model) = (Ints::default(), BTreeSet::new());
            for (add, number) in operations {
                if add {
                    prop_assert_eq!(ints.insert(number), model.insert(number));
                } else {
                    prop_assert_eq!(ints.remove(number), model.remove(&number));
                }
                prop_assert_eq!(ints.contains(number), model.contains(&number));
                prop_assert!(ints.iter().eq(model.iter().copied()));
            }
        }
    }

    #[test]
    fn places_are_as_wide_as_the_widest_needs() {
        let mut ints = Ints::default();
        ints.insert(32_767);
        assert!(matches!(ints, Ints::Two(_)));
        ints.insert(-32_769);
        assert!(matches!(ints, Ints::Four(_)));
        ints.insert(1 << 31);
        assert!(matches!(ints, Ints::Eight(_)));
        assert!(ints.iter().eq([-32_769, 32_767, 1 << 31]));
    }
}
