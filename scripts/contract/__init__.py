"""Generates the published contracts from the code: event schemas, AsyncAPI, OpenAPI (`scripts/contracts`)."""
