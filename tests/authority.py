"""Certificates for tests of TLS, made anew for each run."""

from pathlib import Path

import trustme


class Authority:
    """A certificate authority of the hospital, with what it signed in files."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self.file = self._write("ca.pem", self._authority.cert_pem.bytes())

    def issue(self, name: str) -> dict[str, str]:
        """A certificate for that name or address, and its key, as settings name them."""
        issued = self._authority.issue_cert(name)
        certificate = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        return {
            "tls_certificate": self._write(f"{name}.pem", certificate),
            "tls_key": self._write(f"{name}.key", issued.private_key_pem.bytes()),
        }

    def _write(self, name: str, content: bytes) -> str:
        file = self._folder / name
        file.write_bytes(content)
        return str(file)
