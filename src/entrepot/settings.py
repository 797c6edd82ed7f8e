"""Settings: one typed frozen value. Environment and entrepot.toml are read here and nowhere else.

Order of precedence: command line, then `ENTREPOT_…` variables, then `[server]` of the file,
then the defaults below.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast

import msgspec


class SettingsError(ValueError):
    """A setting is unknown or has the wrong type; the message says which and what is expected."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that `[server]` may say. Sizes are bytes, times are seconds."""

    host: str = "127.0.0.1"
    port: int = 3000
    workers: int = 1
    data_dir: str = "data"
    database_url: str | None = None
    """`postgresql://…`; None is SQLite in `data_dir`."""
    durability: Literal["process", "fsync"] = "process"
    max_body: int = 32 * 1024 * 1024
    """Largest JSON body of a call."""
    max_header: int = 64 * 1024
    header_timeout: float = 10.0
    body_timeout: float = 30.0
    """Longest silence while a body arrives."""
    write_timeout: float = 60.0
    """Longest time a client may stop reading."""
    keepalive_timeout: float = 75.0
    drain_timeout: float = 30.0
    """How long running calls may go on after SIGTERM."""
    max_calls: int = 20_000
    """Calls at once in one worker; more get 503."""
    upstream_ca: str | None = None
    """PEM file of certificate authorities to trust beside the system's."""
    unpriced: Literal["refuse", "free"] = "refuse"
    """What happens to a call for a model without a price: refused with 503, or free.

    The installation's own keys are never refused.
    """
    show_cost: bool = True
    """Write what a call costs into the last usage event of a stream, and in place of a vendor's own cost."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks whose `X-Forwarded-For` is believed."""
    fetch_networks: tuple[str, ...] = ()
    """Addresses or networks that media may be fetched from on a client's word although they are not public."""
    metrics_token: str | None = None
    """Bearer token that /metrics asks for; None: only loopback may read it."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    call_log: bool = True
    """Write one line a call to standard output."""
    secret_keys: tuple[str, ...] = ()
    """Keys (base64, 32 bytes, newest first) that encrypt upstream keys; else `data_dir/secret.key`."""

    @property
    def data_path(self) -> Path:
        """`data_dir`, absolute."""
        return Path(self.data_dir).expanduser().resolve()

    @property
    def database(self) -> str:
        """The database's URL, SQLite's included."""
        return self.database_url or f"sqlite:///{self.data_path / 'entrepot.db'}"


PREFIX = "ENTREPOT_"
_HANDOFF = "ENTREPOT_HANDOFF"


class Handoff(msgspec.Struct, frozen=True, kw_only=True):
    """What the supervisor tells a child process."""

    settings: Settings
    role: Literal["supervisor", "prepare", "gateway", "control"]
    config: str = ""
    """Path of the configuration file whose tables are applied at the start."""
    index: int = 0
    life_fd: int = -1
    """A pipe that closes when the supervisor dies, however it dies."""
    ready_fd: int = -1
    """A pipe to write one byte to when ready."""
    listen_fd: int = -1
    """The public listening socket (gateway) or the control socket (control)."""
    control_path: str = ""
    sandbox_fd: int = -1
    sandbox_port: int = 0
    sandbox_secret: str = ""

    def environment(self) -> dict[str, str]:
        """The environment of a child process."""
        return {**os.environ, _HANDOFF: msgspec.json.encode(self).decode()}


class Prepared(msgspec.Struct):
    """What the preparing process tells the supervisor. Secrets are set at the first start only."""

    admin_token: str | None = None
    key: str | None = None
    notes: list[str] = []


def load(
    file: Path | None = None, environ: Mapping[str, str] | None = None, overrides: Mapping[str, Any] | None = None
) -> Settings:
    """Read file, environment and overrides (None values do not count). Raises SettingsError."""
    values = _server_table(file) if file else {}
    values.update(_from_environment(os.environ if environ is None else environ))
    values.update({name: value for name, value in (overrides or {}).items() if value is not None})
    return _convert(values)


def read_file(file: Path) -> dict[str, Any]:
    """A whole entrepot.toml as plain tables. Raises SettingsError."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} is not valid TOML: {error}") from None


def environment(name: str) -> str | None:
    """One variable of the environment, for values such as `keys = ["env:NAME"]`."""
    return os.environ.get(name)


def received_handoff() -> Handoff:
    """What the supervisor handed to this process. Raises SettingsError outside of one."""
    text = os.environ.pop(_HANDOFF, None)
    if text is None:
        raise SettingsError("this command is started by `entrepot serve` only")
    return msgspec.json.decode(text, type=Handoff)


def _server_table(file: Path) -> dict[str, Any]:
    table = read_file(file).get("server", {})
    if not isinstance(table, dict):
        raise SettingsError(f"{file}: [server] must be a table")
    return dict(cast("dict[str, Any]", table))


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """An empty variable counts as not set: `ENTREPOT_METRICS_TOKEN=` must not become an empty password.

    Kubernetes sets `ENTREPOT_PORT=tcp://…` in every pod beside a service named entrepot; that is not meant for us.
    """
    names = {PREFIX + field.upper(): field for field in Settings.__struct_fields__}
    values: dict[str, Any] = {}
    for variable, field in names.items():
        text = environ.get(variable, "")
        if text and not (field == "port" and text.startswith("tcp://")):
            is_list = field in ("trusted_proxies", "fetch_networks", "secret_keys")
            values[field] = [part.strip() for part in text.split(",") if part.strip()] if is_list else text
    return values


def _convert(values: dict[str, Any]) -> Settings:
    try:
        settings = msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"settings: {error}") from None
    if not 0 <= settings.port <= 65535:
        raise SettingsError("settings: port must be 0 to 65535")
    if not 1 <= settings.workers <= 64:
        raise SettingsError("settings: workers must be 1 to 64")
    return settings
