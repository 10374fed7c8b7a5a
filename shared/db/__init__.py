"""PostgreSQL: the schema, the unit of work, the outbox, the inbox and all SQL."""
