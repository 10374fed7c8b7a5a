"""The CloudEvents edge: commands at `POST /`."""
