"""Sends a dump out of the cluster by one PUT, to an address that contains its permission.

Oracle's pre-authenticated requests and Azure's shared access signatures are such addresses of a bucket.
"""

import http.client
import ssl
from pathlib import Path
from urllib.parse import urlsplit

UPLOAD_URL = "BACKUP_UPLOAD_URL"
_SECONDS = 60.0  # without progress


class UploadFailed(RuntimeError):
    """The dump is on its volume, but not outside; the message has no address: it is a secret."""


def upload(path: Path, template: str | None) -> bool:
    """PUT `path` to `template` with {name} filled in; False without a template."""
    if not template:
        return False
    if "{name}" not in template:
        raise UploadFailed(f"{UPLOAD_URL} has no {{name}}: every dump would replace the one before it")
    address = urlsplit(template.replace("{name}", path.name))
    if address.scheme != "https" and address.hostname not in {"127.0.0.1", "localhost"}:
        raise UploadFailed(f"{UPLOAD_URL} must be https: a dump holds personal data")
    try:
        status = _put(path, address.scheme, address.netloc, f"{address.path}?{address.query}".rstrip("?"))
    except (OSError, http.client.HTTPException) as error:
        raise UploadFailed(f"{path.name} was not uploaded: {type(error).__name__}") from error
    if status not in range(200, 300):
        raise UploadFailed(f"{path.name} was not uploaded: {UPLOAD_URL} answered {status}")
    return True


def _put(path: Path, scheme: str, host: str, target: str) -> int:
    connection = (
        http.client.HTTPSConnection(host, timeout=_SECONDS, context=ssl.create_default_context())
        if scheme == "https"
        else http.client.HTTPConnection(host, timeout=_SECONDS)
    )
    headers = {
        "Content-Length": str(path.stat().st_size),
        "Content-Type": "application/octet-stream",
        "x-ms-blob-type": "BlockBlob",  # Azure refuses a PUT without it; others ignore it
    }
    try:
        with path.open("rb") as body:
            connection.request("PUT", target, body=body, headers=headers)
            return connection.getresponse().status
    finally:
        connection.close()
