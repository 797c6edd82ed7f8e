"""What a user can set, call or type is in the documentation."""

from tools.rules import documented

_CODE = """
PREFIX = "ENTREPOT_"
_HANDOFF = "ENTREPOT_HANDOFF"
class Settings:
    port: int = 1
    host: str = ""
"""
_SETTINGS = {"src/entrepot/settings.py": _CODE}


def test_a_setting_that_is_not_in_the_book(checkout) -> None:
    assert not list(documented.settings_documented(checkout(_SETTINGS)))  # no book yet
    found = documented.settings_documented(checkout({"docs/configuration.md": "`port` is the port; host too"}))
    assert [finding.name for finding in found] == ["host"]


def test_a_variable_that_nothing_reads(checkout) -> None:
    text = "ENTREPOT_PORT ENTREPOT_HANDOFF ENTREPOT_… ENTREPOT_PROT"
    found = documented.variables_are_settings(checkout(_SETTINGS | {"docs/deploy.md": text}))
    assert [finding.name for finding in found] == ["ENTREPOT_PROT"]


def test_a_route_that_is_not_in_the_book(checkout) -> None:
    code = 'ROUTES = ("/v1/chat/completions", "/healthz", "/v1/models/{id}", "text/plain", "/v1 is a prefix")\n'
    project = checkout({"src/entrepot/gateway/a.py": code})
    assert not list(documented.routes_documented(project))
    project = checkout({"docs/endpoints.md": "`POST /v1/chat/completions`, `GET /healthz`"})
    assert [finding.name for finding in documented.routes_documented(project)] == ["/v1/models/{id}"]


def test_a_command_that_is_not_in_the_book(checkout) -> None:
    code = '@app.command()\ndef key_add(): ...\n@app.command("serve")\ndef run(): ...\ndef plain(): ...\n'
    project = checkout({"src/entrepot/cli/main.py": code, "docs/cli.md": "entrepot serve"})
    assert [finding.name for finding in documented.commands_documented(project)] == ["key-add"]


def test_a_metric_that_is_not_in_the_book(checkout) -> None:
    code = 'gauge("entrepot_open_calls", "Calls."); counter("entrepot_calls", "x"); gauge("entrepot_lost", "entrepot_")\n'
    project = checkout({"src/entrepot/observe/a.py": code})
    assert not list(documented.metrics_documented(project))
    project = checkout({"docs/endpoints.md": "`entrepot_open_calls`, `entrepot_calls_total`, `entrepot_lost_and_found`"})
    assert [finding.name for finding in documented.metrics_documented(project)] == ["entrepot_lost"]
