"""What all nouns of the API use: routing, idempotent writes, query parameters, pages, OpenAPI."""
