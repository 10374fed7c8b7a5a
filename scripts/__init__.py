"""Commands that run on a developer's machine or in CI; no function imports anything from here."""
