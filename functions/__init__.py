"""The verbs: one folder per function, each a Knative Service."""
