"""Factories and doubles for tests; a double passes the suite of the real thing."""
