#!/usr/bin/env bash
# Installs TaskFlow on a local Kubernetes cluster, or on the current one: docs/deploy-local.md.
#
#   scripts/deploy-local.sh [--cluster minikube|kind|current] [--profile core|full] [--check]
#
# A preflight comes first and changes nothing. Every phase finds its work done when the command is run again.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=cluster/launch.bash
source "$(dirname -- "${BASH_SOURCE[0]}")/cluster/launch.bash"
launch deploy "$@"
