"""Drills: the steps of a runbook, tried on a separate platform."""
