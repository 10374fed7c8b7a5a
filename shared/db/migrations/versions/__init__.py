"""Alembic migrations; `shared.db.migrate` runs them."""
