"""The parts of the benchmark: contenders, load, and evaluation of the measurements."""
