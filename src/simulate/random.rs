//! Counter-based random numbers: every decision is a pure function of a seed, the name of a stream and indices.
//!
//! Nothing is drawn in sequence, so that the generator may work in any order, and adding one fault leaves every other
//! decision as it was. The mixing is splitmix64's, the name of a stream enters by FNV-1a. Mathematical functions come from
//! `libm`, not from the C library of the machine: the same seed gives the same bytes everywhere.

use std::f64::consts::PI;

/// 2^-53: a 53-bit integer becomes a number in 0..1.
const SCALE: f64 = 1.0 / 9_007_199_254_740_992.0;
/// 2^-54: keeps uniform numbers above 0, so that their logarithm is finite.
const HALF_STEP: f64 = SCALE / 2.0;

/// Above this mean a Poisson number comes from the normal approximation: sequential inversion would start from a
/// probability that underflows.
const POISSON_EXACT_MAX: f64 = 400.0;
/// Largest number that sequential inversion gives.
const POISSON_STEPS_MAX: u32 = 2000;

/// A named source of random numbers under one seed. Its name is hashed once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream(u64);

/// Normally distributed numbers: two streams, named after one.
#[derive(Clone, Copy, Debug)]
pub(super) struct NormalStream(Stream, Stream);

impl Stream {
    pub(super) fn new(seed: u64, name: &str) -> Self {
        Self(mix(seed.wrapping_add(fnv(name))))
    }

    /// 64 random bits for these indices.
    pub(super) fn bits(self, indices: &[u64]) -> u64 {
        indices.iter().fold(self.0, |state, index| {
            mix(state
                .wrapping_mul(0x9E37_79B9_7F4A_7C15)
                .wrapping_add(*index)
                .wrapping_add(0x632B_E59B_D9B4_E019))
        })
    }

    /// Uniform in 0..1, never 0.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
    pub(super) fn uniform(self, indices: &[u64]) -> f64 {
        (self.bits(indices) >> 11) as f64 * SCALE + HALF_STEP
    }

    /// Whether something of this probability happens.
    pub(super) fn happens(self, probability: f64, indices: &[u64]) -> bool {
        self.uniform(indices) < probability
    }
}

impl NormalStream {
    pub(super) fn new(seed: u64, name: &str) -> Self {
        Self(Stream::new(seed, &format!("{name}.a")), Stream::new(seed, &format!("{name}.b")))
    }

    /// Mean 0, variance 1.
    pub(super) fn normal(self, indices: &[u64]) -> f64 {
        libm::sqrt(-2.0 * libm::log(self.0.uniform(indices)))
            * libm::cos(2.0 * PI * self.1.uniform(indices))
    }
}

/// A number of mean `mean` from the Poisson distribution: its quantile at `uniform`.
pub(super) fn poisson(mean: f64, uniform: f64) -> u32 {
    if mean > POISSON_EXACT_MAX {
        let value = libm::rint(mean + libm::sqrt(mean) * normal_quantile(uniform));
        return truncate(value.max(0.0));
    }
    let mut count = 0;
    let mut term = libm::exp(-mean);
    let mut sum = term;
    while uniform > sum && count < POISSON_STEPS_MAX {
        count += 1;
        term *= mean / f64::from(count);
        sum += term;
    }
    count
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, never negative"
)]
fn truncate(value: f64) -> u32 {
    value as u32
}

fn mix(mut z: u64) -> u64 {
    z ^= z >> 30;
    z = z.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z ^= z >> 27;
    z = z.wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The quantile of the normal distribution by Wichura's algorithm AS 241 (PPND16), good to 16 digits.
fn normal_quantile(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return q * ratio(r, &CENTRE);
    }
    let tail = libm::sqrt(-libm::log(p.min(1.0 - p).max(f64::MIN_POSITIVE)));
    let value =
        if tail <= 5.0 { ratio(tail - 1.6, &SHOULDER) } else { ratio(tail - 5.0, &FAR_TAIL) };
    if q < 0.0 { -value } else { value }
}

/// Coefficients of numerator and denominator, highest power first.
type Rational = ([f64; 8], [f64; 8]);

const CENTRE: Rational = (
    [
        2_509.080_928_730_122_7,
        33_430.575_583_588_13,
        67_265.770_927_008_7,
        45_921.953_931_549_87,
        13_731.693_765_509_46,
        1_971.590_950_306_551_3,
        133.141_667_891_784_38,
        3.387_132_872_796_366_5,
    ],
    [
        5_226.495_278_852_854,
        28_729.085_735_721_943,
        39_307.895_800_092_71,
        21_213.794_301_586_597,
        5_394.196_021_424_751,
        687.187_007_492_057_9,
        42.313_330_701_600_91,
        1.0,
    ],
);
const SHOULDER: Rational = (
    [
        7.745_450_142_783_414e-4,
        0.022_723_844_989_269_184,
        0.241_780_725_177_450_6,
        1.270_458_252_452_368_4,
        3.647_848_324_763_204_5,
        5.769_497_221_460_691,
        4.630_337_846_156_546,
        1.423_437_110_749_683_5,
    ],
    [
        1.050_750_071_644_416_8e-9,
        5.475_938_084_995_345e-4,
        0.015_198_666_563_616_457,
        0.148_103_976_427_480_08,
        0.689_767_334_985_1,
        1.676_384_830_183_803_8,
        2.053_191_626_637_759,
        1.0,
    ],
);
const FAR_TAIL: Rational = (
    [
        2.010_334_399_292_288_1e-7,
        2.711_555_568_743_487_6e-5,
        0.001_242_660_947_388_078_4,
        0.026_532_189_526_576_124,
        0.296_560_571_828_504_87,
        1.784_826_539_917_291_3,
        5.463_784_911_164_114,
        6.657_904_643_501_103,
    ],
    [
        2.044_263_103_389_939_8e-15,
        1.421_511_758_316_446e-7,
        1.846_318_317_510_054_8e-5,
        7.868_691_311_456_133e-4,
        0.014_875_361_290_850_615,
        0.136_929_880_922_735_8,
        0.599_832_206_555_888,
        1.0,
    ],
);

fn ratio(x: f64, (numerator, denominator): &Rational) -> f64 {
    let horner = |coefficients: &[f64; 8]| coefficients.iter().fold(0.0, |sum, c| sum * x + c);
    horner(numerator) / horner(denominator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_a_function_of_seed_stream_and_indices() {
        // Reference values of an independent implementation.
        assert_eq!(Stream::new(42, "out").bits(&[7, 1]), 0xc762_f56e_48bb_e665);
        assert_eq!(Stream::new(42, "out").bits(&[]), 0xe2f2_2c6b_444d_c0e2);
        let close = |a: f64, b: f64| (a - b).abs() < 1e-12;
        assert!(close(Stream::new(42, "out").uniform(&[7, 1]), 0.778_853_740_143_616_9));
        assert!(close(NormalStream::new(8, "rdel").normal(&[3]), 0.979_774_574_591_115_3));
        assert_ne!(Stream::new(42, "out").bits(&[7, 1]), Stream::new(42, "out").bits(&[1, 7]));
        assert_ne!(Stream::new(42, "out").bits(&[7, 1]), Stream::new(43, "out").bits(&[7, 1]));
    }

    #[test]
    fn poisson_numbers_are_quantiles_and_agree_across_the_change_of_method() {
        let cases = [
            (0.0, 0.5, 0),
            (3.0, 0.5, 3),
            (3.0, 0.0497, 0),
            (3.0, 0.0498, 1),
            (400.0, 0.5, 400),
            (1000.0, 0.5, 1000),
            (1000.0, 0.975, 1062),
            (1000.0, 0.000_000_1, 836),
        ];
        for (mean, uniform, want) in cases {
            assert_eq!(poisson(mean, uniform), want, "{mean} {uniform}");
        }
        for uniform in [0.001, 0.1, 0.3, 0.7, 0.9, 0.999] {
            let (exact, approximate) = (poisson(400.0, uniform), poisson(400.1, uniform));
            assert!(exact.abs_diff(approximate) <= 2, "{uniform}: {exact} {approximate}");
        }
    }

    #[test]
    fn quantiles_of_the_normal_distribution_are_those_of_the_tables() {
        for (p, want) in [
            (0.5, 0.0),
            (0.975, 1.959_963_984_540_054),
            (0.025, -1.959_963_984_540_054),
            (1e-12, -7.034_483_825_301_131),
        ] {
            assert!((normal_quantile(p) - want).abs() < 1e-9, "{p}");
        }
    }
}
