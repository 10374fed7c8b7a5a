"""Commands as CloudEvents at `POST /`."""
