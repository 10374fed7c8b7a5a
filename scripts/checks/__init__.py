"""The checks of a change: linters, types, contracts and the test tiers. Used by `scripts/test`."""
