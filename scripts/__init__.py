"""Operator commands: everything here runs on a developer's machine or in CI, never inside a function."""
