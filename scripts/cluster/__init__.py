"""TaskFlow on a cluster: what stands behind deploy-local.sh, teardown-local.sh and e2e-cluster."""
