"""Knative's Kafka sources and sinks, whose definitions are in no registry; and any delivery."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tests.contract.manifests.models_base import Address, FromSecret, IsoDuration, Name, Strict, Text


class Reference(Strict):
    apiVersion: Text
    kind: Text
    name: Name
    namespace: Name | None = None


class Destination(Strict):
    ref: Reference | None = None
    uri: Text | None = None

    @model_validator(mode="after")
    def leads_somewhere(self) -> "Destination":
        if self.ref is None and self.uri is None:
            raise ValueError("ref or uri is missing")
        return self


class Delivery(Strict):
    retry: Annotated[int, Field(ge=0)]
    backoffPolicy: Literal["exponential", "linear"]
    backoffDelay: IsoDuration
    timeout: IsoDuration
    deadLetterSink: Destination | None = None


class Sasl(Strict):
    enable: bool
    user: FromSecret
    password: FromSecret
    type: FromSecret


class Tls(Strict):
    enable: bool
    cert: FromSecret | None = None
    key: FromSecret | None = None
    caCert: FromSecret | None = None


class Net(Strict):
    sasl: Sasl | None = None
    tls: Tls | None = None


class Overrides(Strict):
    extensions: dict[str, str]


class KafkaSourceSpec(Strict):
    bootstrapServers: Annotated[list[Address], Field(min_length=1)]
    topics: Annotated[list[Text], Field(min_length=1)]
    consumerGroup: Text
    consumers: Annotated[int, Field(ge=0)] = 1
    initialOffset: Literal["earliest", "latest"]
    ordering: Literal["ordered", "unordered"]
    delivery: Delivery
    net: Net = Net()
    sink: Destination
    ceOverrides: Overrides | None = None


class SecretName(Strict):
    name: Name


class SecretAuth(Strict):
    ref: SecretName


class KafkaAuth(Strict):
    secret: SecretAuth


class KafkaSinkSpec(Strict):
    topic: Text
    bootstrapServers: Annotated[list[Address], Field(min_length=1)]
    contentMode: Literal["binary", "structured"]
    numPartitions: Annotated[int, Field(ge=1)]
    replicationFactor: Annotated[int, Field(ge=1)]
    auth: KafkaAuth | None = None
