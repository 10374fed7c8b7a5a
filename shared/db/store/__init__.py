"""SQL of the plumbing: outbox, inbox, failures, idempotency, reconciliation."""
