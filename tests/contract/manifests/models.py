"""Strict models of objects whose definitions cannot be had from a package registry, from their documentation.

A field that is not here is refused: add it from the documentation when a manifest begins to use it.
"""

from typing import Any, Literal

from pydantic import ValidationError

from tests.contract.manifests.given import Object
from tests.contract.manifests.models_base import InCluster, Metadata, Name, Strict
from tests.contract.manifests.models_certificates import (
    CertificateSpec,
    ExternalSecretSpec,
    IssuerSpec,
    SecretStoreSpec,
)
from tests.contract.manifests.models_eventing import KafkaSinkSpec, KafkaSourceSpec
from tests.contract.manifests.models_strimzi import (
    KafkaNodePoolSpec,
    KafkaSpec,
    KafkaTopicSpec,
    KafkaUserSpec,
)


class ClaimSpec(Strict):
    namespace: Name


def _kind(name: str, version: str, spec: type[Strict], metadata: type[Metadata] = Metadata) -> type[Strict]:
    annotations: dict[str, Any] = {
        "apiVersion": Literal[version],  # type: ignore[valid-type]  # made from a table
        "kind": Literal[name],  # type: ignore[valid-type]  # made from a table
        "metadata": metadata,
        "spec": spec,
    }
    return type(name, (Strict,), {"__annotations__": annotations, "__module__": __name__})


_STRIMZI, _CERTS, _SECRETS = "kafka.strimzi.io/v1", "cert-manager.io/v1", "external-secrets.io/v1"
MODELS: dict[str, type[Strict]] = {
    name: _kind(name, version, spec, metadata)
    for name, version, spec, metadata in (
        ("KafkaSource", "sources.knative.dev/v1", KafkaSourceSpec, Metadata),
        ("KafkaSink", "eventing.knative.dev/v1alpha1", KafkaSinkSpec, Metadata),
        ("Kafka", _STRIMZI, KafkaSpec, Metadata),
        ("KafkaNodePool", _STRIMZI, KafkaNodePoolSpec, InCluster),
        ("KafkaTopic", _STRIMZI, KafkaTopicSpec, InCluster),
        ("KafkaUser", _STRIMZI, KafkaUserSpec, InCluster),
        ("Certificate", _CERTS, CertificateSpec, Metadata),
        ("Issuer", _CERTS, IssuerSpec, Metadata),
        ("ClusterIssuer", _CERTS, IssuerSpec, Metadata),
        ("ExternalSecret", _SECRETS, ExternalSecretSpec, Metadata),
        ("SecretStore", _SECRETS, SecretStoreSpec, Metadata),
        ("ClusterSecretStore", _SECRETS, SecretStoreSpec, Metadata),
        ("ClusterDomainClaim", "networking.internal.knative.dev/v1alpha1", ClaimSpec, Metadata),
    )
}


def complaints(item: Object) -> list[str] | None:
    """What the model of its kind says; None for kinds without a model."""
    model = MODELS.get(item["kind"])
    if model is None:
        return None
    try:
        model.model_validate(item)
    except ValidationError as error:
        return [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
    return []
