"""Records in and out of Kafka: the CloudEvents codec and the publishers."""
