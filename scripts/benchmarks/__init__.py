"""The benchmarks behind `scripts/bench`: each compares with a peer in the same run."""
