"""The task API: every user-facing resource, over HTTP and as command CloudEvents."""
