from __future__ import annotations

from headrace.identity.made_secrets import make_password, make_secret
from headrace.identity.password_rules import check_new_password
from headrace.identity.secrets import Secrets


def test_a_made_password_may_be_used_and_has_no_letters_that_look_alike() -> None:
    made = {make_password() for _ in range(100)}
    assert len(made) == 100
    assert all(check_new_password(each) == each for each in made)
    assert not {*"0OIl"} & {*"".join(made)}


def test_a_made_secret_can_be_put_before_others() -> None:
    made = make_secret()
    assert "," not in made
    assert Secrets([made])
