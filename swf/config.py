"""The settings: `swf.toml` and `SWF_*` become one frozen table; every mistake is reported at once, each with its place.

One table of fields feeds everything: loading, the list of environment variables, the file `swf init` writes and the
reference in the documentation. Nothing else in the project reads the environment.
"""

import ipaddress
import itertools
import json
import os
import re
import textwrap
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from swf import clock, profiles
from swf.errors import ConfigError
from swf.profiles import AeTitle, Answers, Finding, Partition, Place, Profile, Section, TimeZone, did_you_mean

DEFAULT_FILE = Path("swf.toml")
DEFAULT_MAPPING = "mappings/default.toml"
PREFIX = "SWF_"
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

# Kubernetes and Docker links set these for a service that is itself called "swf"; they are no settings of ours.
_SERVICE_LINK = re.compile(r"SWF_(SERVICE_(HOST|PORT)|PORT_\d+_|PORT=tcp:)")
_DELIMITERS = re.compile(r"[|^~\\&\x00-\x1f\x7f]")


def _is_host(text: str) -> str:
    if not re.fullmatch(r"\S{1,253}", text):
        raise PydanticCustomError("host", "must be a host name or an address")
    return text


def _is_store_url(text: str) -> str:
    if not re.match(r"(sqlite:///|postgresql\+psycopg://).", text):
        raise PydanticCustomError(
            "store_url", "must begin with sqlite:/// or postgresql+psycopg:// and name a database"
        )
    return text


def _is_hl7_text(text: str) -> str:
    if _DELIMITERS.search(text):
        raise PydanticCustomError("hl7_text", "must not hold a delimiter of HL7 (| ^ ~ \\ &) or a control character")
    return text


def _is_accession_prefix(text: str) -> str:
    if not re.fullmatch("[A-Z0-9]{0,6}", text):
        raise PydanticCustomError("accession_prefix", "must be up to 6 capitals and digits")
    return text


def _is_codec(text: str) -> str:
    try:
        "".encode(text)
    except (LookupError, ValueError):
        raise PydanticCustomError("codec", "is no character set known here; such as utf-8 or iso8859-1") from None
    return text


def _is_processing_ids(text: str) -> str:
    if not re.fullmatch("[PTD]{1,3}", text):
        raise PydanticCustomError("processing_ids", "must be one or several of P, T and D (HL7 table 0103)")
    return text


def _is_charset(text: str) -> str:
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


OptionalFile = Annotated[str, AfterValidator(_is_file)]
Codec = Annotated[str, AfterValidator(_is_codec)]
OptionalCodec = Annotated[str, AfterValidator(lambda text: text and _is_codec(text))]
Host = Annotated[str, AfterValidator(_is_host)]
Hl7Text = Annotated[str, AfterValidator(_is_hl7_text)]
Network = Annotated[str, AfterValidator(_is_network)]
OwnPort = Annotated[int, Field(ge=0, le=65535)]
PeerPort = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=86400, allow_inf_nan=False)]


def _beside_certificate(value: str, info: ValidationInfo) -> str:
    """A certificate needs its key; neither a key nor an authority means anything without a certificate."""
    certificate = info.data.get("tls_certificate", "")
    if value and not certificate:
        raise PydanticCustomError("tls", "means nothing without tls_certificate")
    if certificate and not value and info.field_name == "tls_key":
        raise PydanticCustomError("tls", "is missing beside tls_certificate")
    return value


Role = Literal["hl7", "dicom", "delivery", "housekeeping"]
ROLES: tuple[Role, ...] = ("hl7", "dicom", "delivery", "housekeeping")


class Node(Section):
    """What this process does. Several processes may share one store and the work; each runs with a file of its own."""

    roles: tuple[Role, ...] = Field(
        default=ROLES,
        min_length=1,
        description="hl7 takes messages, dicom serves modalities, delivery sends to destinations, housekeeping watches "
        "the clock. Of the processes on one store exactly one has delivery and one has housekeeping.",
    )

    @property
    def shares_the_store(self) -> bool:
        """True when other processes have to do what this one does not."""
        return set(self.roles) != set(ROLES)


class Store(Section):
    """Where orders, messages and deliveries are kept."""

    url: Annotated[str, AfterValidator(_is_store_url)] = Field(
        default="sqlite:///swf.db",
        description="The database: sqlite:///FILE (relative to the folder swf is started in; four slashes make it "
        "absolute) or postgresql+psycopg://USER@HOST/NAME.",
    )


class Hl7(Section):
    """The door for orders: an MLLP listener (RAD-2, RAD-3, RAD-4, RAD-12, RAD-13)."""

    host: Host = Field(default="127.0.0.1", description="The address to listen on; 0.0.0.0 for all.")
    port: OwnPort = Field(default=2575, description="The port to listen on; 0 takes any free one.")
    max_frame_bytes: int = Field(
        default=16 * 1024 * 1024, ge=4096, le=1024**3, description="The longest message taken; a longer one is refused."
    )
    frame_deadline_seconds: Seconds = Field(
        default=60.0, description="How long a message may take from its first byte to its last."
    )
    max_connections: int = Field(
        default=256,
        ge=1,
        le=10_000,
        description="How many senders may be connected at once; above it the longest idle one makes room.",
    )
    max_connections_per_peer: int = Field(
        default=64, ge=1, le=10_000, description="How many of them may come from one address."
    )
    default_charset: Codec = Field(
        default="utf-8",
        description="The character set of messages that declare none in MSH-18, such as utf-8 or windows-1251.",
    )
    processing_ids: Annotated[str, AfterValidator(_is_processing_ids)] = Field(
        default="P",
        description="Which messages are taken, by MSH-11: P production, T training, D debugging, or several (PT).",
    )
    tls_certificate: OptionalFile = Field(
        default="", description="Our certificate with its chain (PEM); when given, senders must use TLS 1.2 or newer."
    )
    tls_key: OptionalFile = Field(
        default="",
        validate_default=True,
        description="The private key of the certificate (PEM, without a passphrase).",
    )
    tls_client_ca: OptionalFile = Field(
        default="",
        validate_default=True,
        description="The authorities (PEM) that signed the senders' certificates; when given, a sender must show one.",
    )

    @field_validator("tls_key", "tls_client_ca")
    @classmethod
    def _goes_with_a_certificate(cls, value: str, info: ValidationInfo) -> str:
        return _beside_certificate(value, info)

    @property
    def senders_are_checked(self) -> bool:
        """True when, once there are sources, only they may send."""
        return not is_loopback(self.host)


class Dicom(Section):
    """The door for modalities: worklist (RAD-5) and procedure steps (RAD-6, RAD-7)."""

    ae_title: AeTitle = Field(default="SWF", description="Our application entity title.")
    host: Host = Field(default="127.0.0.1", description="The address to listen on; 0.0.0.0 for all.")
    port: OwnPort = Field(default=11112, description="The port to listen on; 0 takes any free one.")
    accept_unknown_callers: bool = Field(
        default=False,
        description="Whether AE titles without a [[modality]] may call; always so while host is a loopback address.",
    )
    accept_any_called_title: bool = Field(
        default=False,
        description="Whether devices may call us by another AE title; always so while host is a loopback address.",
    )
    max_associations: int = Field(
        default=256, ge=1, le=10_000, description="How many modalities may be connected at once."
    )
    max_associations_per_peer: int = Field(
        default=128, ge=1, le=10_000, description="How many of them may come from one address."
    )
    max_waiting: int = Field(
        default=256,
        ge=1,
        le=10_000,
        description="How many connections may be open that have not yet associated; beyond it the oldest has to go.",
    )
    max_waiting_per_peer: int = Field(
        default=128, ge=1, le=10_000, description="How many of them may come from one address."
    )
    association_seconds: Seconds = Field(
        default=10.0, description="How long a device may take from its connection to its whole association request."
    )
    request_seconds: Seconds = Field(
        default=30.0,
        description="How long a request may take from its first byte to its last, and a peer to read what it asked for.",
    )
    idle_seconds: Seconds = Field(default=600.0, description="How long an association may say nothing.")
    max_answers: int = Field(
        default=0,
        ge=0,
        description="How many items a query is answered with at most; where more match, they are followed by status "
        "A700 in place of 0000. 0 for no limit.",
    )
    tls_certificate: OptionalFile = Field(
        default="", description="Our certificate with its chain (PEM); when given, tls_port is opened as well."
    )
    tls_key: OptionalFile = Field(
        default="",
        validate_default=True,
        description="The private key of the certificate (PEM, without a passphrase).",
    )
    tls_client_ca: OptionalFile = Field(
        default="",
        validate_default=True,
        description="The authorities (PEM) that signed the devices' certificates; when given, a device must show one.",
    )
    tls_port: OwnPort = Field(
        default=2762, description="The port for TLS 1.2 and 1.3 (PS3.15 B.12); 0 takes any free one."
    )
    tls_only: bool = Field(default=False, description="Whether port stays closed, so that every device must use TLS.")

    @field_validator("tls_key", "tls_client_ca")
    @classmethod
    def _goes_with_a_certificate(cls, value: str, info: ValidationInfo) -> str:
        return _beside_certificate(value, info)

    @field_validator("tls_only")
    @classmethod
    def _leaves_a_door(cls, value: bool, info: ValidationInfo) -> bool:
        if value and not info.data.get("tls_certificate"):
            raise PydanticCustomError("tls", "means nothing without tls_certificate")
        return value

    @property
    def callers_are_checked(self) -> bool:
        """True when only the modalities of the configuration may call."""
        return not (self.accept_unknown_callers or is_loopback(self.host))

    @property
    def called_is_checked(self) -> bool:
        """True when who calls must know our AE title."""
        return not (self.accept_any_called_title or is_loopback(self.host))


class Modality(Answers):
    """A device that may call; repeat the table for each. Every key of [[profile]] may stand here too, for it alone."""

    ae_title: AeTitle = Field(description="The AE title it calls with.", examples=["CT1"])
    host: Host | None = Field(
        default=None, description="Its address; optional, checked when given.", examples=["10.0.0.21"]
    )
    mpps: Literal["strict", "standard", "lenient"] = Field(
        default="standard",
        description="How its reports of performed steps are judged: standard demands what they cannot be understood "
        "without, strict all of table F.7.2-1 of PS3.4, lenient refuses only contradictions and notes what was missing.",
    )
    certificate: Annotated[str, Field(max_length=255)] = Field(
        default="",
        description="A name in its certificate (common or alternative), or sha256: and the fingerprint; when given, it "
        "may call only over TLS and with that certificate.",
    )
    aliases: tuple[AeTitle, ...] = Field(default=(), description="Further AE titles it calls with.")
    profile: str = Field(default="", description="The [[profile]] by which it is answered; empty for default, if any.")
    link_unscheduled: bool = Field(
        default=True,
        description="Whether an exam it reports without any order is taken for the only open step of the same patient, "
        "modality and day; otherwise an operator decides.",
    )
    overdue_hours: float = Field(
        default=12.0,
        ge=0,
        le=8760,
        description="After how many hours without news an exam in progress is called overdue; 0 never.",
    )
    when_overdue: Literal["note", "complete", "discontinue"] = Field(
        default="note",
        description="What then happens: it is noted for an operator, or also presumed to have ended; what the device "
        "reports later still counts.",
    )
    completed_by: tuple[Literal["report", "availability", "time"], ...] = Field(
        default=(),
        description="For a device that sends no MPPS: what completes its steps. A final report (ORU^R01), a notice that "
        "the images are there (RAD-49), or time.",
    )
    completed_after_hours: float = Field(
        default=24.0,
        gt=0,
        le=8760,
        description="How many hours after its scheduled start a step is completed by time.",
    )


class Source(Section):
    """A system that sends orders; repeat the table for each, the first that fits a message counts."""

    name: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        description="What it is called in the log.", examples=["his"]
    )
    application: Annotated[Hl7Text, Field(max_length=180)] = Field(
        default="", description="The sending application, MSH-3.1 of its messages; empty for any."
    )
    facility: Annotated[Hl7Text, Field(max_length=180)] = Field(
        default="", description="The sending facility, MSH-4.1 of its messages; empty for any."
    )
    hosts: tuple[Network, ...] = Field(
        default=(),
        description="The addresses and networks it may send from, such as 10.0.0.21 or 10.0.0.0/24; empty for any.",
    )
    charset: OptionalCodec = Field(
        default="", description="The character set of its messages that declare none in MSH-18; empty as in [hl7]."
    )
    charset_override: OptionalCodec = Field(
        default="", description="The character set of all its messages, whatever MSH-18 declares."
    )
    time_zone: TimeZone = Field(
        default="",
        description="The zone of its clocks, for times that name no offset from UTC; empty for the zone of the site.",
    )
    ack_mode: Literal["original", "enhanced"] = Field(
        default="original",
        description="enhanced gives accept and application acknowledgements as MSH-15 and MSH-16 ask (HL7 2.9.3).",
    )
    application_ack_to: str = Field(
        default="",
        description="The name of the [[destination]] that gets its application acknowledgements in enhanced mode, in the "
        "line of what else it is told; empty for the connection the message came by.",
    )
    reply: Literal["ack", "application"] = Field(
        default="ack",
        description="application answers orders with ORR^O02, ORG^O20 or ORI^O24, order by order, instead of ACK.",
    )
    late_messages: Literal["take", "refuse"] = Field(
        default="take",
        description="What becomes of a message that is older (ORC-9 or EVN-2, else MSH-7) than one it sent before of the "
        "same order or patient: it is carried out with a warning in the journal, or refused (AE 206).",
    )
    mapping: str = Field(
        default="", description="A mapping file for its messages; empty for the one of the whole site."
    )


class Line(Section):
    """Where something is delivered to in order, until it is taken."""

    name: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        description="What it is called in lists and in the log.", examples=["mis"]
    )
    host: Host = Field(description="Its address.", examples=["127.0.0.1"])
    port: PeerPort = Field(description="The port it listens on.", examples=[2576])
    tls: bool = Field(default=False, description="Whether to speak TLS 1.2 or newer with it.")
    tls_ca: OptionalFile = Field(
        default="", description="The authorities (PEM) that signed its certificate; empty for those of the system."
    )
    tls_certificate: OptionalFile = Field(
        default="", description="Our certificate with its chain (PEM), for a destination that asks for one."
    )
    tls_key: OptionalFile = Field(
        default="",
        validate_default=True,
        description="The private key of the certificate (PEM, without a passphrase).",
    )
    ack_timeout_seconds: Seconds = Field(default=30.0, description="How long to wait for its acknowledgement.")
    retry_first_seconds: Seconds = Field(
        default=0.5, description="The pause after the first failed attempt; the pauses grow from here."
    )
    retry_last_seconds: Seconds = Field(
        default=10.0, validate_default=True, description="The longest pause between two attempts."
    )
    refusals_before_parking: int = Field(
        default=5,
        ge=1,
        le=1000,
        description="How often it may refuse a message before the message waits for an operator.",
    )

    @field_validator("tls_key")
    @classmethod
    def _goes_with_a_certificate(cls, value: str, info: ValidationInfo) -> str:
        return _beside_certificate(value, info)

    @field_validator("retry_last_seconds")
    @classmethod
    def _is_not_before_the_first(cls, value: float, info: ValidationInfo) -> float:
        if value < info.data.get("retry_first_seconds", 0):
            raise PydanticCustomError("retry", "must not be shorter than retry_first_seconds")
        return value


class Destination(Line):
    """A system that is told what happened to its orders; repeat the table for each."""

    send: tuple[Literal["ORM^O01", "ORU^R01"], ...] = Field(
        default=("ORM^O01", "ORU^R01"),
        description="Which messages it gets; none for one that gets application acknowledgements alone.",
    )
    application: Annotated[Hl7Text, Field(max_length=180)] = Field(
        default="", description="The receiving application, MSH-5 of what it gets."
    )
    facility: Annotated[Hl7Text, Field(max_length=180)] = Field(
        default="", description="The receiving facility, MSH-6 of what it gets."
    )
    charset: Annotated[str, AfterValidator(_is_charset)] = Field(
        default="UNICODE UTF-8", description="The character set it reads, as MSH-18 names it."
    )


class Relay(Line):
    """A system that is told of performed steps as modalities report them (RAD-6, RAD-7); repeat the table for each."""

    name: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        description="What it is called in lists and in the log; no destination's name.", examples=["pacs"]
    )
    port: PeerPort = Field(description="The port it listens on.", examples=[104])
    ae_title: AeTitle = Field(description="The AE title it is called by.", examples=["PACS"])
    modalities: tuple[AeTitle, ...] = Field(
        default=(), description="The AE titles whose reports it gets; empty for all but its own."
    )


class Worklist(Section):
    """What of the orders modalities see (RAD-5)."""

    hold_for: tuple[Literal["missing", "backslash", "length", "character", "form", "lost"], ...] = Field(
        default=("missing", "backslash", "length", "character", "form"),
        description="The flaws for which an entry is kept from every worklist until its order is corrected: missing "
        "(no value of type 1), backslash (two values where one may be), length (too long), character (control "
        "characters), form (no such date, code, number), lost (letters lost before they came here). swf held lists "
        "them; an entry with another flaw is shown and listed too.",
    )


class Site(Section):
    """What our own messages and numbers are signed with."""

    name: Annotated[Hl7Text, Field(min_length=1, max_length=180)] = Field(
        default="SWF", description="The sending application, MSH-3 of what we send."
    )
    facility: Annotated[Hl7Text, Field(max_length=180)] = Field(
        default="RAD", description="The sending facility, MSH-4 of what we send."
    )
    issuer: Annotated[Hl7Text, Field(max_length=64)] = Field(
        default="",
        description="The assigning authority of patient identifiers that name none (PID-3.4); of several "
        "identifiers, the one of this authority is the Patient ID.",
    )
    accession_prefix: Annotated[str, AfterValidator(_is_accession_prefix)] = Field(
        default="SWF",
        description="What accession numbers generated here begin with: up to 6 capitals and digits.",
    )
    time_zone: TimeZone = Field(
        default="",
        description="The zone of the site's clocks, such as Europe/Berlin; empty for the zone of this machine.",
    )


class Settings(BaseSettings):
    """All settings. `Settings()` are the defaults; `load` reads the file and the environment."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    mapping: Annotated[str, Field(min_length=1)] = Field(
        default=DEFAULT_MAPPING,
        description="The site's rules from HL7 to DICOM and back, relative to the folder swf is started in; "
        "where the default file is missing, the one shipped with swf is used.",
    )
    node: Node = Field(default=Node(), description=str(Node.__doc__))
    store: Store = Field(default=Store(), description=str(Store.__doc__))
    hl7: Hl7 = Field(default=Hl7(), description=str(Hl7.__doc__))
    dicom: Dicom = Field(default=Dicom(), description=str(Dicom.__doc__))
    worklist: Worklist = Field(default=Worklist(), description=str(Worklist.__doc__))
    site: Site = Field(default=Site(), description=str(Site.__doc__))
    modality: tuple[Modality, ...] = Field(default=(), description=str(Modality.__doc__))
    profile: tuple[Profile, ...] = Field(default=(), description=str(Profile.__doc__))
    partition: tuple[Partition, ...] = Field(default=(), description=str(Partition.__doc__))
    source: tuple[Source, ...] = Field(default=(), description=str(Source.__doc__))
    destination: tuple[Destination, ...] = Field(default=(), description=str(Destination.__doc__))
    relay: tuple[Relay, ...] = Field(default=(), description=str(Relay.__doc__))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource,
        **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` passes: it alone knows from which file and variable a value came, and says so in errors."""
        return (init_settings,)


Document = dict[str, Any]

_SECTIONS: dict[str, type[BaseModel]] = {
    "node": Node,
    "store": Store,
    "hl7": Hl7,
    "dicom": Dicom,
    "worklist": Worklist,
    "site": Site,
}
_LISTS: dict[str, type[BaseModel]] = {
    "modality": Modality,
    "profile": Profile,
    "partition": Partition,
    "source": Source,
    "destination": Destination,
    "relay": Relay,
}
_UNIQUE = {
    "modality": "ae_title",
    "profile": "name",
    "partition": "ae_title",
    "source": "name",
    "destination": "name",
    "relay": "name",
}
_SENTENCES = {
    "missing": "is missing",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "tuple_type": "must be a list",
}


@dataclass(frozen=True)
class Key:
    """One key of the file: `section` is empty at the top level; `value` is its default, or an example without one."""

    section: str
    name: str
    value: Any
    description: str

    @property
    def path(self) -> str:
        """The key as errors name it, such as `hl7.port`."""
        return f"{self.section}.{self.name}" if self.section else self.name

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that set it; where both are set, the last one counts."""
        parts = [part.upper() for part in (self.section, self.name) if part]
        return tuple(dict.fromkeys(PREFIX + joint.join(parts) for joint in ("_", "__")))


def keys() -> Iterator[Key]:
    """Every key that stands once in the file, in the order of the file; `list_keys` has those of the repeated tables."""
    for name, field in Settings.model_fields.items():
        if name in _SECTIONS:
            yield from _keys_of(name, _SECTIONS[name])
        elif name not in _LISTS:
            yield Key("", name, field.default, str(field.description))


def list_keys() -> Iterator[Key]:
    """Every key of the tables that repeat; those of a profile, which a modality may hold too, only once."""
    for name, section in _LISTS.items():
        shared = set(Answers.model_fields) if section is Modality else set()
        yield from (key for key in _keys_of(name, section) if key.name not in shared)


def load(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings from `path`, else from ./swf.toml if it is there, else the defaults; the environment wins over both.

    The site's time zone is in force from then on (`swf.clock`).

    Raises ConfigError with every mistake, each as `FILE:LINE: KEY: TEXT` or `VARIABLE: KEY: TEXT`; members of a list
    are counted from 1. A file that is no TOML at all is one mistake.
    """
    file = path or DEFAULT_FILE
    text = _read(file) if path or file.is_file() else ""
    document = _parse(text, file)
    variables, mistakes = _assign(os.environ if environ is None else environ, document)
    settings, findings = _validate(document)
    lines = {place: f"{file}:{number}" for place, number in _line_numbers(text).items()}
    for place, sentence in findings:
        origin = _origin(place, variables) or _origin(place, lines) or str(file)
        mistakes.append(f"{origin}: {_path(place)}: {sentence}")
    if settings is None or mistakes:
        raise ConfigError(mistakes)
    clock.use_zone(settings.site.time_zone)
    return settings


def template() -> str:
    """The commented swf.toml that `swf init` writes: every key with its meaning and its default, all commented out."""
    head = [
        "# Settings of swf. Lines that begin with # and a key show the default; remove the # to change it.",
        "# Every key can be set by an environment variable too, which wins over this file: SWF_HL7_PORT for port in [hl7];",
        '# lists as JSON: SWF_MODALITY=\'[{"ae_title": "CT1"}]\'.',
    ]
    return "\n".join([*head, *_template_of(keys(), "[{}]"), *_template_of(list_keys(), "#[[{}]]"), ""])


def called_titles(settings: Settings) -> tuple[str, ...]:
    """The AE titles of ours that may be called: that of the site, then those of its partitions."""
    return (settings.dicom.ae_title, *(partition.ae_title for partition in settings.partition))


def is_loopback(host: str) -> bool:
    """True for an address only this machine can reach."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def mapping_file(settings: Settings) -> Path:
    """The mapping to use: the configured file, or the shipped one while the default is configured and not there.

    Raises ConfigError when a file of the site's own is missing.
    """
    return _mapping_file(settings.mapping, "mapping")


def source_mapping_files(settings: Settings) -> dict[str, Path]:
    """The mappings of the sources that have one of their own, by what the settings call them.

    Raises ConfigError with every file that is missing.
    """
    files: dict[str, Path] = {}
    mistakes: list[str] = []
    for number, source in enumerate(settings.source, start=1):
        if not source.mapping:
            continue
        try:
            files[source.mapping] = _mapping_file(source.mapping, f"source[{number}].mapping")
        except ConfigError as error:
            mistakes += error.mistakes
    if mistakes:
        raise ConfigError(mistakes)
    return files


def _mapping_file(name: str, key: str) -> Path:
    configured = Path(name)
    if configured.is_file():
        return configured
    if name == DEFAULT_MAPPING:
        return shipped_mappings() / configured.name
    raise ConfigError([f"{key}: {configured}: there is no such file"])


def shipped_mappings() -> Path:
    """The folder of mappings that came with swf: inside an installed package, else beside it in the working copy."""
    package = Path(__file__).parent
    installed = package / "mappings"
    return installed if installed.is_dir() else package.parent / "mappings"


def _keys_of(section: str, model: type[BaseModel]) -> Iterator[Key]:
    for name, field in model.model_fields.items():
        value = field.examples[0] if field.examples else field.default
        yield Key(section, name, value, str(field.description))


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise ConfigError([f"{path}: {reason}"]) from error


def _parse(text: str, path: Path) -> Document:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        place = f"{path}:{line[1]}" if line else str(path)
        raise ConfigError([f"{place}: {error}"]) from error


def _line_numbers(text: str) -> dict[Place, int]:
    """Where each key stands, judged line by line: good enough to point at, not to parse by."""
    lines: dict[Place, int] = {}
    seen: Counter[str] = Counter()
    table: Place = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*(\[\[?)\s*([\w-]+)\s*\]", line):
            table = (header[2],) if header[1] == "[" else (header[2], seen[header[2]])
            seen[header[2]] += 1
            lines[table] = number
        elif key := re.match(r"\s*([\w-]+)\s*=", line):
            lines[*table, key[1]] = number
    return lines


def _places_of_variables() -> dict[str, Place]:
    single = {name: (key.section, key.name) if key.section else (key.name,) for key in keys() for name in key.variables}
    return {**single, **{PREFIX + name.upper(): (name,) for name in _LISTS}}


def _assign(environ: Mapping[str, str], document: Document) -> tuple[dict[Place, str], list[str]]:
    """Put every SWF_ variable into the document; the answer is which variable set what, and what was wrong with some."""
    known = _places_of_variables()
    variables: dict[Place, str] = {}
    mistakes: list[str] = []
    ours = {name for name, value in environ.items() if not _SERVICE_LINK.match(f"{name}={value}")}
    for name in sorted(name for name in ours if name.startswith(PREFIX)):
        if name not in known:
            mistakes.append(f"{name}: there is no such setting{did_you_mean(name, known)}")
            continue
        try:
            _put(document, known[name], environ[name])
        except json.JSONDecodeError as error:
            mistakes.append(f"{name}: {_path(known[name])}: is not JSON: {error}")
        variables[known[name]] = name
    return variables, mistakes


def _put(document: Document, place: Place, text: str) -> None:
    """Set one value; raises JSONDecodeError for a list that is none."""
    match place:
        case (str(name),) if name in _LISTS:
            document[name] = json.loads(text)
        case (str(name),):
            document[name] = text
        case (str(section), str(name)) if isinstance(document.setdefault(section, {}), dict):
            is_list = isinstance(_SECTIONS[section].model_fields[name].default, tuple)
            document[section][name] = json.loads(text) if is_list else text


def _validate(document: Document) -> tuple[Settings | None, list[Finding]]:
    known = {name: value for name, value in document.items() if name in Settings.model_fields}
    findings: list[Finding] = [((name,), _no_such_key(name, Settings)) for name in document if name not in known]
    findings += _repetitions(document)
    try:
        settings = Settings(**known)
        titles = called_titles(settings)
        return settings, [*findings, *profiles.mistakes(settings.modality, settings.profile, titles)]
    except ValidationError as error:
        found = error.errors()
        inside = {each["loc"][:-1] for each in found}  # a list that lost a wrong member is called too short as well
        told = [each for each in found if each["type"] != "too_short" or each["loc"] not in inside]
        return None, findings + [(each["loc"], _sentence(each)) for each in told]


def _repetitions(document: Document) -> Iterator[Finding]:
    """Names given twice; looked for before the models are, so that they are reported beside any other mistake.

    A relay and a destination share the list of deliveries, and so they may not share a name.
    """
    destinations = {value for _, value in _given(document, "destination", "name")}
    for section, unique in _UNIQUE.items():
        seen: set[str] = set()
        for index, value in _given(document, section, unique):
            if value in seen:
                yield (section, index, unique), f"{value!r} is already taken by another {section}"
            elif section == "relay" and value in destinations:
                yield (section, index, unique), f"{value!r} is already taken by a destination"
            seen |= {value}


def _given(document: Document, section: str, key: str) -> Iterator[tuple[int, str]]:
    """The values of a key in every member of a list that has one."""
    members = document.get(section, [])
    for index, member in enumerate(members if isinstance(members, list) else []):
        value = str(member.get(key, "")).strip() if isinstance(member, dict) else ""
        if value:
            yield index, value


def _sentence(found: ErrorDetails) -> str:
    if found["type"] == "extra_forbidden":
        table, *_, name = found["loc"]
        return _no_such_key(str(name), {**_SECTIONS, **_LISTS}[str(table)])
    return _SENTENCES.get(found["type"]) or re.sub(r"^\w+ should", "should", found["msg"])


def _no_such_key(name: str, model: type[BaseModel]) -> str:
    return f"there is no such key{did_you_mean(name, model.model_fields)}"


def _origin(place: Place, origins: Mapping[Place, str]) -> str:
    """The origin of the place or of the nearest table around it; empty when neither is known."""
    around = (place[:length] for length in range(len(place), 0, -1))
    return next((origins[outer] for outer in around if outer in origins), "")


def _path(place: Place) -> str:
    """`destination[2].port` for ("destination", 1, "port")."""
    return "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")


def _template_of(members: Iterable[Key], header: str) -> Iterator[str]:
    for section, group in itertools.groupby(members, key=lambda key: key.section):
        yield ""
        if section:
            yield f"# {Settings.model_fields[section].description}"
            yield header.format(section)
        for key in group:
            yield from textwrap.wrap(key.description, 110, initial_indent="# ", subsequent_indent="# ")
            yield f"#{key.name} = {json.dumps(key.value, ensure_ascii=False)}"
