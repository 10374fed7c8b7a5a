"""cert-manager (cert-manager.io/v1) and External Secrets (external-secrets.io/v1)."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from tests.contract.manifests.models_base import GoDuration, Name, Strict, Text


class IssuerRef(Strict):
    name: Name
    kind: Literal["Issuer", "ClusterIssuer"]
    group: Literal["cert-manager.io"] = "cert-manager.io"


class PrivateKey(Strict):
    algorithm: Literal["RSA", "ECDSA", "Ed25519"] = "RSA"
    size: int | None = None
    rotationPolicy: Literal["Always", "Never"] = "Always"
    encoding: Literal["PKCS1", "PKCS8"] | None = None


class CertificateSpec(Strict):
    secretName: Name
    dnsNames: Annotated[list[Text], Field(min_length=1)]
    issuerRef: IssuerRef
    duration: GoDuration | None = None
    renewBefore: GoDuration | None = None
    privateKey: PrivateKey | None = None
    usages: list[Text] = Field(default_factory=list)


class AcmeKey(Strict):
    name: Name


class Acme(Strict):
    server: Annotated[str, StringConstraints(pattern=r"^https://")]
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")]
    privateKeySecretRef: AcmeKey
    solvers: Annotated[list[dict[str, Any]], Field(min_length=1)]


class IssuerSpec(Strict):
    acme: Acme


class StoreRef(Strict):
    kind: Literal["SecretStore", "ClusterSecretStore"]
    name: Name


class Target(Strict):
    name: Name
    creationPolicy: Literal["Owner", "Orphan", "Merge", "None"] = "Owner"
    deletionPolicy: Literal["Retain", "Delete", "Merge"] = "Retain"


class RemoteRef(Strict):
    key: Text
    property: Text | None = None
    version: Text | None = None


class SecretData(Strict):
    secretKey: Text
    remoteRef: RemoteRef


class ExternalSecretSpec(Strict):
    refreshInterval: GoDuration
    secretStoreRef: StoreRef
    target: Target
    data: Annotated[list[SecretData], Field(min_length=1)]


class SecretStoreSpec(Strict):
    provider: Annotated[dict[str, dict[str, Any]], Field(min_length=1, max_length=1)]
