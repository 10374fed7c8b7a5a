"""Every event that TaskFlow publishes, as frozen dataclasses."""
