"""Live updates: server-sent events over the change feed."""
