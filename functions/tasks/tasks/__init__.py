"""Tasks: create, change, complete, list."""
