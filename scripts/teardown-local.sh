#!/usr/bin/env bash
# Removes what scripts/deploy-local.sh installed: docs/deploy-local.md.
#
#   scripts/teardown-local.sh [--cluster minikube|kind|current] [--delete-cluster]
#
# Sources and topics go while their controllers still live: afterwards nobody would take their finalizers off.
set -euo pipefail

project=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

for python in python3.11 python3.12 python3.13 python3.14 python3; do
  if command -v "$python" >/dev/null && "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    exec "$python" "$project/scripts/cluster/__main__.py" teardown "$@"
  fi
done
echo "STOP   no Python 3.11 or newer is on the PATH: sudo apt-get install python3 python3-venv (macOS: brew install python)" >&2
exit 2
