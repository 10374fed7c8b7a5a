"""The user's own audit log."""
