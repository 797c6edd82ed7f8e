"""`entrepot serve`: what it refuses at once (that it serves is shown in tests/e2e)."""

from pathlib import Path

from tests.cli.conftest import Run


def test_settings_that_make_no_sense(run: Run, tmp_path: Path) -> None:
    for arguments, said in (
        (("--port", "70000"), "port must be 0 to 65535"),
        (("--workers", "0"), "workers must be 1 to 64"),
        (("--durability", "never"), "durability"),
        (("--config", str(tmp_path / "nothing.toml")), "cannot read"),
    ):
        result = run("serve", *arguments)
        assert result.exit_code == 1
        assert said in result.stderr
        assert len(result.stderr.splitlines()) == 1
    assert run("serve", "--port", "x").exit_code == 2


def test_an_unknown_setting_in_the_file(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "entrepot.toml"
    file.write_text("[server]\nprot = 3000\n")
    result = run("serve", "--config", str(file))
    assert result.exit_code == 1
    assert "prot" in result.stderr
