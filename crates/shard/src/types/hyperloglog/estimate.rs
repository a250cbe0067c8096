//! The estimate: Otmar Ertl's improved raw estimator ("New cardinality estimation algorithms for
//! HyperLogLog sketches", 2017), which needs no tables and no special cases for small counts.

use super::REGISTERS;

/// How many registers have each value.
pub(super) type Histogram = [u32; 64];

/// No registers.
pub(super) const EMPTY: Histogram = [0; 64];

/// The highest value that a register of a well-formed value has, less one.
const TOP: usize = 50;
/// 1 / (2 ln 2).
const ALPHA: f64 = 0.721_347_520_444_481_7;

/// How many different elements make such registers, most likely.
pub(super) fn estimate(histogram: &Histogram) -> u64 {
    let all = REGISTERS as f64;
    let mut z = all * tau((all - f64::from(histogram[TOP + 1])) / all);
    for count in histogram[1..=TOP].iter().rev() {
        z = (z + f64::from(*count)) * 0.5;
    }
    z += all * sigma(f64::from(histogram[0]) / all);
    (ALPHA * all * all / z).round() as u64
}

fn tau(x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut x, mut y, mut z) = (x, 1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        y *= 0.5;
        let before = z;
        z -= (1.0 - x).powi(2) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

fn sigma(x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut x, mut y, mut z) = (x, 1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes() {
        let mut histogram = EMPTY;
        histogram[0] = REGISTERS as u32;
        assert_eq!(estimate(&histogram), 0);
        histogram[0] -= 1;
        histogram[2] = 1;
        assert_eq!(estimate(&histogram), 1);
        // Registers that no element can have made: any number will do, a panic will not.
        for value in 0..64 {
            let mut histogram = EMPTY;
            histogram[value] = REGISTERS as u32;
            estimate(&histogram);
        }
        estimate(&EMPTY);
    }
}
