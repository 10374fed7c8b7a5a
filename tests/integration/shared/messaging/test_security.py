"""A real broker that asks who is there: publishers with the right password are heard, others are not."""

import pytest
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from scripts.local import kafka_broker
from shared.messaging.connect import connect
from shared.messaging.ports import PublishError, Record, Refused
from shared.messaging.security import OPEN, Security
from tests.real_kafka import real_kafka

RECORDS = [Record("task-events", "user", {"ce_id": "1"}, b"{}")]
KNOWN = Security("SASL_PLAINTEXT", "SCRAM-SHA-512", "functions", "right")


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    login = kafka_broker.Login(KNOWN.user, KNOWN.password)
    with real_kafka(tmp_path_factory.mktemp("kafka"), login) as broker:
        admin = KafkaAdminClient(bootstrap_servers=broker.servers, api_version=(2, 6, 0), **KNOWN.options())
        admin.create_topics([NewTopic("task-events", 1, 1)])
        admin.close()
        yield broker.servers


def test_the_right_password_publishes(servers):
    publisher = connect(servers, KNOWN)

    assert publisher.publish(RECORDS, timeout=20) == 1
    publisher.close(timeout=1)


@pytest.mark.parametrize(
    "security",
    [OPEN, Security("SASL_PLAINTEXT", "SCRAM-SHA-512", "functions", "wrong")],
    ids=["nothing", "a wrong password"],
)
def test_others_publish_nothing_and_may_try_again(servers, security):
    publisher = connect(servers, security)
    with pytest.raises(PublishError) as failed:
        publisher.publish(RECORDS, timeout=3)

    assert not isinstance(failed.value, Refused), "the rows stay in the outbox"
    assert "wrong" not in str(failed.value)
    publisher.close(timeout=1)
