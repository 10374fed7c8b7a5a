"""The local platform: a small Knative driven by `knative/` and `eventing/`; started by `scripts/run`."""
