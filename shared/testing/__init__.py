"""Factories and doubles for tests. The tests of the real thing also run on its double."""
