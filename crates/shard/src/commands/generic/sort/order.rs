//! Putting elements in order, with a look now and then at whether the script is to end.

use std::cmp::Ordering;

use protocol::number::parse_f64;

use super::options::{By, Options};
use super::pattern;
use crate::commands::Beats;
use crate::error::CommandError;
use crate::keyspace::Keyspace;
use crate::script::beat;

/// What elements are compared by.
pub(super) enum Weights {
    /// Numbers; the text of the element tells equal ones apart.
    Numbers(Vec<f64>),
    /// The texts of the elements.
    Elements,
    /// Texts; what there is none for comes first.
    Texts(Vec<Option<Vec<u8>>>),
}

impl Weights {
    /// Finds the weight of each element.
    ///
    /// # Errors
    /// A text that should be a number is none; the script is to end.
    pub(super) fn of(
        elements: &[Vec<u8>],
        options: &Options<'_>,
        keyspace: &mut Keyspace,
        beats: &mut Beats<'_>,
    ) -> Result<Self, CommandError> {
        let By::Pattern(pattern) = options.by else {
            if options.alpha {
                return Ok(Self::Elements);
            }
            return elements
                .iter()
                .map(|text| number(text))
                .collect::<Result<_, _>>()
                .map(Self::Numbers);
        };
        let mut numbers = Vec::new();
        let mut texts = Vec::new();
        for element in elements {
            beats.beat()?;
            let text = pattern::look_up(keyspace, pattern, element);
            if options.alpha {
                texts.push(text);
            } else {
                // Redis: no value is 0.
                numbers.push(text.map_or(Ok(0.0), |text| number(&text))?);
            }
        }
        Ok(if options.alpha { Self::Texts(texts) } else { Self::Numbers(numbers) })
    }

    fn compare(&self, elements: &[Vec<u8>], a: u32, b: u32) -> Ordering {
        let (a, b) = (a as usize, b as usize);
        match self {
            Self::Numbers(numbers) => {
                let by_number = numbers[a].partial_cmp(&numbers[b]).unwrap_or(Ordering::Equal);
                by_number.then_with(|| elements[a].cmp(&elements[b]))
            }
            Self::Elements => elements[a].cmp(&elements[b]),
            Self::Texts(texts) => texts[a].cmp(&texts[b]),
        }
    }
}

/// Reads a number as `strtod` does: blanks before it are skipped, and no text at all is 0.
fn number(text: &[u8]) -> Result<f64, CommandError> {
    let digits = text.trim_ascii_start();
    let value = if text.is_empty() { Some(0.0) } else { parse_f64(digits) };
    value.ok_or(CommandError::Text("ERR One or more scores can't be converted into double"))
}

/// Elements that are sorted in one go: some 10 µs.
const RUN: usize = 128;

/// The places of the first `end` elements in order.
///
/// # Errors
/// The script is to end.
pub(super) fn sorted(
    elements: &[Vec<u8>],
    weights: &Weights,
    descending: bool,
    end: usize,
    beats: &mut Beats<'_>,
) -> Result<Vec<u32>, CommandError> {
    let compare = |a: &u32, b: &u32| {
        let order = weights.compare(elements, *a, *b);
        if descending { order.reverse() } else { order }
    };
    // In blocks, of each of which only what is among the first so far is kept.
    let block = end.max(8 * RUN);
    let mut first: Vec<u32> = Vec::new();
    let places: Vec<u32> = (0..elements.len() as u32).collect();
    for block in places.chunks(block) {
        first.extend_from_slice(block);
        first = merge_sort(first, compare, beats)?;
        first.truncate(end);
    }
    Ok(first)
}

/// A stable merge sort. The standard library's cannot be left half way.
fn merge_sort(
    mut places: Vec<u32>,
    compare: impl Fn(&u32, &u32) -> Ordering,
    beats: &mut Beats<'_>,
) -> Result<Vec<u32>, CommandError> {
    for run in places.chunks_mut(RUN) {
        run.sort_by(&compare);
        beat(beats.pulse)?;
    }
    let mut width = RUN;
    while width < places.len() {
        let mut merged = Vec::with_capacity(places.len());
        for pair in places.chunks(width * 2) {
            let (mut left, mut right) = pair.split_at(width.min(pair.len()));
            while let (Some(a), Some(b)) = (left.first(), right.first()) {
                beats.beat()?;
                if compare(a, b) == Ordering::Greater {
                    merged.push(*b);
                    right = &right[1..];
                } else {
                    merged.push(*a);
                    left = &left[1..];
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        places = merged;
        width *= 2;
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_first_in_order(
            numbers in proptest::collection::vec(0u32..500, 0..3000),
            end in 0usize..3000,
            descending in any::<bool>(),
        ) {
            let elements: Vec<Vec<u8>> =
                numbers.iter().map(|number| number.to_string().into_bytes()).collect();
            let weights = Weights::Numbers(numbers.iter().map(|&number| number.into()).collect());
            let mut beats = Beats { pulse: None, count: 0 };
            let places = sorted(&elements, &weights, descending, end, &mut beats).unwrap();
            let found: Vec<u32> = places.iter().map(|&place| numbers[place as usize]).collect();
            let mut expected = numbers;
            expected.sort_unstable();
            if descending {
                expected.reverse();
            }
            expected.truncate(end);
            prop_assert_eq!(found, expected);
        }
    }
}
