"""Sweeps the outbox, reconciles, forgets what is old and records dead letters."""
