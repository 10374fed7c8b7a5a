"""The process around a function: HTTP and event adapters, authentication, settings, logs, drain."""
