"""The tables of `swf.toml` that repeat, one for each system the broker speaks with: keys, meaning, defaults."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from swf.config import values
from swf.config.values import (
    Hl7Text,
    Host,
    Network,
    OptionalCodec,
    OptionalFile,
    PeerPort,
    Seconds,
    beside_certificate,
)
from swf.profiles import AeTitle, Answers, Section, TimeZone


class Modality(Answers):
    """A device that may call; repeat the table for each. Every key of [[profile]] may stand here too, for it alone."""

    ae_title: AeTitle = Field(description="The AE title it calls with.", examples=["CT1"])
    host: Host | None = Field(
        default=None, description="Its address; optional, checked when given.", examples=["10.0.0.21"]
    )
    port: PeerPort | None = Field(
        default=None,
        validate_default=True,
        description="The port of its own DICOM door, where it has one: it can then be tested by C-ECHO. Needs host.",
        examples=[104],
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
    images_settle_minutes: float = Field(
        default=5.0,
        ge=0,
        le=1440,
        description="How many minutes no further notice of images may come for a step to be completed by availability: "
        "an archive may tell of a study in parts. 0 is at once.",
    )

    @field_validator("port")
    @classmethod
    def _is_at_a_host(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None and not info.data.get("host"):
            raise PydanticCustomError("port", "means nothing without host")
        return value


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
    port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="A port of its own, beside that of [hl7]: only what comes there is its; 0 for the common one. A port "
        "that is new needs a restart.",
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
        return beside_certificate(value, info)

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
    charset: Annotated[str, AfterValidator(values.is_charset)] = Field(
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
