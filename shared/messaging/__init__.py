"""The CloudEvents codec, strict JSON, and the publishers for Kafka and for the local platform's log."""
