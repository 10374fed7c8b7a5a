"""Fetches Debian packages with apt and unpacks them as any user; `base` says which.

apt works on lists and an architecture of its own, so neither root nor the machine's packages are touched.
"""

import hashlib
import io
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.oci.errors import CannotBuild

_AR_MAGIC, _AR_HEADER = b"!<arch>\n", 60


@dataclass(frozen=True)
class Package:
    """One binary package as its control file describes it."""

    name: str
    version: str
    architecture: str
    sha256: str
    control: str
    file: Path


def fetch(names: Sequence[str], *, architecture: str, into: Path) -> tuple[Package, ...]:
    """The newest `names` of apt's sources, verified by apt; what is there already is not loaded again."""
    state, packages = into / f"apt-{architecture}", into / f"packages-{architecture}"
    for part in (state / "lists/partial", state / "cache/archives/partial", packages):
        part.mkdir(parents=True, exist_ok=True)
    _apt("update", "-qq", state=state, architecture=architecture, where=state)
    listed = _apt(  # where no package lies: apt lists only what it would load
        "download", "--print-uris", "-qq", *names, state=state, architecture=architecture, where=state
    )
    _apt("download", "-qq", *names, state=state, architecture=architecture, where=packages)
    kept = dict(_saved(line) for line in listed.splitlines() if line.startswith("'"))
    for file in packages.glob("*.deb"):
        if file.name not in kept:
            file.unlink()
    (packages / "sha256sums").write_text("".join(f"{kept[name]}  {name}\n" for name in sorted(kept)))
    return present(architecture=architecture, into=into)


def present(*, architecture: str, into: Path) -> tuple[Package, ...]:
    """What `fetch` has left there; raises CannotBuild for a file that is not what apt named."""
    packages = into / f"packages-{architecture}"
    try:
        lines = (packages / "sha256sums").read_text().splitlines()
    except FileNotFoundError:
        raise CannotBuild(f"no packages for {architecture} in {into}: run once without --offline") from None
    pairs = (line.split("  ", 1) for line in lines)
    return tuple(sorted((_read(packages / name, sha) for sha, name in pairs), key=lambda p: p.name))


def unpack(package: Package, root: Path) -> None:
    """Its files under `root`, where the directories that Debian merged into /usr must exist as links."""
    with _member(package.file, "data.tar") as archive:
        archive.extraction_filter = _as_it_is  # Pythons before 3.11.4 know no filter and need none
        archive.extractall(root, members=_files(archive))  # noqa: S202  # the distribution has signed it


def _as_it_is(member: tarfile.TarInfo, _: str) -> tarfile.TarInfo:
    """Absolute links and all."""
    return member


def _files(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Everything but directories that would replace a merged one; parents are made on the way."""
    for member in archive:
        if not member.isdir():
            yield member


def _read(file: Path, sha256: str) -> Package:
    if not file.exists() or hashlib.sha256(file.read_bytes()).hexdigest() != sha256:
        raise CannotBuild(f"{file} is absent or damaged: remove its directory and try again")
    with _member(file, "control.tar") as archive:
        control = next(m for m in archive if Path(m.name).name == "control")
        data = archive.extractfile(control)
        assert data is not None, "a control file is a file"
        text = data.read().decode()
    fields = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line and line[0] != " ")
    return Package(fields["Package"], fields["Version"], fields["Architecture"], sha256, text, file)


def _member(file: Path, prefix: str) -> tarfile.TarFile:
    """The tar inside the ar archive that a .deb is."""
    raw = file.read_bytes()
    if not raw.startswith(_AR_MAGIC):
        raise CannotBuild(f"{file} is no Debian package: remove it and try again")
    at = len(_AR_MAGIC)
    while at < len(raw):
        header = raw[at : at + _AR_HEADER]
        name, size = header[:16].decode().strip().rstrip("/"), int(header[48:58])
        if name.startswith(prefix):
            return _opened(name, raw[at + _AR_HEADER : at + _AR_HEADER + size])
        at += _AR_HEADER + size + size % 2
    raise CannotBuild(f"{file} has no {prefix}: remove it and try again")


def _opened(name: str, data: bytes) -> tarfile.TarFile:
    try:
        return tarfile.open(fileobj=io.BytesIO(data))
    except tarfile.ReadError:
        raise CannotBuild(
            f"{name} is compressed as this Python cannot read it: the base needs the sources of Debian 12"
        ) from None


def _saved(line: str) -> tuple[str, str]:
    """File name and SHA-256 of a line of `apt-get download --print-uris`."""
    _, name, _, checksum = line.split()
    return name, checksum.removeprefix("SHA256:")


def _apt(*command: str, state: Path, architecture: str, where: Path) -> str:
    settings = {
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "Acquire::Languages": "none",
        "Dir::Cache": state / "cache",
        "Dir::State::Lists": state / "lists",
        "Dir::State::status": "/dev/null",
    }
    options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
    try:
        done = subprocess.run(
            ["apt-get", *options, *command], cwd=where, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise CannotBuild(
            "no apt-get: the base comes from Debian 12; build the Dockerfile elsewhere"
        ) from None
    if done.returncode:
        reason = next((line for line in done.stderr.splitlines() if line.startswith("E:")), done.stderr)
        raise CannotBuild(f"apt-get {command[0]} failed ({reason}): the base needs the sources of Debian 12")
    return done.stdout
