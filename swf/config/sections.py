"""The tables of `swf.toml` that stand once: what may stand in each, what it means, its default."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from swf.config import values
from swf.config.values import (
    Codec,
    Header,
    Hl7Text,
    Host,
    HostName,
    Network,
    OptionalFile,
    OwnPort,
    PeerPort,
    Seconds,
    beside_certificate,
    is_loopback,
)
from swf.profiles import AeTitle, Section, TimeZone

Role = Literal["hl7", "dicom", "delivery", "housekeeping", "web"]
ROLES: tuple[Role, ...] = ("hl7", "dicom", "delivery", "housekeeping", "web")


class Node(Section):
    """What this process does. Several processes may share one store and the work; each runs with a file of its own."""

    roles: tuple[Role, ...] = Field(
        default=ROLES,
        min_length=1,
        description="hl7 takes messages, dicom serves modalities, delivery sends to destinations, housekeeping watches "
        "the clock, web shows the operator's window. Of the processes on one store exactly one has delivery and one has "
        "housekeeping.",
    )

    @property
    def shares_the_store(self) -> bool:
        """True when other processes have to do what this one does not."""
        return set(self.roles) != set(ROLES)


class Store(Section):
    """Where orders, messages and deliveries are kept."""

    url: Annotated[str, AfterValidator(values.is_store_url)] = Field(
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
    processing_ids: Annotated[str, AfterValidator(values.is_processing_ids)] = Field(
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
        return beside_certificate(value, info)

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
        return beside_certificate(value, info)

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


class Worklist(Section):
    """What of the orders modalities see (RAD-5)."""

    hold_for: tuple[Literal["missing", "backslash", "length", "character", "form", "lost"], ...] = Field(
        default=("missing", "backslash", "length", "character", "form"),
        description="The flaws for which an entry is kept from every worklist until its order is corrected: missing "
        "(no value of type 1), backslash (two values where one may be), length (too long), character (control "
        "characters), form (no such date, code, number), lost (letters lost before they came here). swf held lists "
        "them; an entry with another flaw is shown and listed too.",
    )


class Web(Section):
    """The operator's window: pages for people and an API for programs."""

    enabled: bool = Field(default=True, description="Whether the window is opened.")
    host: Host = Field(
        default="127.0.0.1",
        description="The address to listen on; one that other machines reach needs users (swf users add) or a "
        "proxy_user_header, and TLS, its own or that of a proxy.",
    )
    port: OwnPort = Field(default=8080, description="The port to listen on; 0 takes any free one.")
    language: Literal["", "en", "de", "ru"] = Field(
        default="",
        description="The language of the pages for whoever has not chosen one: en, de or ru; empty for the one the "
        "browser asks for.",
    )
    names: tuple[HostName, ...] = Field(
        default=(),
        description="The names browsers call it by beside localhost and its address, such as swf.hospital.example; under "
        "another name nobody is answered.",
    )
    login: bool = Field(
        default=False,
        description="Whether this machine has to sign in too; always so once there is a user, and where others reach it.",
    )
    session_hours: float = Field(
        default=12.0, gt=0, le=720, description="After how many hours one has to sign in again."
    )
    idle_minutes: float = Field(
        default=60.0,
        gt=0,
        le=43200,
        description="After how many minutes in which nobody clicked; what a page fetches by itself is no click, except "
        "of a viewer, whose board may hang on a wall.",
    )
    tls_certificate: OptionalFile = Field(
        default="", description="Our certificate with its chain (PEM); when given, the window is https."
    )
    tls_key: OptionalFile = Field(
        default="",
        validate_default=True,
        description="The private key of the certificate (PEM, without a passphrase).",
    )
    proxy_addresses: tuple[Network, ...] = Field(
        default=(),
        description="The addresses of a reverse proxy before the window, such as 127.0.0.1; from them alone X-Forwarded-For "
        "and X-Forwarded-Proto are believed, from elsewhere such a request is refused.",
    )
    proxy_user_header: Header = Field(
        default="",
        validate_default=True,
        description="The header in which the proxy says who has signed in with it, such as Remote-User.",
    )
    proxy_role_header: Header = Field(
        default="",
        validate_default=True,
        description="The header in which it says their role: viewer, operator or admin; empty for the role of the user of "
        "that name, else proxy_role.",
    )
    proxy_role: Literal["viewer", "operator", "admin"] = Field(
        default="viewer", description="The role of those the proxy names who are no users here."
    )
    plain_http: bool = Field(
        default=False,
        validate_default=True,
        description="Whether other machines may sign in without TLS: passwords then cross the network in the clear.",
    )

    @property
    def reached_by_others(self) -> bool:
        """True when other machines reach it, directly or through a proxy."""
        return not is_loopback(self.host) or bool(self.proxy_addresses)

    @field_validator("tls_key")
    @classmethod
    def _goes_with_a_certificate(cls, value: str, info: ValidationInfo) -> str:
        return beside_certificate(value, info)

    @field_validator("proxy_user_header")
    @classmethod
    def _comes_from_somewhere(cls, value: str, info: ValidationInfo) -> str:
        if value and not info.data.get("proxy_addresses"):
            raise PydanticCustomError("proxy", "means nothing without proxy_addresses: who says it has to be known")
        return value

    @field_validator("proxy_role_header")
    @classmethod
    def _belongs_to_somebody(cls, value: str, info: ValidationInfo) -> str:
        if value and not info.data.get("proxy_user_header"):
            raise PydanticCustomError("proxy", "means nothing without proxy_user_header")
        return value

    @field_validator("plain_http")
    @classmethod
    def _hides_passwords(cls, value: bool, info: ValidationInfo) -> bool:
        host = info.data.get("host", "127.0.0.1")
        if not value and not is_loopback(host) and not any(map(info.data.get, ("tls_certificate", "proxy_addresses"))):
            raise PydanticCustomError(
                "plain_http",
                "other machines would sign in at {host} in the clear: give tls_certificate and tls_key, or the "
                "proxy_addresses of the reverse proxy that speaks TLS, or plain_http = true where the network is trusted",
                {"host": host},
            )
        return value


class Simulator(Section):
    """Invented orders and exams, to learn and to test with. Never where patients depend on the lists."""

    enabled: bool = Field(
        default=False,
        description="Whether the window may let a simulated HIS, modality and MIS play against this broker. It refuses as "
        "long as the store holds anybody it has not invented, or another machine could be told or could ask.",
    )
    test_system: bool = Field(
        default=False,
        description="Whether it may do so in spite of that, because no patient depends on this broker.",
    )
    mis_port: PeerPort = Field(
        default=2576,
        description="The port of 127.0.0.1 its MIS listens on; a [[destination]] that leads there is told what happens.",
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
    accession_prefix: Annotated[str, AfterValidator(values.is_accession_prefix)] = Field(
        default="SWF",
        description="What accession numbers generated here begin with: up to 6 capitals and digits.",
    )
    time_zone: TimeZone = Field(
        default="",
        description="The zone of the site's clocks, such as Europe/Berlin; empty for the zone of this machine.",
    )
