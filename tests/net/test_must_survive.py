"""The inputs a listener must survive (hl7v2.md §9): each is answered, kept as it came, and the next order is taken.

The names of tests and cases have the numbers of that list. Those that concern the wire alone are in `test_mllp_listener`
and `tests/hl7/test_mllp`, what destinations do in `test_mllp_client`.
"""

import io
import itertools
import re
import resource
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from swf.broker import Broker
from swf.model.message import MESSAGE
from swf.net import mllp_conversation
from tests.conftest import settings_for

DESCRIPTORS = 4096
_MSA = re.compile(rb"\rMSA(?P<separator>.)(?P<code>..)(?P=separator)(?P<id>[^\r|$]*)")
_NUMBERS = itertools.count(1)
LATER = "||||||"


def order(*segments: str, msh: str = "|^~\\&|HIS|HOSP|SWF|RAD|20260315||ORM^O01|{id}|P|2.3.1", end: str = "\r") -> str:
    """An order of its own patient; `{id}` and `{n}` stand for its control id and its number."""
    lines = segments or ("PID|||P{n}^^^HOSP||DOE^JANE", "ORC|NW|{n}^HIS", "OBR||{n}^HIS||CTABD^CT abdomen^99HIS")
    return end.join([f"MSH{msh}", *lines, ""])


def with_header(old: str, new: str) -> str:
    """An order whose MSH has `new` in the place of `old`."""
    head, rest = order().split("\r", 1)
    assert old in head
    return f"{head.replace(old, new)}\r{rest}"


def with_name(name: str, declared: str = "") -> str:
    """An order for a patient of that name, with MSH-18."""
    text = order().replace("DOE^JANE", name)
    return text.replace("|2.3.1\r", f"|2.3.1{LATER}{declared}\r") if declared else text


PID, ORC, OBR = order().split("\r")[1:4]
CYRILLIC = "ПРИМЕРОВ^ИВАН"
MANY = "~".join(f"R{{n}}{repetition}^^^A{repetition}" for repetition in range(4000))
THIRTY = [line for i in range(30) for line in (f"ORC|NW|{{n}}-{i}^HIS", f"OBR||{{n}}-{i}^HIS||CT^CT")]
ESCAPES = r"a\F\b\X0D\c\X000d\d\.br\e\H\f\N\g\E\h C:\dir \.sp4000000000\ \Z"
# What is sent, and MSA-1 of its answer; "" where the standard leaves both AA and AE open.
CASES: dict[str, tuple[str | bytes, str]] = {
    "20 byte order mark": ("\ufeff" + order(), "AA"),
    "21 CR LF": (order(end="\r\n"), "AA"),
    "21 LF": (order(end="\n"), "AA"),
    "21 CR CR": (order(end="\r\r"), "AA"),
    "21 mixed": (order().replace("\r", "\r\n", 2), "AA"),
    "21 no final CR": (order().removesuffix("\r"), "AA"),
    "22 CR inside a field": (order().replace("CT abdomen", "CT\rabdomen"), "AA"),
    "22 wrapped base64": (order(PID, ORC, OBR, "OBX|1|ED|||^^^Base64^SGVs\rbG8h\rIQ=="), "AA"),
    "23 batch of one": (f"FHS|^~\\&\rBHS|^~\\&\r{order()}BTS|1\rFTS|1\r", "AA"),
    "23 batch of none": ("FHS|^~\\&\rBHS|^~\\&\rBTS|0\rFTS|0\r", "AE"),
    "24 MSH only": ("MSH", "AE"),
    "24 MSH and separator": ("MSH|", "AE"),
    "24 truncated MSH": ("MSH|^~\\&|HIS|HO", "AR"),
    "25 not HL7": ("hello", "AE"),
    "25 XML": ("<ORM_O01><MSH/></ORM_O01>", "AE"),
    "25 JSON": ('{"resourceType": "ServiceRequest"}', "AE"),
    "26 an acknowledgement that wants an answer": (
        order("MSA|AA|X1", msh="|^~\\&|HIS|HOSP|SWF|RAD|2026||ACK^O01|{id}|P|2.3.1|||AL"),
        "CA",
    ),
    "27 lower-case segment": (order().replace("PID|", "pid|"), "AE"),
    "27 second order in small letters": (order(PID, ORC, OBR, "orc|NW|{n}b^HIS", "obr||{n}b^HIS||CT^CT"), "AE"),
    "27 four-character segment": (order(PID, ORC, OBR, "ZZZZ|1"), "AA"),
    "28 five encoding characters": (with_header("^~\\&", "^~\\&#"), "AA"),
    "28 three encoding characters": (with_header("^~\\&", "^~\\"), "AA"),
    "28 two encoding characters": (with_header("^~\\&", "^~"), "AA"),
    "28 doubled escape": (with_header("^~\\&", "^~\\\\&"), "AA"),
    "28 own delimiters": (order().replace("|", "$").replace("^", "%"), "AA"),
    "28 alphanumeric delimiters": (with_header("^~\\&", "A1b2"), "AE"),
    "28 control delimiters": (with_header("^~\\&", "\x01\x02\x03\x04"), "AE"),
    "29 no version": (with_header("|2.3.1", "|"), "AA"),
    "29 version with country": (with_header("|2.3.1", "|2.5.1^RUS"), "AA"),
    "29 version 2.7.1": (with_header("|2.3.1", "|2.7.1"), "AA"),
    "29 version 2.9": (with_header("|2.3.1", "|2.9"), "AA"),
    "29 version V2.5": (with_header("|2.3.1", "|V2.5"), "AA"),
    "29 padded version": (with_header("|2.3.1", "|2.5 "), "AA"),
    "30 type without event": (with_header("ORM^O01", "ORM"), "AA"),
    "30 empty structure": (with_header("ORM^O01", "ORM^O01^"), "AA"),
    "30 wrong structure": (with_header("ORM^O01", "ORM^O01^ADT_A01"), "AA"),
    "30 padded type": (with_header("ORM^O01", " ORM ^ O01 "), "AA"),
    "30 lower-case type": (with_header("ORM^O01", "orm^o01"), "AA"),
    "30 type contradicting content": (with_header("ORM^O01", "ADT^A99"), "AR"),
    "31 no control id": (with_header("{id}", ""), "AA"),
    "31 long control id": (with_header("{id}", "{id}" + "L" * 200), "AA"),
    "31 control id with components": (with_header("{id}", "{id}^X"), "AA"),
    "32 training": (with_header("|P|", "|T|"), "AR"),
    "32 debugging": (with_header("|P|", "|D|"), "AR"),
    "33 accept always, application never": (with_header("|2.3.1", "|2.3.1|||AL|NE"), "AA"),
    "34 control bytes in the names": (with_header("|HIS|", "|H\x01\x1cI\x7fS|"), "AA"),
    "35 cp1251 undeclared": (with_name(CYRILLIC).encode("cp1251"), "AE"),
    "35 koi8-r undeclared": (with_name(CYRILLIC).encode("koi8-r"), "AE"),
    "35 cp866 undeclared": (with_name(CYRILLIC).encode("cp866"), "AE"),
    "35 8859-5 undeclared": (with_name(CYRILLIC).encode("iso8859-5"), "AE"),
    "36 cp1251 declared UTF-8": (with_name(CYRILLIC, "UNICODE UTF-8").encode("cp1251"), "AE"),
    "37 UTF-8 declared 8859/1": (with_name(CYRILLIC, "8859/1"), "AE"),
    "38 WINDOWS-1251": (with_name(CYRILLIC, "WINDOWS-1251").encode("cp1251"), "AA"),
    "38 utf8": (with_name(CYRILLIC, "utf8"), "AA"),
    "38 ISO IR144": (with_name(CYRILLIC, "ISO IR144").encode("iso8859-5"), "AA"),
    "38 unknown": (with_name(CYRILLIC, "KLINGON"), "AE"),
    "39 kanji that contain a separator": (with_name("一丼", "ISO IR6~ISO IR87").encode("iso2022_jp_2"), "AA"),
    "39 kana in eight bits": (
        with_name("DOE^JANE", "ISO IR14~ISO IR87").encode().replace(b"DOE^JANE", b"\xd4\xcf\xc0\xde=\x1b$B;3ED\x1b(J"),
        "AA",
    ),
    "39 Korean by escape": (
        with_name("DOE^JANE", "~KS X 1001").encode().replace(b"DOE^JANE", b"\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6"),
        "AA",
    ),
    "39 escape sequences undeclared": (with_name("山田^太郎").encode("iso2022_jp_2"), "AE"),
    "40 GB18030": (with_name("例^子", "GB 18030-2000").encode("gb18030"), "AA"),
    "40 Big5": (with_name("例^子", "BIG-5").encode("big5"), "AA"),
    "40 EUC-KR": (with_name("홍^길동", "KS X 1001").encode("euc_kr"), "AA"),
    "41 UTF-16": (order().encode("utf-16"), "AE"),
    "42 lone surrogate": (order().encode().replace(b"JANE", b"J\xed\xa0\x80"), "AE"),
    "42 NUL and C1 controls": (with_name("DOE^JA\0N\x85E\x9f"), "AA"),
    "42 emoji and combining": (with_name("DOE^JA\u0301NE \U0001f600"), "AA"),
    "43 null in fields and components": (order('PID|||P{n}^^^HOSP||DOE^JANE^""||""|""', ORC, OBR + '|""'), "AA"),
    "43 null as subcomponent": (order(PID, ORC, OBR.replace("CT abdomen", 'CT&""&x')), "AA"),
    "44 escapes": (order().replace("CT abdomen", ESCAPES), "AA"),
    "45 partial date": (order(PID + "||1980", ORC + "|||||^^^20260316", OBR), "AA"),
    "45 odd times": (order(PID + "||00000000", ORC + "|||||^^^202603162400-0330", OBR), ""),
    "45 second sixty": (order(PID, ORC + "|||||^^^20260316093060+0000", OBR), ""),
    "46 padded numbers": (
        order(PID, ORC, OBR.replace("OBR||", "OBR|0001|"), "OBX|1|NM|3141-9^Weight^LN||71,5|kg"),
        "AA",
    ),
    "47 4,000 repetitions": (order(f"PID|||{MANY}||DOE^JANE", ORC, OBR), "AA"),
    "47 16,000 components": (order(PID.replace("DOE^JANE", "DOE" + "^x" * 16000), ORC, OBR), "AA"),
    "47 10,000 segments": (order(PID, ORC, OBR, *(f"NTE|{i}||x" for i in range(10_000))), "AA"),
    "48 extra fields and components": (order(PID + "|" * 60 + "x", ORC, OBR + "^a^b^c^d^e^f^g^h"), "AA"),
    "49 Z segments anywhere": (
        order("ZAA|1", PID, "ZBB|2", ORC, "ZCC|3", OBR, "ZDS|1.2.{n}^X^Application^DICOM"),
        "AA",
    ),
    "50 two OBR for one ORC": (order(PID, ORC, OBR, OBR.replace("CTABD", "CTHEAD")), "AA"),
    "50 OBR without ORC": (order(PID, OBR), "AE"),
    "50 ORC without OBR": (order(PID, "ORC|CA|unknown{n}^HIS"), "AE"),
    "50 visit after the order": (order(PID, ORC, OBR, "PV1||I|WARD1"), "AA"),
    "50 IPC in ORM": (order(PID, ORC, OBR, "IPC|ACC{n}^HIS|RP{n}^HIS|1.3.{n}^HIS|SPS{n}^HIS|CT"), "AA"),
    "50 TQ1 in ORM": (order(PID, ORC, "TQ1|1||||||20260316093000", OBR), "AA"),
    "50 thirty orders": (order(PID, *THIRTY), "AA"),
    "50 no authority": (order().replace("P{n}^^^HOSP", "N{n}"), "AA"),
    "51 empty PID-3": (order("PID|||||DOE^JANE", ORC, OBR), "AE"),
    "52 base64 of 5 MiB": (order(PID, ORC, OBR, "OBX|1|ED|||^^^Base64^" + "QUJD" * (5 * 2**18)), "AA"),
}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One broker for all of it: what one input breaks, the next one sees."""
    running = Broker(settings_for(tmp_path_factory.mktemp("survive")))
    running.start()
    yield running
    running.stop()


@pytest.mark.parametrize("name", CASES)
def test_frame_is_answered_kept_and_followed(*, broker: Broker, dial: Any, framed: Any, name: str) -> None:
    """Whatever a frame holds, its sender is answered, the bytes are kept, and the next order is taken."""
    content, code = CASES[name]
    sender, number = dial(broker.hl7), next(_NUMBERS)
    raw, following = _filled(content, number), _filled(order(), number + 100_000)
    sender.send(framed(raw), framed(following))
    answer = _MSA.search(sender.raw_answer())
    assert sender.answer()[0] == "AA"
    with broker.database.reading() as connection:
        newest = connection.execute(select(MESSAGE).order_by(MESSAGE.c.id.desc()).limit(2)).all()
    assert [bytes(row.raw) for row in newest] == [following, raw]
    assert answer is not None
    assert answer["code"].decode() in ([code] if code else ["AA", "AE"])
    assert answer["id"].decode().startswith(newest[1].control_id)
    assert newest[1].ack_code[1] == answer["code"].decode()[1]


@pytest.mark.parametrize("segments", [("MSA|AA|X1",), ("MSA|AE|X1",), ()])
def test_an_acknowledgement_is_not_acknowledged(
    *, broker: Broker, dial: Any, framed: Any, segments: tuple[str, ...]
) -> None:
    """(26) An acknowledgement that arrives as a message is kept and not answered, or two systems would never end."""
    acknowledgement = "\r".join(["MSH|^~\\&|HIS|HOSP|SWF|RAD|2026||ACK^O01|{id}|P|2.3.1", *segments, ""])
    sender, number = dial(broker.hl7), next(_NUMBERS)
    raw, following = _filled(acknowledgement, number), _filled(order(), number + 100_000)
    sender.send(framed(raw), framed(following))
    assert sender.answer() == ("AA", f"C{number + 100_000}")
    assert [kept for kept, _, _ in _newest(broker, 2)] == [raw, following]


def test_every_input_of_the_list_has_its_test() -> None:
    """None of the inputs to be survived, 1 to 53, is without a test that names it."""
    files = ("net/test_must_survive.py", "net/test_mllp_listener.py", "net/test_mllp_client.py", "hl7/test_mllp.py")
    texts = "".join((Path(__file__).parents[1] / file).read_text("utf-8") for file in files)
    named = re.findall(r'"""\(([0-9, ]+)\) ', texts)
    numbers = {int(number) for each in named for number in each.split(",")} | {int(name.split()[0]) for name in CASES}
    assert numbers == set(range(1, 54))


def _newest(broker: Broker, count: int) -> list[tuple[bytes, str, str]]:
    """Bytes, disposition and answer of the newest messages, the oldest of them first."""
    with broker.database.reading() as connection:
        rows = connection.execute(select(MESSAGE).order_by(MESSAGE.c.id.desc()).limit(count)).all()
    return [(bytes(row.raw), row.disposition, row.ack_code) for row in reversed(rows)]


def test_a_frame_above_the_limit(*, tmp_path: Path, dial: Any, framed: Any) -> None:
    """(13) Of a message above the limit the first bytes are kept; it is refused by its number, and the next one taken."""
    broker = Broker(settings_for(tmp_path, hl7={"max_frame_bytes": 4096}))
    broker.start()
    try:
        sender = dial(broker.hl7)
        long, following = _filled(order(PID, ORC, OBR, "NTE|1||" + "x" * 9000), 1), _filled(order(), 2)
        sender.send(framed(long), framed(following))
        assert sender.answers(2) == [("AR", "C1"), ("AA", "C2")]
        assert _newest(broker, 2) == [(long[:4096], "BROKEN", "AR"), (following, "APPLIED", "AA")]
    finally:
        broker.stop()


def test_half_a_frame_and_the_connection_lost(*, broker: Broker, dial: Any, framed: Any) -> None:
    """(3) What came of a message before its connection was reset is kept for whoever looks for it."""
    half = _filled(order(), next(_NUMBERS))[:-10]
    sender = dial(broker.hl7)
    sender.send(b"\x0b" + half)
    sender.reset()
    _wait_for(lambda: _newest(broker, 1) == [(half, "BROKEN", "")])


@pytest.mark.parametrize("hl7", [{}, {"max_frame_bytes": 4 * 2**20}], ids=["within the limit", "above the limit"])
def test_a_hostile_frame_takes_bounded_memory(*, tmp_path: Path, dial: Any, framed: Any, hl7: dict[str, int]) -> None:
    """Ten megabytes that are no message cost less than three times their size until they are kept and answered."""
    broker = Broker(settings_for(tmp_path, hl7=hl7))
    broker.start()
    try:
        sender, content = dial(broker.hl7), framed(b"Q" * 10 * 2**20)
        tracemalloc.start()
        sender.send(content)
        assert sender.answer()[0] in {"AE", "AR"}
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        broker.stop()
    assert peak < 3 * len(content)


def test_several_messages_in_one_frame(*, broker: Broker, dial: Any, framed: Any) -> None:
    """(23) Of several messages in one frame each is done and answered; one that is refused harms no other."""
    sender, numbers = dial(broker.hl7), [next(_NUMBERS) for _ in range(3)]
    texts = [order(), order("PID|||||DOE^JANE", ORC, OBR), order()]
    sender.send(framed(b"".join(_filled(text, number) for text, number in zip(texts, numbers, strict=True))))
    codes = zip(("AA", "AE", "AA"), numbers, strict=True)
    assert sender.answers(3) == [(code, f"C{number}") for code, number in codes]


def test_numbers_repeated(*, broker: Broker, dial: Any, framed: Any) -> None:
    """(31) A message number repeated with the same content gets the same answer, with other content one of its own."""
    sender, number = dial(broker.hl7), next(_NUMBERS)
    same, other = _filled(order(), number), _filled(order().replace("{n}", "{n}X"), number)
    sender.send(framed(same), framed(same), framed(other))
    first, second, third = (sender.raw_answer() for _ in range(3))
    assert first == second != third
    assert b"MSA|AA|" in third


def test_a_port_scan(*, broker: Broker, dial: Any, framed: Any) -> None:
    """(19) Callers that say nothing and leave, politely or not, are no harm."""
    for _ in range(20):
        dial(broker.hl7).socket.close()
        dial(broker.hl7).reset()
    sender = dial(broker.hl7)
    sender.send(framed(_filled(order(), next(_NUMBERS))))
    assert sender.answer()[0] == "AA"


def test_a_thousand_idle_connections(*, listen: Any, dial: Any, receiver: Any, framed: Any) -> None:
    """(15) A thousand senders that are connected and silent do not keep one from being answered."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < DESCRIPTORS:
        pytest.skip(f"this system gives a process {hard} descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, DESCRIPTORS), hard))
    listener = listen(receiver, max_connections=1100, max_connections_per_peer=1100)
    senders = [dial(listener) for _ in range(1000)]
    for sender in (senders[0], senders[-1]):
        sender.send(framed(_filled(order(), 1)))
        assert sender.answer() == ("AA", "C1")
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_sender_that_never_reads_its_answers(
    *, listen: Any, dial: Any, framed: Any, log_lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """(16) A sender that never reads its answers is parted from in time; the others are served."""
    monkeypatch.setattr(mllp_conversation, "ANSWER_DEADLINE_S", 0.2)
    listener = listen(
        lambda raw, _peer: b"MSH|^~\\&|\rMSA|AA|C1\r" + b"x" * 2**24 if b"DEAF" in raw else b"MSH\rMSA|AA|C2\r"
    )
    deaf, sender = dial(listener), dial(listener)
    deaf.send(framed(b"DEAF"))
    sender.send(framed(b"OTHER"))
    assert sender.answer() == ("AA", "C2")
    _wait_for(lambda: "connection lost" in log_lines.getvalue())


def _wait_for(seen: Callable[[], bool]) -> None:
    until = time.monotonic() + 5.0
    while not seen():
        assert time.monotonic() < until
        threading.Event().wait(0.01)


def _filled(content: str | bytes, number: int) -> bytes:
    raw = content.encode() if isinstance(content, str) else content
    return raw.replace(b"{id}", f"C{number}".encode()).replace(b"{n}", str(number).encode())
