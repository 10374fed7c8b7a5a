"""What a client of Kafka is told about identity and trust."""

import datetime as dt
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from shared.messaging.security import OPEN, Security


@pytest.fixture(scope="module")
def authority():
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker's own")])
    began = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(began)
        .not_valid_after(began + dt.timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM).decode()


def test_an_open_broker_is_told_nothing():
    assert OPEN.options() == {}


def test_a_password_goes_with_its_mechanism():
    assert Security("SASL_PLAINTEXT", "SCRAM-SHA-256", "me", "word").options() == {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-256",
        "sasl_plain_username": "me",
        "sasl_plain_password": "word",
    }


def test_a_broker_with_tls_is_checked_against_the_public_authorities():
    context = Security("SASL_SSL", "PLAIN", "me", "word").options()["ssl_context"]

    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_an_authority_of_its_own_is_the_only_one(authority):
    context = Security("SASL_SSL", "PLAIN", "me", "word", authority).options()["ssl_context"]

    assert context.cert_store_stats() == {"x509": 1, "crl": 0, "x509_ca": 1}
    assert context.check_hostname


def test_the_password_shows_in_no_log():
    assert "word" not in repr(Security("SASL_SSL", "PLAIN", "me", "word"))
