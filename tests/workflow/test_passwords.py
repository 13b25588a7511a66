"""Passwords: how they are kept, and that nothing is learned from how long it takes to refuse one."""

import pytest

from swf.errors import UserRefused
from swf.workflow import passwords

PASSWORD = "correct horse battery"  # noqa: S105  of nobody


def test_an_unknown_name_takes_as_long() -> None:
    """The password of nobody is looked at too, with the very same cost, which RFC 9106 recommends."""
    passwords._of_nobody.cache_clear()
    kept = passwords.hashed("jane", PASSWORD)
    assert kept.split("$")[:4] == ["", "argon2id", "v=19", "m=65536,t=3,p=4"]
    assert passwords._of_nobody().split("$")[:4] == kept.split("$")[:4]
    assert passwords.matches(kept, PASSWORD)
    assert not passwords.matches(kept, f"{PASSWORD}x")
    assert not passwords.matches(None, PASSWORD)
    assert not passwords.matches("no hash", PASSWORD)


def test_one_password_on_every_keyboard() -> None:
    """An umlaut typed as one letter or as two is the same."""
    assert passwords.matches(passwords.hashed("jane", "Zürich liegt am See"), "Zu\u0308rich liegt am See")


@pytest.mark.parametrize("password", ["", "eleven char", "x" * 257, "JANE has a password", "abababababab"])
def test_what_is_easily_guessed_is_refused(password: str) -> None:
    """Too short, endless, the name, or the same few letters over and over."""
    with pytest.raises(UserRefused):
        passwords.hashed("jane", password)


def test_keys_tell_nothing_of_each_other() -> None:
    """A key is 256 random bits, and what is kept of it does not lead back."""
    keys = {passwords.new_key() for _ in range(100)}
    assert {len(key) for key in keys} == {43}
    assert len({passwords.key_hash(key) for key in keys}) == len(keys) == 100
