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


def test_what_other_models_did_is_in_the_totals_and_named_apart() -> None:
    usage = Usage(input=3, output=1, others=(("big", Usage(cache_read=100, reasoning=7)), ("small", Usage(input=2))))
    assert (usage.prompt_total, usage.output_total) == (105, 8)
    assert usage.kinds() == {"input": 3, "output": 1, "big/cache_read": 100, "big/reasoning": 7, "small/input": 2}


def test_nothing_claims_no_source() -> None:
    assert NOTHING.basis is Basis.NONE
    assert Usage().basis is Basis.VENDOR
