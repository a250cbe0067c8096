//! The circle or box that a search looks into, and the cells that cover it.

use super::cell::{Cell, Position, STEP_MAX};
use super::distance::{EARTH_RADIUS, along_meridian, between, degrees, radians};

/// Half of the circumference of the earth, as the map projects it: no radius is larger.
const REACH_MAX: f64 = 20_037_726.37;

/// What a search looks into. Lengths are meters.
#[derive(Debug, Clone, Copy)]
pub(super) enum Extent {
    Circle { radius: f64 },
    Box { width: f64, height: f64 },
}

/// A circle or a box around a position.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) center: Position,
    pub(super) extent: Extent,
}

impl Shape {
    /// The distance to a position in meters, if that lies within.
    pub(super) fn distance_within(self, position: Position) -> Option<f64> {
        let center = self.center;
        match self.extent {
            Extent::Circle { radius } => {
                let distance = between(center, position);
                (distance <= radius).then_some(distance)
            }
            Extent::Box { width, height } => {
                if along_meridian(position.latitude, center.latitude) > height / 2.0 {
                    return None;
                }
                let abeam = Position { latitude: position.latitude, ..center };
                let is_within = between(position, abeam) <= width / 2.0;
                is_within.then(|| between(center, position))
            }
        }
    }

    /// The cells to look into, those in which the shape cannot lie left out. The cell of the center
    /// comes first; none comes twice.
    pub(super) fn cells(self) -> Vec<Cell> {
        let bounds = self.bounds();
        let mut step = self.step();
        let mut center = Cell::of(self.center, step);
        if step > 1 && !bounds.are_within_neighbours_of(center) {
            step -= 1;
            center = Cell::of(self.center, step);
        }
        let area = center.area();
        // With only a few cells around the earth, what seems far on one side is near on the other.
        let can_skip = step >= 2;
        let skips = |rows: i32, columns: i32| {
            can_skip
                && ((rows < 0 && area.latitude.min < bounds.south)
                    || (rows > 0 && area.latitude.max > bounds.north)
                    || (columns < 0 && area.longitude.min < bounds.west)
                    || (columns > 0 && area.longitude.max > bounds.east))
        };
        const AROUND: [(i32, i32); 9] =
            [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)];
        let mut cells: Vec<Cell> = Vec::with_capacity(AROUND.len());
        for (rows, columns) in AROUND {
            let cell = center.neighbour(rows, columns);
            if !skips(rows, columns) && !cells.contains(&cell) {
                cells.push(cell);
            }
        }
        cells
    }

    /// The step whose cells are about as large as the shape.
    fn step(self) -> u32 {
        let reach = match self.extent {
            Extent::Circle { radius } => radius,
            Extent::Box { width, height } => (width / 2.0).hypot(height / 2.0),
        };
        if reach == 0.0 {
            return STEP_MAX;
        }
        let (mut step, mut covered) = (1i32, reach);
        while covered < REACH_MAX {
            covered *= 2.0;
            step += 1;
        }
        // Two steps back, so that the cells around cover the worst case; and towards the poles,
        // where cells are narrow, one or two more.
        step -= 2;
        let latitude = self.center.latitude.abs();
        step -= i32::from(latitude > 66.0) + i32::from(latitude > 80.0);
        step.clamp(1, STEP_MAX as i32).unsigned_abs()
    }

    fn bounds(self) -> Bounds {
        let Position { longitude, latitude } = self.center;
        let (half_width, half_height) = match self.extent {
            Extent::Circle { radius } => (radius, radius),
            Extent::Box { width, height } => (width / 2.0, height / 2.0),
        };
        let rise = degrees(half_height / EARTH_RADIUS);
        // A degree of longitude is shortest on the side of the nearer pole.
        let narrow = if latitude < 0.0 { latitude - rise } else { latitude + rise };
        let reach = degrees(half_width / EARTH_RADIUS / radians(narrow).cos());
        Bounds {
            west: longitude - reach,
            east: longitude + reach,
            south: latitude - rise,
            north: latitude + rise,
        }
    }
}

/// The least and greatest coordinates of a shape, in degrees.
struct Bounds {
    west: f64,
    east: f64,
    south: f64,
    north: f64,
}

impl Bounds {
    /// Whether the cells around a cell reach as far.
    fn are_within_neighbours_of(&self, cell: Cell) -> bool {
        let (north, south) = (cell.neighbour(1, 0).area(), cell.neighbour(-1, 0).area());
        let (east, west) = (cell.neighbour(0, 1).area(), cell.neighbour(0, -1).area());
        debug_assert!(cell.step() > 0);
        north.latitude.max >= self.north
            && south.latitude.min <= self.south
            && east.longitude.max >= self.east
            && west.longitude.min <= self.west
    }
}

#[cfg(test)]
mod tests {
    use super::super::cell::{LATITUDE_MAX, score_of};
    use super::*;
    use proptest::prelude::*;

    fn position() -> impl Strategy<Value = Position> {
        (-180.0f64..180.0, -85.0f64..85.0)
            .prop_map(|(longitude, latitude)| Position { longitude, latitude })
    }

    fn is_covered(shape: Shape, position: Position) -> bool {
        let score = score_of(position);
        shape.cells().into_iter().any(|cell| {
            let (first, end) = cell.scores();
            (first..end).contains(&score)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        /// No position within a shape of up to some hundred kilometers is missed.
        #[test]
        fn cells_cover_the_shape(
            center in position(),
            reach in 1.0f64..300_000.0,
            east in -1.0f64..1.0,
            north in -1.0f64..1.0,
            is_box in any::<bool>(),
        ) {
            prop_assume!(center.latitude.abs() < 70.0 && center.longitude.abs() < 170.0);
            let extent = if is_box {
                Extent::Box { width: reach * 2.0, height: reach * 2.0 }
            } else {
                Extent::Circle { radius: reach }
            };
            let shape = Shape { center, extent };
            let per_degree = EARTH_RADIUS * radians(1.0);
            let latitude = center.latitude + north * reach / per_degree;
            let longitude =
                center.longitude + east * reach / per_degree / radians(latitude).cos();
            let position = Position {
                longitude,
                latitude: latitude.clamp(-LATITUDE_MAX, LATITUDE_MAX),
            };
            if shape.distance_within(position).is_some() {
                prop_assert!(is_covered(shape, position), "{shape:?} {position:?}");
            }
        }

        #[test]
        fn any_shape_has_its_center(center in position(), reach in 0.0f64..30_000_000.0) {
            let shape = Shape { center, extent: Extent::Circle { radius: reach } };
            prop_assert!(is_covered(shape, center));
            prop_assert!(shape.cells().len() <= 9);
        }
    }
}
