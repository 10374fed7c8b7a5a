"""Drills: what a runbook promises, tried on a platform of its own."""
