"""Finds reminders that are due and emits `reminder.due`."""
