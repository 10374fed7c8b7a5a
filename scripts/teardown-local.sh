#!/usr/bin/env bash
# Removes what scripts/deploy-local.sh installed: docs/deploy-local.md.
#
#   scripts/teardown-local.sh [--cluster minikube|kind|current] [--delete-cluster]
#
# Sources and topics go while their controllers still live: afterwards nobody would take their finalizers off.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=cluster/launch.bash
source "$(dirname -- "${BASH_SOURCE[0]}")/cluster/launch.bash"
launch teardown "$@"
