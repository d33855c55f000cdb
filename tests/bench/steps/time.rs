//! What each step takes on this machine, for comparing two states of the code on it.

use criterion::{Criterion, criterion_group, criterion_main};

fn steps(criterion: &mut Criterion) {
    for step in steps::all() {
        criterion.bench_function(step.name, |bencher| bencher.iter(&step.run));
    }
}

criterion_group!(benches, steps);
criterion_main!(benches);
