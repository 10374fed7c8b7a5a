"""The OpenAPI document of the task API and the route that serves it."""
