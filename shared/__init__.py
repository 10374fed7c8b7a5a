"""The nouns and the plumbing that the functions stand on."""
