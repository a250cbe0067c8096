//! Positions on earth as scores of sorted sets: 52 bits, those of latitude and longitude
//! interleaved.
//!
//! A cell of step `s` is what the first `2 s` bits name; its members have scores in one interval.
//! Latitudes end at 85 degrees, where the map that the cells are cut from is as high as it is wide.

/// Bits of either coordinate.
pub(super) const STEP_MAX: u32 = 26;
/// Longitudes go from minus this to this, in degrees.
pub(super) const LONGITUDE_MAX: f64 = 180.0;
/// Latitudes go from minus this to this, in degrees.
pub(super) const LATITUDE_MAX: f64 = 85.05112878;

/// A place, in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Position {
    pub(super) longitude: f64,
    pub(super) latitude: f64,
}

/// An interval of one coordinate, in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Interval {
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Interval {
    /// From minus `max` to `max`.
    const fn around_zero(max: f64) -> Self {
        Self { min: -max, max }
    }

    /// The number of the part that a value lies in, of two to the power of `step` parts.
    fn part_of(self, value: f64, step: u32) -> u32 {
        ((value - self.min) / (self.max - self.min) * parts(step)) as u32
    }

    /// One of two to the power of `step` parts.
    fn part(self, number: u32, step: u32) -> Self {
        let edge = |number: f64| self.min + (number / parts(step)) * (self.max - self.min);
        Self { min: edge(f64::from(number)), max: edge(f64::from(number) + 1.0) }
    }

    fn middle(self) -> f64 {
        (self.min + self.max) / 2.0
    }
}

fn parts(step: u32) -> f64 {
    (1u64 << step) as f64
}

const LONGITUDES: Interval = Interval::around_zero(LONGITUDE_MAX);
const LATITUDES: Interval = Interval::around_zero(LATITUDE_MAX);

/// A cell of the map: the numbers of its row and its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    row: u32,
    column: u32,
    step: u32,
}

/// What a cell covers.
pub(super) struct Area {
    pub(super) longitude: Interval,
    pub(super) latitude: Interval,
}

impl Cell {
    /// The cell that a position lies in.
    pub(super) fn of(position: Position, step: u32) -> Self {
        Self {
            row: LATITUDES.part_of(position.latitude, step),
            column: LONGITUDES.part_of(position.longitude, step),
            step,
        }
    }

    /// The cell so many rows and columns away. The map is a ring in either direction.
    pub(super) fn neighbour(self, rows: i32, columns: i32) -> Self {
        let mask = (1u32 << self.step) - 1;
        // A coordinate that stays is not cut: the very edge of the map lies in a part of its own.
        let move_by = |number: u32, by: i32| {
            if by == 0 { number } else { number.wrapping_add_signed(by) & mask }
        };
        Self { row: move_by(self.row, rows), column: move_by(self.column, columns), ..self }
    }

    pub(super) fn step(self) -> u32 {
        self.step
    }

    pub(super) fn area(self) -> Area {
        Area {
            longitude: LONGITUDES.part(self.column, self.step),
            latitude: LATITUDES.part(self.row, self.step),
        }
    }

    /// The scores of members in this cell: the first, and the first beyond.
    pub(super) fn scores(self) -> (f64, f64) {
        let bits = interleave(self.row, self.column);
        let shift = 2 * (STEP_MAX - self.step);
        ((bits << shift) as f64, ((bits + 1) << shift) as f64)
    }
}

/// Puts the bits of one number in between those of another one, which has the lowest bit.
fn interleave(even: u32, odd: u32) -> u64 {
    spread(even) | spread(odd) << 1
}

/// Moves each bit to twice its place.
fn spread(number: u32) -> u64 {
    let mut bits = u64::from(number);
    bits = (bits | bits << 16) & 0x0000_FFFF_0000_FFFF;
    bits = (bits | bits << 8) & 0x00FF_00FF_00FF_00FF;
    bits = (bits | bits << 4) & 0x0F0F_0F0F_0F0F_0F0F;
    bits = (bits | bits << 2) & 0x3333_3333_3333_3333;
    (bits | bits << 1) & 0x5555_5555_5555_5555
}

/// Takes every second bit, from the lowest on.
fn gather(bits: u64) -> u32 {
    let mut bits = bits & 0x5555_5555_5555_5555;
    bits = (bits | bits >> 1) & 0x3333_3333_3333_3333;
    bits = (bits | bits >> 2) & 0x0F0F_0F0F_0F0F_0F0F;
    bits = (bits | bits >> 4) & 0x00FF_00FF_00FF_00FF;
    bits = (bits | bits >> 8) & 0x0000_FFFF_0000_FFFF;
    (bits | bits >> 16) as u32
}

/// The score of a position.
pub(super) fn score_of(position: Position) -> f64 {
    Cell::of(position, STEP_MAX).scores().0
}

/// The position that a score names: the middle of its cell.
pub(super) fn position_of(score: f64) -> Position {
    let bits = score as u64;
    let cell = Cell { row: gather(bits), column: gather(bits >> 1), step: STEP_MAX };
    let area = cell.area();
    Position {
        longitude: area.longitude.middle().clamp(-LONGITUDE_MAX, LONGITUDE_MAX),
        latitude: area.latitude.middle().clamp(-LATITUDE_MAX, LATITUDE_MAX),
    }
}

/// The text that other programs know a position by: eleven characters of the usual geohash, whose
/// latitudes end at 90 degrees. There are bits for ten; the last one is always `0`.
pub(super) fn text_of(score: f64) -> [u8; 11] {
    const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
    let Position { longitude, latitude } = position_of(score);
    let row = Interval::around_zero(90.0).part_of(latitude, STEP_MAX);
    let column = LONGITUDES.part_of(longitude, STEP_MAX);
    let bits = interleave(row, column);
    let mut text = [ALPHABET[0]; 11];
    for (at, letter) in text.iter_mut().take(10).enumerate() {
        *letter = ALPHABET[(bits >> (52 - (at + 1) * 5)) as usize & 31];
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn scores_and_texts_of_known_places() {
        let palermo = Position { longitude: 13.361389, latitude: 38.115556 };
        let score = score_of(palermo);
        assert_eq!(score, 3479099956230698.0);
        assert_eq!(&text_of(score), b"sqc8b49rny0");
        let catania = Position { longitude: 15.087269, latitude: 37.502669 };
        assert_eq!(&text_of(score_of(catania)), b"sqdtr74hyu0");
    }

    proptest! {
        #[test]
        fn a_position_reads_back_to_within_a_cell(
            longitude in -180.0f64..180.0,
            latitude in -85.05f64..85.05,
        ) {
            let position = Position { longitude, latitude };
            let read = position_of(score_of(position));
            prop_assert!((read.longitude - longitude).abs() < 360.0 / parts(STEP_MAX));
            prop_assert!((read.latitude - latitude).abs() < 171.0 / parts(STEP_MAX));
            prop_assert_eq!(score_of(read), score_of(position));
        }

        #[test]
        fn bits_read_back(even in any::<u32>(), odd in any::<u32>()) {
            let bits = interleave(even, odd);
            prop_assert_eq!((gather(bits), gather(bits >> 1)), (even, odd));
        }

        #[test]
        fn neighbours_lead_back(row in 0u32..64, column in 0u32..64, rows in -1i32..=1) {
            let cell = Cell { row, column, step: 6 };
            prop_assert_eq!(cell.neighbour(rows, 1).neighbour(-rows, -1), cell);
        }
    }
}
