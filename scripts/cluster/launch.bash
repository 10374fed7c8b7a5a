# shellcheck shell=bash
# Sourced by deploy-local.sh and teardown-local.sh: finds a Python and becomes `launch COMMAND ARGUMENTS`.

launch() {
  local here python
  here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
  for python in python3.11 python3.12 python3.13 python3.14 python3; do
    if command -v "$python" >/dev/null && "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
      exec "$python" "$here/__main__.py" "$@"
    fi
  done
  echo "STOP   no Python 3.11 or newer is on the PATH: sudo apt-get install python3 python3-venv (macOS: brew install python)" >&2
  exit 2
}
