"""`scripts/e2e-cluster`: the cases that only a real cluster can show, and the report of them."""
