"""What `swf.config` promises: defaults, the file, the environment, and every mistake at once with its place."""

import json
import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from swf import clock, config
from swf.errors import ConfigError
from swf.hl7 import charset

KEYS = list(config.keys())
EXAMPLE = """
mapping = "mappings/default.toml"
[store]
url = "sqlite:///swf.db"
[hl7]
host = "127.0.0.1"
port = 2575
[dicom]
ae_title = "SWF"
host = "127.0.0.1"
port = 11112
accept_unknown_callers = false
[[modality]]
ae_title = "CT1"
host = "10.0.0.21"
port = 104
[[destination]]
name = "mis"
host = "127.0.0.1"
port = 2576
send = ["ORM^O01", "ORU^R01"]
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test runs in an empty folder, so that no swf.toml and no mapping is found by chance."""
    monkeypatch.chdir(tmp_path)


def load(text: str, environ: Mapping[str, str] | None = None) -> config.Settings:
    """The settings of a file with this text."""
    Path("site.toml").write_text(text, "utf-8")
    return config.load(Path("site.toml"), environ or {})


def mistakes(text: str = "", environ: Mapping[str, str] | None = None) -> list[str]:
    """What is said about a file with this text."""
    with pytest.raises(ConfigError) as refusal:
        load(text, environ)
    return list(refusal.value.mistakes)


def test_without_a_file_the_broker_listens_on_this_machine_only() -> None:
    """A fresh installation opens its doors to its own machine and to nobody else."""
    fresh = config.load(environ={})
    assert (fresh.hl7.host, fresh.hl7.port) == ("127.0.0.1", 2575)
    assert (fresh.dicom.host, fresh.dicom.port, fresh.dicom.ae_title) == ("127.0.0.1", 11112, "SWF")
    assert (fresh.modality, fresh.destination, fresh.store.url) == ((), (), "sqlite:///swf.db")
    assert fresh == config.Settings()


def test_the_example_of_the_documentation_is_understood() -> None:
    """The example file is read as it is written."""
    site = load(EXAMPLE)
    assert site.modality == (config.Modality(ae_title="CT1", host="10.0.0.21", port=104),)
    assert site.destination[0].send == ("ORM^O01", "ORU^R01")
    assert (site.destination[0].name, site.destination[0].port, site.destination[0].charset) == (
        "mis",
        2576,
        "UNICODE UTF-8",
    )


def test_swf_toml_in_the_current_folder_is_found() -> None:
    """Started without a file name, the broker takes swf.toml from the folder it stands in."""
    Path("swf.toml").write_text("[hl7]\nport = 4000\n", "utf-8")
    assert config.load(environ={}).hl7.port == 4000


def test_a_file_from_windows_with_a_byte_order_mark_is_read() -> None:
    """A file saved by a Windows editor is a file like any other."""
    assert load("\ufeff[hl7]\r\nport = 4000\r\n").hl7.port == 4000


def test_settings_cannot_be_changed_while_the_broker_runs() -> None:
    """What was read at the start is what holds until the end."""
    with pytest.raises(ValidationError, match="frozen"):
        config.load(environ={}).hl7.port = 1


@pytest.mark.parametrize("variable", ["SWF_HL7_PORT", "SWF_HL7__PORT"])
def test_the_environment_wins_over_the_file(variable: str) -> None:
    """A port given to the container counts more than the one in the file."""
    assert load("[hl7]\nport = 4000\n", {variable: "4001"}).hl7.port == 4001


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.path)
def test_every_key_can_be_set_by_the_environment(key: config.Key) -> None:
    """There is no setting that only the file can change."""
    wrong = "" if key.name == "mapping" else "| \\"
    for variable in key.variables:
        value = json.dumps(key.value) if isinstance(key.value, tuple) else str(key.value)
        assert config.load(environ={variable: value}) == config.Settings()
        (mistake,) = mistakes(environ={variable: wrong})
        assert mistake.startswith(f"{variable}: {key.path}: ")


def test_lists_come_from_the_environment_as_json() -> None:
    """A container can be told its modalities without a file, and they replace those of the file."""
    environ = {"SWF_MODALITY": '[{"ae_title": "MR1"}]', "SWF_DESTINATION": '[{"name":"a","host":"h","port":1}]'}
    site = load(EXAMPLE, environ)
    assert [modality.ae_title for modality in site.modality] == ["MR1"]
    assert [destination.name for destination in site.destination] == ["a"]


def test_all_mistakes_are_reported_at_once_each_with_its_line() -> None:
    """An engineer corrects a file once, not once for each mistake in it."""
    text = """colour = "blue"
[hl7]
port = 70000
prot = 2575
[dicom]
ae_title = "SEVENTEEN_LETTERS"
[[modality]]
ae_title = "CT1"
[[modality]]
ae_title = "CT1"
host = "two words"
[[destination]]
name = "mis"
port = 2576
send = ["ORM^O01", "ADT^A08"]
retry_last_seconds = 0.1
"""
    assert mistakes(text, {"SWF_STORE_URL": "mysql://x", "SWF_DICOM_PROT": "1", "SWF_HL7_MAX_CONNECTIONS": "many"}) == [
        "SWF_DICOM_PROT: there is no such setting; did you mean SWF_DICOM_PORT?",
        "site.toml:1: colour: there is no such key",
        "site.toml:10: modality[2].ae_title: 'CT1' is already taken by another modality",
        "SWF_STORE_URL: store.url: must begin with sqlite:/// or postgresql+psycopg:// and name a database",
        "site.toml:3: hl7.port: should be less than or equal to 65535",
        "SWF_HL7_MAX_CONNECTIONS: hl7.max_connections: should be a valid integer, unable to parse string as an integer",
        "site.toml:4: hl7.prot: there is no such key; did you mean port?",
        "site.toml:6: dicom.ae_title: must be an AE title: 1 to 16 characters, no backslash",
        "site.toml:11: modality[2].host: must be a host name or an address",
        "site.toml:12: destination[1].host: is missing",
        "site.toml:16: destination[1].retry_last_seconds: must not be shorter than retry_first_seconds",
        "site.toml:15: destination[1].send[2]: should be 'ORM^O01' or 'ORU^R01'",
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("hl7 = 5", "site.toml:1: hl7: must be a table"),
        ("modality = 5", "site.toml:1: modality: must be a list"),
        ("modality = [5]", "site.toml:1: modality[1]: must be a table"),
        ("_env_file = 'x'", "site.toml:1: _env_file: there is no such key"),
        ("[site]\nname = 'A|B'", "must not hold a delimiter of HL7"),
        ("[site]\naccession_prefix = 'TOOLONG'", "must be up to 6 capitals and digits"),
        ("[site]\ntime_zone = 'Europe/Atlantis'", "is no time zone known here; such as Europe/Berlin"),
        ("[site]\ntime_zone = '../passwd'", "is no time zone known here; such as Europe/Berlin"),
        ("[hl7]\ndefault_charset = 'klingon'", "is no character set known here"),
        ("[hl7]\ndefault_charset = 'utf\\u0000'", "is no character set known here"),
        ("[store]\nurl = 'sqlite:///'", "and name a database"),
        ("[[destination]]\nname='a'\nhost='h'\nport=0", "should be greater than or equal to 1"),
        ("[[destination]]\nname='a'\nhost='h'\nport=1\ncharset='latin1'", "must be one of ASCII, 8859/1"),
        ("[[destination]]\nname='a'\nhost='h'\nport=1\nack_timeout_seconds=inf", "should be a finite number"),
    ],
)
def test_a_value_that_cannot_work_is_refused_at_the_start(text: str, sentence: str) -> None:
    """A setting that could not work is found before the first order arrives."""
    (mistake,) = mistakes(text)
    assert sentence in mistake


SOURCE = "[[source]]\nname = 'his'\n"
DESTINATION = "[[destination]]\nname='a'\nhost='h'\nport=1\n"


def test_sources_are_understood() -> None:
    """A sender is described by its names, its addresses and how it is read and answered."""
    site = load(f"{SOURCE}hosts = ['10.0.0.21', '10.1.2.3/16', '2001:db8::/32']\nack_mode = 'enhanced'\n")
    assert site.source[0].hosts == ("10.0.0.21/32", "10.1.0.0/16", "2001:db8::/32")
    assert (site.source[0].application, site.source[0].reply, site.source[0].charset) == ("", "ack", "")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (f"{SOURCE}hosts = ['his.example']", "source[1].hosts[1]: must be an address or a network"),
        (f"{SOURCE}hosts = ['10.0.0.1/99']", "source[1].hosts[1]: must be an address or a network"),
        (f"{SOURCE}charset = 'klingon'", "source[1].charset: is no character set known here"),
        (f"{SOURCE}charset_override = 'klingon'", "source[1].charset_override: is no character set known here"),
        (f"{SOURCE}ack_mode = 'auto'", "source[1].ack_mode: should be 'original' or 'enhanced'"),
        (f"{SOURCE}reply = 'orr'", "source[1].reply: should be 'ack' or 'application'"),
        (f"{SOURCE}{SOURCE}", "source[2].name: 'his' is already taken by another source"),
        (f"{SOURCE}aplication = 'HIS'", "source[1].aplication: there is no such key; did you mean application?"),
        ("[hl7]\nmax_connections_per_peer = 0", "should be greater than or equal to 1"),
        ("[hl7]\ntls_certificate = 'nowhere.pem'", "hl7.tls_certificate: there is no such file"),
        ("[hl7]\ntls_certificate = 'site.toml'", "hl7.tls_key: is missing beside tls_certificate"),
        ("[hl7]\ntls_client_ca = 'site.toml'", "hl7.tls_client_ca: means nothing without tls_certificate"),
        (f"{DESTINATION}tls_ca = 'nowhere.pem'", "destination[1].tls_ca: there is no such file"),
        (f"{DESTINATION}tls_key = 'site.toml'", "destination[1].tls_key: means nothing without tls_certificate"),
    ],
)
def test_mistakes_in_sources_and_tls(text: str, sentence: str) -> None:
    """A sender that could never fit, or a key without its certificate, is found before the first order arrives."""
    (mistake,) = mistakes(text)
    assert sentence in mistake


def test_two_destinations_may_not_share_a_name() -> None:
    """A delivery names its destination, so no two may be called the same."""
    table = "[[destination]]\nname = 'mis'\nhost = 'h'\nport = 1\n"
    assert mistakes(table * 2) == ["site.toml:6: destination[2].name: 'mis' is already taken by another destination"]


def test_a_file_that_is_no_toml_is_one_mistake_with_its_line() -> None:
    """A missing quote is reported with the line it is on."""
    (mistake,) = mistakes("[hl7]\nhost = 127.0.0.1\n")
    assert mistake.startswith("site.toml:2: ")


def test_a_list_in_the_environment_that_is_no_json_is_named() -> None:
    """A container with a broken list does not start with an empty one."""
    (mistake,) = mistakes(environ={"SWF_MODALITY": "CT1"})
    assert mistake.startswith("SWF_MODALITY: modality: is not JSON")


def test_a_file_that_was_asked_for_and_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    """A mistyped file name does not start a broker with default settings."""
    for missing in (Path("nowhere.toml"), tmp_path):
        with pytest.raises(ConfigError, match=re.escape(str(missing))):
            config.load(missing, {})
    Path("latin.toml").write_bytes('[site]\nname = "Röntgen"'.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"latin\.toml: is not UTF-8 text"):
        config.load(Path("latin.toml"), {})


def test_a_password_in_the_database_address_is_never_repeated_in_a_mistake() -> None:
    """An error message can be sent to support without giving a password away."""
    assert "secret" not in "".join(mistakes("[store]\nurl = 'postgresql://swf:secret@db/swf'\n"))


def test_variables_that_kubernetes_sets_for_a_service_called_swf_are_left_alone() -> None:
    """A cluster that announces the broker's own service to it does not keep it from starting."""
    links = {"SWF_SERVICE_HOST": "10.0.0.1", "SWF_PORT": "tcp://10.0.0.1:2575", "SWF_PORT_2575_TCP_PROTO": "tcp"}
    assert config.load(environ=links) == config.Settings()
    assert mistakes(environ={"SWF_PORT": "2575"}) == ["SWF_PORT: there is no such setting; did you mean SWF_WEB_PORT?"]


@pytest.mark.parametrize(
    ("host", "accept", "checked"),
    [
        ("127.0.0.1", False, False),
        ("::1", False, False),
        ("localhost", False, False),
        ("0.0.0.0", False, True),
        ("0.0.0.0", True, False),
        ("broker.example", False, True),
    ],
)
def test_unknown_modalities_are_turned_away_off_loopback(host: str, accept: bool, checked: bool) -> None:
    """Once the broker can be reached from the network, only the modalities it knows may call."""
    assert config.Dicom(host=host, accept_unknown_callers=accept).callers_are_checked is checked


def test_the_template_shows_every_key_with_its_default() -> None:
    """The file `swf init` writes changes nothing until a # is removed."""
    text = config.template()
    assert load(text) == config.Settings()
    singles, _, lists = text.partition("\n#[[modality]]")
    uncommented = re.sub(r"(?m)^#(?=\w+ = )", "", singles)
    assert load(uncommented) == config.Settings()
    written = tomllib.loads(uncommented)
    assert {key.path for key in KEYS if key.section} == {
        f"{table}.{name}" for table, members in written.items() if isinstance(members, dict) for name in members
    }
    everything = re.sub(r"(?m)^#(?=\w+ = |\[\[)", "", f"{singles}\n#[[modality]]{lists}")
    assert load(everything).destination == load(EXAMPLE).destination
    assert load(everything).modality == load(EXAMPLE).modality


def test_every_key_is_described() -> None:
    """No setting has to be guessed from its name."""
    for key in [*KEYS, *config.list_keys()]:
        assert key.description.endswith("."), key.path
        assert key.description in " ".join(config.template().replace("\n# ", " ").split()), key.path


def test_every_charset_of_a_destination_can_be_written() -> None:
    """A character set that may be configured is one the broker can write."""
    assert [name for name in config.CHARSETS if charset.codec_for(name) is None] == []


def test_the_shipped_mapping_is_used_until_the_site_has_its_own() -> None:
    """A fresh installation has working rules; a site's own file takes their place."""
    assert config.mapping_file(config.Settings()) == config.shipped_mappings() / "default.toml"
    own = Path("mappings/default.toml")
    own.parent.mkdir()
    own.write_text("", "utf-8")
    assert config.mapping_file(config.Settings()) == own


def test_a_mapping_of_the_site_that_is_not_there_is_a_mistake() -> None:
    """A mistyped mapping file is not replaced by the shipped one."""
    with pytest.raises(ConfigError, match=r"mapping: rules\.toml"):
        config.mapping_file(config.Settings(mapping="rules.toml"))


@given(st.text(max_size=20))
@settings(max_examples=200, deadline=None)
def test_an_ae_title_is_what_dicom_says(title: str) -> None:
    """Exactly the AE titles that DICOM allows are accepted."""
    lawful = title.strip(" ") != "" and len(title.strip(" ")) <= 16
    lawful = lawful and all(" " <= character <= "~" and character != "\\" for character in title)
    try:
        assert config.Modality(ae_title=title).ae_title == title.strip(" ")
    except ValidationError:
        assert not lawful
    else:
        assert lawful


@given(st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=8) | st.booleans(), max_size=5))
@settings(max_examples=100, deadline=None)
def test_no_table_of_unknown_keys_goes_unnoticed(table: dict[str, int | str | bool]) -> None:
    """Whatever is written into the file, a key that means nothing is never passed over."""
    lines = "".join(f"{_quoted(name)} = {_quoted(value)}\n" for name, value in table.items())
    unknown = [name for name in table if name not in config.Settings.model_fields]
    Path("any.toml").write_text(lines, "utf-8")
    try:
        config.load(Path("any.toml"), {})
    except ConfigError as refusal:
        said = refusal.mistakes
        assert sum("there is no such key" in mistake for mistake in said) == len(unknown)
    else:
        assert not unknown


def _quoted(value: object) -> str:
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(character):08x}" for character in value) + '"'
    return str(value).lower()


def test_the_time_zone_of_the_site_is_in_force() -> None:
    """Times are shown by the site's clock once its settings are read, and by the machine's when they name no zone."""
    noon = datetime(2030, 7, 1, 12, tzinfo=UTC)
    load("[site]\ntime_zone = 'Asia/Tokyo'")
    assert clock.local(noon).hour == 21
    load("")
    assert clock.local(noon) == noon.astimezone()
    assert clock.local(noon).utcoffset() == noon.astimezone().utcoffset()


def test_a_relay_and_a_destination_have_names_of_their_own(tmp_path: Path) -> None:
    """In the list of deliveries nobody could tell them apart."""
    file = tmp_path / "swf.toml"
    file.write_text(
        '[[destination]]\nname = "pacs"\nhost = "a"\nport = 1\n'
        '[[relay]]\nname = "pacs"\nhost = "a"\nport = 1\nae_title = "PACS"\n'
    )
    with pytest.raises(ConfigError, match=r"relay\[1\].name: 'pacs' is already taken by a destination"):
        config.load(file, {})
