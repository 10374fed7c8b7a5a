"""The local platform: runs the manifests of `knative/` and `eventing/` on one machine; started by
`scripts/run`.
"""
