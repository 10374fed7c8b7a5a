"""Makes the container image without a container runtime; `scripts/image` calls `command`."""
