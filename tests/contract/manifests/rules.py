"""All rules over one set of objects. Read by test_rules.py."""

from collections.abc import Callable, Iterable

from tests.contract.manifests import eventing_rules, pod_rules, serving_rules
from tests.contract.manifests.given import Object, label

ONE: tuple[Callable[[Object], Iterable[str]], ...] = (
    serving_rules.service,
    eventing_rules.delivery,
    eventing_rules.trigger,
    eventing_rules.broker,
    eventing_rules.ping,
    pod_rules.images,
    pod_rules.architectures,
    pod_rules.resources,
    pod_rules.rights,
    pod_rules.tokens,
    pod_rules.secrets,
    pod_rules.strings,
    pod_rules.namespace,
)
ALL: tuple[Callable[[list[Object]], Iterable[str]], ...] = (
    eventing_rules.references,
    eventing_rules.groups,
    pod_rules.topics,
    pod_rules.twice,
)


def complaints(objects: list[Object]) -> list[str]:
    """Everything that is wrong with a set, with the object's name."""
    found = [f"{label(item)}: {each}" for item in objects for rule in ONE for each in rule(item)]
    return found + [each for rule in ALL for each in rule(objects)]
