"""The published language: every event TaskFlow writes, as frozen dataclasses."""
