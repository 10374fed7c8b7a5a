"""The login of a Kafka client and the certificate authority that it trusts, made from settings."""

from dataclasses import dataclass, field
from typing import Any

PROTOCOLS = ("PLAINTEXT", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN")


@dataclass(frozen=True)
class Security:
    """Name, password and `ca`, the PEM text of the broker's own authority; empty means the public ones."""

    protocol: str = "PLAINTEXT"
    mechanism: str = "SCRAM-SHA-512"
    user: str = ""
    password: str = field(default="", repr=False)
    ca: str = ""

    def options(self) -> dict[str, Any]:
        """The options for a client of kafka-python-ng."""
        if self.protocol == "PLAINTEXT":
            return {}
        found: dict[str, Any] = {
            "security_protocol": self.protocol,
            "sasl_mechanism": self.mechanism,
            "sasl_plain_username": self.user,
            "sasl_plain_password": self.password,
        }
        if self.protocol == "SASL_SSL":
            import ssl  # 10 ms: not where there is no TLS

            found["ssl_context"] = ssl.create_default_context(cadata=self.ca or None)
        return found


OPEN = Security()
