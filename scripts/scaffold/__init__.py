"""Makes the files of a new event function. Used by `scripts/new-function`."""
