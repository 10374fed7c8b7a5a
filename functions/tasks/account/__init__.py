"""What a user decides for all of their tasks."""
