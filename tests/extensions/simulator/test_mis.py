"""The simulated MIS: keeps what it is sent and answers as its personality says."""

from typing import get_args

import pytest

from swf import errors
from swf.extensions.simulator import his, mis
from swf.hl7.header import read_header
from swf.net import mllp_client


def _send(target: mis.Mis, raw: bytes) -> str:
    client = mllp_client.MllpClient(*target.address, ack_timeout_s=0.3)
    try:
        return client.send(raw, read_header(raw).control_id).code
    finally:
        client.close()


def test_acknowledges_and_remembers() -> None:
    """Every message is acknowledged and can be looked at afterwards."""
    order = his.Order(name="DÖE^JANE")
    raw = his.order_orm(order)
    with mis.Mis() as target:
        assert _send(target, raw) == "AA"
        assert target.wait_for(1)
    (received,) = target.received
    assert received.type == "ORM^O01"
    assert received.control_id == read_header(raw).control_id
    assert "DÖE^JANE" in received.text


@pytest.mark.parametrize("answer", ["AE", "AR"])
def test_refuses(answer: mis.Answer) -> None:
    """An MIS may refuse; what it refused is known too."""
    with mis.Mis(personality=lambda _received: answer) as target:
        with pytest.raises(errors.PeerRefused) as refused:
            _send(target, his.order_orm(his.Order()))
        assert refused.value.ack_code == answer
        assert target.wait_for(1)


@pytest.mark.parametrize(("answer", "reason"), [("silence", "within"), ("close", "closed")])
def test_does_not_answer(answer: mis.Answer, reason: str) -> None:
    """An MIS may take a message and say nothing, or hang up."""
    with mis.Mis(personality=lambda _received: answer) as target:
        with pytest.raises(errors.PeerSilent, match=reason):
            _send(target, his.order_orm(his.Order()))
        assert target.wait_for(1)


def test_personality_may_change() -> None:
    """An MIS may refuse a message at first and take it later."""
    answers = iter(["AE", "AA"])
    raw = his.order_orm(his.Order())
    with mis.Mis(personality=lambda _received: next(answers)) as target:
        with pytest.raises(errors.PeerRefused):
            _send(target, raw)
        assert _send(target, raw) == "AA"
    assert [received.control_id for received in target.received] == [read_header(raw).control_id] * 2


def test_down_for_a_while() -> None:
    """An MIS that was down opens the same port again and still knows what it had."""
    with mis.Mis() as target:
        _send(target, his.order_orm(his.Order()))
        address = target.address
        target.stop()
        with pytest.raises(errors.PeerUnreachable):
            _send(target, his.order_orm(his.Order()))
        target.start()
        assert target.address == address
        assert _send(target, his.order_omi(his.Order())) == "AA"
    assert [received.type for received in target.received] == ["ORM^O01", "OMI^O23"]


def test_waiting_in_vain() -> None:
    """Waiting for what does not come ends in time, and says so."""
    with mis.Mis() as target:
        _send(target, his.order_orm(his.Order()))
        assert not target.wait_for(2, timeout_s=0.05)
        assert target.wait_for(lambda received: received[0].type == "ORM^O01")


def test_every_answer_is_known() -> None:
    """Each answer an MIS can give is either a code or one of the two ways to give none."""
    assert {*mis.REASONS, *mis.NO_ACKNOWLEDGEMENT, "close"} == set(get_args(mis.Answer))
