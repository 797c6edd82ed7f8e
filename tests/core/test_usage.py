"""Tokens of a call: disjoint kinds, whose sums are what the vendor processed."""

from entrepot.core.usage import NOTHING, TOKEN_KINDS, Basis, Usage


def test_totals_add_up_disjoint_kinds() -> None:
    powers = {kind: 1 << at for at, kind in enumerate(TOKEN_KINDS)}
    usage = Usage(**powers)
    into = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "audio_input", "image_input")
    out = ("output", "reasoning", "audio_output", "image_output")
    assert usage.prompt_total == sum(powers[kind] for kind in into)
    assert usage.output_total == sum(powers[kind] for kind in out)
    assert set(TOKEN_KINDS) == {*into, *out, "searches"}


def test_kinds_are_those_that_are_not_zero() -> None:
    assert Usage(input=3, reasoning=2).kinds() == {"input": 3, "reasoning": 2}
    assert NOTHING.kinds() == {}


def test_nothing_claims_no_source() -> None:
    assert NOTHING.basis is Basis.NONE
    assert Usage().basis is Basis.VENDOR
