"""What is measured: one work in each file, `run(rounds)` gives its Result."""
