"""Kinds of values the settings hold, each checked with a sentence of its own."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo
from pydantic_core import PydanticCustomError

CHARSETS = (  # HL7 table 0211
    "ASCII",
    "8859/1",
    "8859/2",
    "8859/3",
    "8859/4",
    "8859/5",
    "8859/6",
    "8859/7",
    "8859/8",
    "8859/9",
    "8859/15",
    "UNICODE UTF-8",
)
_DELIMITERS = re.compile(r"[|^~\\&\x00-\x1f\x7f]")


def _is_host(text: str) -> str:
    if not re.fullmatch(r"\S{1,253}", text):
        raise PydanticCustomError("host", "must be a host name or an address")
    return text


def is_store_url(text: str) -> str:
    """The URL of a database of a kind that is known."""
    if not re.match(r"(sqlite:///|postgresql\+psycopg://).", text):
        raise PydanticCustomError(
            "store_url", "must begin with sqlite:/// or postgresql+psycopg:// and name a database"
        )
    return text


def _is_hl7_text(text: str) -> str:
    if _DELIMITERS.search(text):
        raise PydanticCustomError("hl7_text", "must not hold a delimiter of HL7 (| ^ ~ \\ &) or a control character")
    return text


def is_accession_prefix(text: str) -> str:
    """What accession numbers of ours may begin with."""
    if not re.fullmatch("[A-Z0-9]{0,6}", text):
        raise PydanticCustomError("accession_prefix", "must be up to 6 capitals and digits")
    return text


def _is_codec(text: str) -> str:
    try:
        "".encode(text)
    except (LookupError, ValueError):
        raise PydanticCustomError("codec", "is no character set known here; such as utf-8 or iso8859-1") from None
    return text


def is_processing_ids(text: str) -> str:
    """Letters of HL7 table 0103."""
    if not re.fullmatch("[PTD]{1,3}", text):
        raise PydanticCustomError("processing_ids", "must be one or several of P, T and D (HL7 table 0103)")
    return text


def is_charset(text: str) -> str:
    """A name of HL7 table 0211."""
    if text not in CHARSETS:
        raise PydanticCustomError("charset", "must be one of {names}", {"names": ", ".join(CHARSETS)})
    return text


def _is_network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise PydanticCustomError(
            "network", "must be an address or a network, such as 10.0.0.21 or 10.0.0.0/24"
        ) from None


def _is_file(text: str) -> str:
    if text and not Path(text).is_file():
        raise PydanticCustomError("file", "there is no such file")
    return text


def _is_header(text: str) -> str:
    if text and not re.fullmatch("[A-Za-z0-9-]{1,64}", text):
        raise PydanticCustomError("header", "must be the name of an HTTP header, such as Remote-User")
    return text.lower()


def _is_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,253}", text):
        raise PydanticCustomError("name", "must be a host name without a port, such as swf.hospital.example")
    return text.lower()


OptionalFile = Annotated[str, AfterValidator(_is_file)]
Codec = Annotated[str, AfterValidator(_is_codec)]
OptionalCodec = Annotated[str, AfterValidator(lambda text: text and _is_codec(text))]
Host = Annotated[str, AfterValidator(_is_host)]
Header = Annotated[str, AfterValidator(_is_header)]
HostName = Annotated[str, AfterValidator(_is_name)]
Hl7Text = Annotated[str, AfterValidator(_is_hl7_text)]
Network = Annotated[str, AfterValidator(_is_network)]
OwnPort = Annotated[int, Field(ge=0, le=65535)]
PeerPort = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=86400, allow_inf_nan=False)]


def beside_certificate(value: str, info: ValidationInfo) -> str:
    """A certificate needs its key; neither a key nor an authority means anything without a certificate."""
    certificate = info.data.get("tls_certificate", "")
    if value and not certificate:
        raise PydanticCustomError("tls", "means nothing without tls_certificate")
    if certificate and not value and info.field_name == "tls_key":
        raise PydanticCustomError("tls", "is missing beside tls_certificate")
    return value


def is_loopback(host: str) -> bool:
    """True for an address only this machine can reach."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
