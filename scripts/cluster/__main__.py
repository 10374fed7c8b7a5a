"""`deploy` and `teardown`. Started by `launch.bash` for the two shell scripts."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[2])

from scripts.bootstrap import ensure_environment  # noqa: E402  # needs the path

ensure_environment(__file__)

from scripts.cluster import deploy, teardown  # noqa: E402  # need the environment

COMMANDS = {"deploy": deploy.main, "teardown": teardown.main}

raise SystemExit(COMMANDS[sys.argv[1]](sys.argv[2:]))
