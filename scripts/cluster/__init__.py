"""TaskFlow on a cluster: the code of deploy-local.sh, teardown-local.sh and e2e-cluster."""
