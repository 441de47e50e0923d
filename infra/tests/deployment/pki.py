"""Certificates for loopback: all connections use TLS, so the test covers the TLS-only policies too."""

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOSTS = ["localhost", "*.execute-api.localhost"]


def make(folder: Path) -> tuple[Path, Path, Path]:
    """Writes an authority and a certificate of it. Returns the paths of authority, certificate and key."""
    now = datetime.datetime.now(datetime.timezone.utc)
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))

    def certificate(subject: str, public_key) -> x509.CertificateBuilder:
        name = lambda text: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
        builder = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name("deployment test"))
        builder = builder.public_key(public_key).serial_number(x509.random_serial_number())
        return builder.not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(
            now + datetime.timedelta(days=1)
        )

    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    ca = certificate("deployment test", ca_key.public_key())
    ca = ca.add_extension(x509.BasicConstraints(True, 0), True).add_extension(usage, True)
    ca = ca.add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), False).sign(
        ca_key, hashes.SHA256()
    )
    names = [x509.DNSName(host) for host in HOSTS] + [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    leaf = certificate("localhost", key.public_key())
    leaf = leaf.add_extension(x509.BasicConstraints(False, None), True)
    leaf = leaf.add_extension(x509.SubjectAlternativeName(names), False)
    leaf = leaf.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
    leaf = leaf.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), False).sign(
        ca_key, hashes.SHA256()
    )

    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    paths = folder / "ca.pem", folder / "server.pem", folder / "server.key"
    for path, content in zip(paths, (ca.public_bytes(pem), leaf.public_bytes(pem), private)):
        path.write_bytes(content)
    return paths
