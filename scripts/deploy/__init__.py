"""Installs the chart; what ran goes on running when it cannot become ready. Used by `scripts/helm-deploy`."""
