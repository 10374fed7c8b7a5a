"""PostgreSQL for a local cluster: `python -m scripts.cluster.postgres_server`, the command of its pod.

Makes the data directory at PGDATA at the first start, with the administrator's password of the file
ADMIN_PASSWORD_FILE; every connection needs a password (SCRAM). SIGTERM becomes PostgreSQL's fast shutdown:
its own answer to SIGTERM would wait for the last client.
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from scripts.local.postgres_binaries import Server, locate

_SETTINGS = {
    "listen_addresses": "*",
    "max_connections": "200",
    "jit": "off",
    "shared_buffers": "64MB",
    "dynamic_shared_memory_type": "mmap",  # a pod's /dev/shm is 64 MB
}
_ACCESS = "local all all scram-sha-256\nhost all all all scram-sha-256\n"


class CannotServe(RuntimeError):
    """The data directory could not be made; the message ends with initdb's own words."""


def main() -> int:
    """PostgreSQL's exit code: 0 after SIGTERM."""
    data, password = Path(os.environ["PGDATA"]), Path(os.environ["ADMIN_PASSWORD_FILE"])
    server = locate(Path("/nonexistent"))  # only root would need it, and a pod has none
    try:
        initialize(server, data, password)
    except CannotServe as error:
        print(f"postgres-server: {error}", file=sys.stderr)
        return 1
    return serve(server, data)


def initialize(server: Server, data: Path, password: Path) -> None:
    """Make the cluster unless it exists; renamed when whole, so that a killed initdb leaves none."""
    if (data / "PG_VERSION").exists():
        return
    partial = data.with_name(f"{data.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = [server.path("initdb"), "-D", str(partial), "-U", "postgres", "--pwfile", str(password)]
    command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-instructions"]
    done = server.run(command)
    if done.returncode:
        raise CannotServe(f"initdb failed in {partial}:\n{done.stdout}{done.stderr}")
    (partial / "pg_hba.conf").write_text(_ACCESS)
    partial.rename(data)


def serve(server: Server, data: Path) -> int:
    """Until it ends; a container that was killed leaves a postmaster.pid that names a process of the past."""
    (data / "postmaster.pid").unlink(missing_ok=True)
    sockets = data.parent
    command = [server.path("postgres"), "-D", str(data), "-k", str(sockets)]
    for name, value in _SETTINGS.items():
        command += ["-c", f"{name}={value}"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: process.send_signal(signal.SIGINT))
        return process.wait()


if __name__ == "__main__":
    raise SystemExit(main())
