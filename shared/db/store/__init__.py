"""SQL of what events and requests need: outbox, inbox, failures, idempotency, reconciliation, forgetting."""
