//! Random histories of a log.

use proptest::prelude::*;

use super::*;

fn lengths() -> impl Strategy<Value = Vec<usize>> {
    let length = prop_oneof![8 => 1usize..60, 2 => 60usize..200, 1 => 300usize..900];
    proptest::collection::vec(length, 0..12)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => lengths().prop_map(Step::Append),
        2 => any::<bool>().prop_map(|whole| Step::Begin { whole }),
        2 => Just(Step::Rotate),
        2 => lengths().prop_map(Step::CopyTruncate),
        2 => (1u32..6, any::<bool>()).prop_map(|(number, gzip)| {
            Step::Compress(number, if gzip { Tool::Gzip } else { Tool::Zstd })
        }),
        1 => lengths().prop_map(Step::RotateAway),
        6 => Just(Step::Look),
        6 => (1usize..20).prop_map(Step::Read),
        1 => Just(Step::Kill),
        1 => Just(Step::Quiet),
    ]
}

proptest! {
    #[test]
    fn property_test_every_line_counts_exactly_once(
        steps in proptest::collection::vec(step(), 1..40),
    ) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
        world.finish();
        prop_assert_eq!(world.check(), Ok(()));
    }
}
