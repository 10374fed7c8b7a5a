"""Appends the hash-chained audit log."""
