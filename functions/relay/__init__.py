"""Publishes what is left in the outbox, sends lost events again, deletes old rows, records dead letters."""
