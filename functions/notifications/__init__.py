"""Tells users about events: in-app messages, the daily digest and signed webhooks."""
