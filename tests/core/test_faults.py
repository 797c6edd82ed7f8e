"""The table of failures is whole and makes sense."""

import pytest

from entrepot.core.faults import TABLE, Blame, Charge, Cool, Fault, Kind, VendorAnswer

_ALL = list(Kind)


def test_every_kind_has_a_row_and_every_row_a_kind() -> None:
    assert set(TABLE) == set(Kind)


@pytest.mark.parametrize("kind", _ALL)
def test_statuses_and_words_are_sane(kind: Kind) -> None:
    row = TABLE[kind]
    assert 400 <= row.status <= 599
    assert row.type
    assert row.code
    assert row.message.endswith(".") or "'" in row.message


@pytest.mark.parametrize("kind", _ALL)
def test_only_a_channels_own_fault_goes_elsewhere_or_rests_it(kind: Kind) -> None:
    row = TABLE[kind]
    if row.elsewhere or row.cool is not Cool.NOTHING:
        assert row.blame is Blame.CHANNEL
    if row.blame is Blame.CHANNEL:
        assert row.elsewhere


@pytest.mark.parametrize("kind", _ALL)
def test_a_client_is_not_told_to_repeat_its_own_mistake(kind: Kind) -> None:
    row = TABLE[kind]
    if row.blame is Blame.CLIENT and row.status != 429:  # a limit is no mistake: waiting helps
        assert not row.retry


@pytest.mark.parametrize("kind", _ALL)
def test_what_was_delivered_is_charged_and_only_where_something_can_have_been(kind: Kind) -> None:
    row = TABLE[kind]
    after_sending = kind.value.startswith("vendor_") or row.status == 499 or kind is Kind.BALANCE_EXHAUSTED
    if after_sending:
        ended_by_client = row.status == 499 or kind is Kind.BALANCE_EXHAUSTED
        assert row.charge is (Charge.BEGUN if ended_by_client else Charge.DELIVERED)
    elif row.blame is Blame.CLIENT:
        assert row.charge is Charge.NOTHING


@pytest.mark.parametrize(
    "kind", [kind for kind in Kind if kind.value.startswith(("vendor_", "dns", "connect_", "tls", "proxy"))]
)
def test_no_text_of_ours_names_a_vendor_or_a_host(kind: Kind) -> None:
    assert "upstream" in TABLE[kind].message


def test_a_fault_takes_its_words_from_the_table_unless_it_brings_its_own() -> None:
    plain = Fault(Kind.INVALID_KEY)
    assert (plain.status, plain.code, str(plain)) == (401, "invalid_api_key", TABLE[Kind.INVALID_KEY].message)
    own = Fault(Kind.INVALID_FIELD, "'n' must be an integer.", param="n", code="wrong")
    assert (own.status, own.code, own.param, str(own)) == (400, "wrong", "n", "'n' must be an integer.")
    assert repr(own) == """Fault('invalid_field', "'n' must be an integer.")"""


def test_the_vendors_status_is_shown_only_where_its_answer_is_forwarded() -> None:
    answer = VendorAnswer(422, b"application/json", b"{}")
    assert Fault(Kind.VENDOR_REFUSED, vendor=answer).status == 422
    assert Fault(Kind.VENDOR_REFUSED).status == 400
    assert Fault(Kind.VENDOR_AUTH, vendor=VendorAnswer(401, b"", b"")).status == 502
