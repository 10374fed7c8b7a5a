"""Delivers what happened: in-app messages and signed webhooks."""
