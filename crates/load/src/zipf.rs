//! Which key comes next: all alike, or few keys most of the time (Zipf).
//!
//! Drawing from Zipf by a table of sums needs memory for every key; rejection inversion
//! (Hörmann and Derflinger, 1996) needs none and is exact for any exponent above 0.
//!
//! # Not here
//! Spreading hot keys over slots: CRC16 of the key's text does that.

use fastrand::Rng;

/// Draws indexes of keys.
#[derive(Debug, Clone)]
pub enum KeyPicker {
    /// Every index below the count alike.
    Uniform {
        /// How many indexes there are.
        count: u64,
    },
    /// Index 0 most often, index i about (i + 1)^-exponent as often.
    Zipf(Zipf),
}

impl KeyPicker {
    /// A picker over `count` keys, skewed when there is an exponent.
    pub fn new(count: u64, exponent: Option<f64>) -> Self {
        match exponent {
            Some(exponent) if exponent > 0.0 => Self::Zipf(Zipf::new(count, exponent)),
            _ => Self::Uniform { count },
        }
    }

    /// The next index.
    pub fn pick(&self, random: &mut Rng) -> u64 {
        match self {
            Self::Uniform { count } => random.u64(0..*count),
            Self::Zipf(zipf) => zipf.pick(random),
        }
    }
}

/// The Zipf distribution over `0..count`.
#[derive(Debug, Clone)]
pub struct Zipf {
    count: f64,
    exponent: f64,
    /// The integral of the hat function at both ends and the width of the sure part.
    integral_first: f64,
    integral_last: f64,
    sure: f64,
}

impl Zipf {
    /// A distribution over `count` indexes.
    ///
    /// # Panics
    /// When there is no index or the exponent is not above 0.
    pub fn new(count: u64, exponent: f64) -> Self {
        assert!(count > 0 && exponent > 0.0, "zipf needs a key and an exponent above 0");
        let count = count as f64;
        let sure = 2.0 - integral_inverse(integral(2.5, exponent) - 2f64.powf(-exponent), exponent);
        Self {
            count,
            exponent,
            integral_first: integral(1.5, exponent) - 1.0,
            integral_last: integral(count + 0.5, exponent),
            sure,
        }
    }

    fn pick(&self, random: &mut Rng) -> u64 {
        loop {
            let point =
                self.integral_last + random.f64() * (self.integral_first - self.integral_last);
            let x = integral_inverse(point, self.exponent);
            let rank = x.round().clamp(1.0, self.count);
            let accepted = rank - x <= self.sure
                || point >= integral(rank + 0.5, self.exponent) - rank.powf(-self.exponent);
            if accepted {
                return rank as u64 - 1;
            }
        }
    }
}

/// The integral of x^-exponent, up to a constant.
fn integral(x: f64, exponent: f64) -> f64 {
    let log = x.ln();
    let scaled = (1.0 - exponent) * log;
    // (e^y - 1) / y tends to 1, but the division does not.
    if scaled.abs() > 1e-8 { scaled.exp_m1() / scaled * log } else { log }
}

fn integral_inverse(y: f64, exponent: f64) -> f64 {
    let scaled = (y * (1.0 - exponent)).max(-1.0);
    if scaled.abs() > 1e-8 { (scaled.ln_1p() / scaled * y).exp() } else { y.exp() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frequencies(picker: &KeyPicker, count: usize, draws: u32) -> Vec<f64> {
        let mut random = Rng::with_seed(1);
        let mut seen = vec![0u32; count];
        for _ in 0..draws {
            seen[picker.pick(&mut random) as usize] += 1;
        }
        seen.iter().map(|&times| f64::from(times) / f64::from(draws)).collect()
    }

    #[test]
    fn zipf_draws_each_rank_as_often_as_its_power_says() {
        for exponent in [0.5, 0.99, 1.0, 1.5] {
            let sum: f64 = (1..=1000).map(|rank| f64::from(rank).powf(-exponent)).sum();
            let seen = frequencies(&KeyPicker::new(1000, Some(exponent)), 1000, 400_000);
            for rank in [1, 2, 3, 10, 100] {
                let expected = f64::from(rank).powf(-exponent) / sum;
                let got = seen[rank as usize - 1];
                let tolerance = 5.0 * (expected / 400_000.0).sqrt();
                assert!((got - expected).abs() < tolerance, "{exponent} {rank}: {got} {expected}");
            }
        }
    }

    #[test]
    fn uniform_draws_every_key() {
        let seen = frequencies(&KeyPicker::new(10, None), 10, 100_000);
        assert!(seen.iter().all(|&part| (part - 0.1).abs() < 0.01), "{seen:?}");
    }

    #[test]
    fn one_key_is_always_the_first() {
        let mut random = Rng::with_seed(1);
        assert_eq!(KeyPicker::new(1, Some(0.99)).pick(&mut random), 0);
    }
}
