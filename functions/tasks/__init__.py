"""The task API: all resources of users, over HTTP and as command CloudEvents."""
