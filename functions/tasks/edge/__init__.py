"""What every noun of the API stands on: routing, idempotent writes, query parameters, pages, OpenAPI."""
