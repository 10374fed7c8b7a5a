"""What the strict models of this folder have in common."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")]
Text = Annotated[str, StringConstraints(min_length=1)]
Quantity = Annotated[str, StringConstraints(pattern=r"^\d+(\.\d+)?(m|[KMGT]i?)?$")]
Address = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]+:\d{1,5}$")]
IsoDuration = Annotated[str, StringConstraints(pattern=r"^P(T(\d+H)?(\d+M)?\d+(\.\d+)?S|T\d+[HM]|\d+D)$")]
GoDuration = Annotated[str, StringConstraints(pattern=r"^(\d+(ms|[smh]))+$")]


class Strict(BaseModel):
    """No field beside the known ones, and no value is converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Metadata(Strict):
    name: Name
    namespace: Name | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class InCluster(Metadata):
    """Of an object that an operator of Strimzi handles for one cluster."""

    @model_validator(mode="after")
    def names_its_cluster(self) -> "InCluster":
        if not self.labels.get("strimzi.io/cluster"):
            raise ValueError("the label strimzi.io/cluster is missing: no operator would look at it")
        return self


class SecretKey(Strict):
    name: Name
    key: Text


class FromSecret(Strict):
    secretKeyRef: SecretKey


class Resources(Strict):
    requests: dict[Literal["cpu", "memory"], Quantity] = Field(default_factory=dict)
    limits: dict[Literal["cpu", "memory"], Quantity] = Field(default_factory=dict)


class ContainerTemplate(Strict):
    securityContext: dict[str, Any] = Field(default_factory=dict)  # Kubernetes' own
