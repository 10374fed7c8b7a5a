"""Strimzi 1.2: Kafka, KafkaNodePool, KafkaTopic and KafkaUser of kafka.strimzi.io/v1."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from tests.contract.manifests.models_base import (
    ContainerTemplate,
    FromSecret,
    Name,
    Quantity,
    Resources,
    Strict,
    Text,
)


class KafkaTopicSpec(Strict):
    topicName: Text | None = None
    partitions: Annotated[int, Field(ge=1)]
    replicas: Annotated[int, Field(ge=1)]
    config: dict[str, str | int] = Field(default_factory=dict)


class Password(Strict):
    valueFrom: FromSecret


class ScramLogin(Strict):
    type: Literal["scram-sha-512"]
    password: Password | None = None


class TlsLogin(Strict):
    type: Literal["tls"]


class AclResource(Strict):
    type: Literal["topic", "group", "cluster", "transactionalId"]
    name: Text | None = None
    patternType: Literal["literal", "prefix"] = "literal"


class Acl(Strict):
    resource: AclResource
    operations: Annotated[
        list[
            Literal[
                "Read", "Write", "Create", "Delete", "Alter", "Describe", "ClusterAction",
                "AlterConfigs", "DescribeConfigs", "IdempotentWrite", "All",
            ]
        ],
        Field(min_length=1),
    ]  # fmt: skip
    type: Literal["allow", "deny"] = "allow"
    host: Text = "*"


class UserAuthorization(Strict):
    type: Literal["simple"]
    acls: Annotated[list[Acl], Field(min_length=1)]


class KafkaUserSpec(Strict):
    authentication: ScramLogin | TlsLogin
    authorization: UserAuthorization | None = None


class Volume(Strict):
    id: Annotated[int, Field(ge=0)]
    type: Literal["persistent-claim", "ephemeral"]
    size: Quantity | None = None
    sizeLimit: Quantity | None = None
    deleteClaim: bool = False
    kraftMetadata: Literal["shared"] | None = None
    # "class" is a keyword of Python
    storage_class: Annotated[Text | None, Field(alias="class")] = None

    @model_validator(mode="after")
    def has_its_size(self) -> "Volume":
        if (self.type == "persistent-claim") != (self.size is not None):
            raise ValueError("a persistent claim has a size, and an ephemeral volume has none")
        return self


class Jbod(Strict):
    type: Literal["jbod"]
    volumes: Annotated[list[Volume], Field(min_length=1)]


JvmOptions = dict[Literal["-Xms", "-Xmx"], Annotated[str, StringConstraints(pattern=r"^\d+[mg]$")]]


class NodePoolTemplate(Strict):
    pod: dict[str, Any] = Field(default_factory=dict)
    kafkaContainer: ContainerTemplate | None = None


class KafkaNodePoolSpec(Strict):
    replicas: Annotated[int, Field(ge=1)]
    roles: Annotated[list[Literal["controller", "broker"]], Field(min_length=1)]
    storage: Jbod
    resources: Resources
    jvmOptions: JvmOptions = Field(default_factory=dict)
    template: NodePoolTemplate | None = None


class ListenerLogin(Strict):
    type: Literal["scram-sha-512", "tls"]


class Listener(Strict):
    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{1,11}$")]
    port: Annotated[int, Field(ge=9092, le=65535)]
    type: Literal["internal", "cluster-ip", "nodeport", "loadbalancer", "route"]
    tls: bool
    authentication: ListenerLogin | None = None
    networkPolicyPeers: list[dict[str, Any]] = Field(default_factory=list)

    @model_validator(mode="after")
    def has_a_port_of_its_own(self) -> "Listener":
        if self.port in (9404, 9999):
            raise ValueError("9404 and 9999 belong to metrics and JMX")
        return self


class Simple(Strict):
    type: Literal["simple"]
    superUsers: list[Text] = Field(default_factory=list)


class MetricsConfig(Strict):
    type: Literal["strimziMetricsReporter", "jmxPrometheusExporter"]
    values: dict[str, Any] = Field(default_factory=dict)
    valueFrom: dict[str, Any] = Field(default_factory=dict)


# The operator owns these, and refuses or ignores them in `config`.
_OWNED = re.compile(
    r"^(listeners|advertised\.|broker\.|listener\.|host\.name|port|inter\.broker\.listener\.name|sasl\.|ssl\."
    r"|security\.|password\.|log\.dir|zookeeper\.|authorizer\.|super\.user|node\.id|process\.roles|controller)"
)


class KafkaCluster(Strict):
    version: Annotated[str, StringConstraints(pattern=r"^4\.[23]\.\d+$")]
    metadataVersion: Text | None = None
    listeners: Annotated[list[Listener], Field(min_length=1)]
    config: dict[str, str | int | bool]
    authorization: Simple | None = None
    metricsConfig: MetricsConfig | None = None
    template: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def leaves_the_operator_its_own(self) -> "KafkaCluster":
        if owned := [key for key in self.config if _OWNED.match(key)]:
            raise ValueError(f"the operator sets {', '.join(owned)} itself")
        if self.config.get("auto.create.topics.enable") is not False:
            raise ValueError("auto.create.topics.enable must be false: a typing error would make a topic")
        return self


class Operator(Strict):
    resources: Resources
    watchedNamespace: Name | None = None


class OperatorTemplate(Strict):
    pod: dict[str, Any] = Field(default_factory=dict)
    topicOperatorContainer: ContainerTemplate | None = None
    userOperatorContainer: ContainerTemplate | None = None


class EntityOperator(Strict):
    topicOperator: Operator | None = None
    userOperator: Operator | None = None
    template: OperatorTemplate | None = None


class KafkaExporter(Strict):
    topicRegex: Text
    groupRegex: Text
    resources: Resources
    template: dict[str, Any] = Field(default_factory=dict)


class KafkaSpec(Strict):
    kafka: KafkaCluster
    entityOperator: EntityOperator | None = None
    kafkaExporter: KafkaExporter | None = None
