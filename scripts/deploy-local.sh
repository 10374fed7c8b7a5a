#!/usr/bin/env bash
# Installs TaskFlow on a local Kubernetes cluster, or on the current one: docs/deploy-local.md.
#
#   scripts/deploy-local.sh [--cluster minikube|kind|current] [--profile core|full] [--check]
#
# A preflight comes first and changes nothing. Every phase finds its work done when the command is run again.
set -euo pipefail

project=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

for python in python3.11 python3.12 python3.13 python3.14 python3; do
  if command -v "$python" >/dev/null && "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    exec "$python" "$project/scripts/cluster/__main__.py" deploy "$@"
  fi
done
echo "STOP   no Python 3.11 or newer is on the PATH: sudo apt-get install python3 python3-venv (macOS: brew install python)" >&2
exit 2
