"""Passwords as argon2id."""

from entrepot.control.users import passwords


async def test_only_the_right_password_fits() -> None:
    sealed = await passwords.seal("correct horse")
    assert sealed.startswith("$argon2id$")
    assert await passwords.fits(sealed, "correct horse")
    assert not await passwords.fits(sealed, "wrong horse")
    assert not await passwords.fits(None, "")
    assert not await passwords.fits("not a hash", "x")
    assert sealed != await passwords.seal("correct horse")
