//! One binary for all targets: `FUZZ_TARGET` chooses one. See `make fuzz`.

#![no_main]

use std::sync::LazyLock;

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    ssowatch::fuzz::target(&name).unwrap_or_else(|| {
        let names: Vec<_> = ssowatch::fuzz::TARGETS.iter().map(|target| target.name).collect();
        panic!("FUZZ_TARGET is one of {}", names.join(", "))
    })
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| TARGET(data));
