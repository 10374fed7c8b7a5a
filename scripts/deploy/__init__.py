"""Installs the chart; if it does not become ready, the version before runs again. Used by
`scripts/helm-deploy`.
"""
