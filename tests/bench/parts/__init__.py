"""What the benchmark is made of: contenders, load, and what is made of the measurements."""
