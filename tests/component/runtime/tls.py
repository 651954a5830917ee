"""A private CA and a gateway behind TLS, for tests of edge sites."""

import datetime as dt
import gzip
import ipaddress
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = dt.datetime.now(dt.UTC)
KEY = "hsc_" + "k" * 40


class Authority:
    """Signs certificates; ``file`` is what an edge's ``ca_file`` is to name."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._begun(self._name, self._key.public_key(), ends=NOW + dt.timedelta(days=9))
        signed = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        certificate = signed.add_extension(usage, critical=True).sign(self._key, hashes.SHA256())
        self._id = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _begun(self, subject: x509.Name, key: Any, ends: dt.datetime) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - dt.timedelta(days=9))
            .not_valid_after(ends)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        )

    def certificate(self, name: str, *, ends: dt.datetime = NOW + dt.timedelta(days=1)) -> Path:
        """A file with key and certificate of a server.

        Args:
            name: its host's name or address.
            ends: when it expires.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            host: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            host = x509.DNSName(name)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._begun(subject, key.public_key(), ends)
        made = made.add_extension(x509.SubjectAlternativeName([host]), critical=False)
        made = made.add_extension(self._id, critical=False)
        made = made.add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        signed = made.sign(self._key, hashes.SHA256())
        file = self.folder / f"{self.file.stem}-{name}-{ends:%Y%m%d}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + signed.public_bytes(serialization.Encoding.PEM)
        )
        return file


@dataclass
class Gateway:
    """Takes uploads with the right key, behind TLS."""

    port: int
    key: str = KEY
    asked: int = 0
    taken: list[Any] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        items = json.loads(gzip.decompress(body))
        given = dict(scope["headers"])[b"x-collector-key"].decode()
        said: dict[str, Any] = {"success": False, "error": "Invalid API key"}
        if given == self.key:
            self.taken += items
            counts = {"processed": len(items), "online": 0, "offline": 0, "processing_time_ms": 1}
            said = {"success": True, "data": counts}
        status = 200 if said["success"] else 401
        # an idle connection would hold up the end: TLS wants a goodbye from both sides
        headers = [(b"connection", b"close")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(said).encode()})

    @contextmanager
    def serving(self, certificate: Path) -> Iterator[None]:
        """Listen with this certificate while the block runs."""
        server = uvicorn.Server(
            uvicorn.Config(
                self,
                port=self.port,
                ssl_certfile=certificate,
                ssl_keyfile=certificate,
                lifespan="off",
                log_config=None,
            )
        )
        with socket.create_server(("127.0.0.1", self.port)) as listener:
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()
            try:
                yield
            finally:
                server.should_exit = True
                thread.join(60)
