"""What control refuses."""

from entrepot.control.errors import ConflictError, ControlError, LeasedError, missing, suggestion


def test_the_nearest_word() -> None:
    assert suggestion("weigth", ("weight", "name")) == " Did you mean 'weight'?"
    assert suggestion("zzz", ("weight", "name")) == ""


def test_each_kind_has_its_status() -> None:
    assert {kind.__name__: kind.status for kind in ControlError.__subclasses__()} == {
        "InvalidError": 400,
        "UnauthorizedError": 401,
        "NotFoundError": 404,
        "ShortError": 402,
        "ConflictError": 409,
        "UnavailableError": 503,
    }
    assert (LeasedError.status, LeasedError.code) == (409, "balance_on_hold")
    assert missing("key", "a", ["b"]).message == "There is no key 'a'."
    assert str(ConflictError("taken", "name")) == "taken"
