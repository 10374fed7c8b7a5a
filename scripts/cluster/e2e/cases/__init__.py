"""The cases of e2e-cluster: each takes the bench and returns what it measured, or raises."""
