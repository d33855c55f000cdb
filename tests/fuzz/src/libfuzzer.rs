//! The targets for libFuzzer, which has its own `main`. `TOOLGATE_FUZZ` names one of them, and
//! `TOOLGATE_FUZZ_SEEDS` the directory that gets its seeds.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use fuzz::Target;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var_os("TOOLGATE_FUZZ").unwrap_or_default();
    let target = name.to_str().and_then(Target::named);
    target.unwrap_or_else(|| panic!("TOOLGATE_FUZZ names no target: {name:?}"))
});

fn write_seeds() {
    let Some(directory) = std::env::var_os("TOOLGATE_FUZZ_SEEDS").map(PathBuf::from) else {
        return;
    };
    for (number, seed) in TARGET.seeds().iter().enumerate() {
        let path = directory.join(number.to_string());
        #[expect(clippy::disallowed_methods, reason = "the error names the path")]
        std::fs::write(&path, seed).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

libfuzzer_sys::fuzz_target!(init: write_seeds(), |data: &[u8]| TARGET.run(data));
