//! Runs every target over its seeds and over some mutations of them, always the same ones.

use fuzz::{Target, mutations};

/// As many as take a few seconds, for most targets.
const SEEDS: usize = 300;
const MUTATIONS: usize = 600;

/// Tells the input of a target that fails.
struct Told<'a>(&'a Target, &'a [u8]);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("`{}` fails with \"{}\"", self.0.name, self.1.escape_ascii());
        }
    }
}

#[track_caller]
fn check(name: &str, share: usize) {
    let target = Target::named(name).expect("a target");
    let seeds = target.seeds();
    assert!(!seeds.is_empty());
    let some = seeds.len().div_ceil(SEEDS / share);
    let inputs = seeds.iter().step_by(some).cloned();
    for input in inputs.chain(mutations(&seeds, MUTATIONS / share)) {
        let _told = Told(&target, &input);
        target.run(&input);
    }
}

macro_rules! targets {
    ($($name:ident / $share:literal),+ $(,)?) => {
        $(#[test]
        fn $name() {
            check(stringify!($name), $share);
        })+

        #[test]
        fn none_is_left_out() {
            let run = [$(stringify!($name)),+];
            assert_eq!(fuzz::TARGETS.map(|target| target.name), run);
        }
    };
}

targets! {
    approval / 1,
    arguments / 1,
    cases / 10,
    claims / 1,
    config / 10,
    json / 1,
    masked / 1,
    recovered / 1,
    request / 1,
    response / 1,
    sse / 1,
    tools / 10,
}
