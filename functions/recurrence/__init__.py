"""Creates the next occurrence when one is completed or skipped."""
