"""All SQL about users' rows, each class bound to one transaction and its owner."""
