"""What every source file looks like."""

import pytest

from tools.rules import shape

_PATH = "src/entrepot/a.py"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('"""Says what it is."""\nimport os\n', 0),
        ('r"""Says what it is."""\n', 0),
        ("", 0),
        ("import os\n", 1),
        ('# comment\n"""Says what it is."""\n', 1),
        ('import os\n"""Too late."""\n', 1),
    ],
)
def test_first_line(checkout, text: str, found: int) -> None:
    assert len(list(shape.first_line(checkout({_PATH: text})))) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import os\nif True:\n    import sys\n", 0),
        ("def f():\n    import os\n", 1),
        ("class A:\n    async def f(self):\n        if x:\n            from os import path\n", 1),
    ],
)
def test_inner_imports(checkout, text: str, found: int) -> None:
    assert len(list(shape.inner_imports(checkout({_PATH: text})))) == found


@pytest.mark.parametrize(
    "text",
    [
        "cache = {}\n",
        "_seen: set[str] = set()\n",
        "QUEUE = []\n",
        "NAMES = {'a', 'b'}\n",
        "waiting = collections.deque()\n",
        "_TABLE = {}\ndef f(): _TABLE['a'] = 1\n",
        "_TABLE = {}\ndef f(): _TABLE.update(a=1)\n",
        "_TABLE = {}\ndef f(): del _TABLE['a']\n",
        "X = 1\ndef f():\n    global X\n    X = 2\n",
    ],
)
def test_module_state_is_found(checkout, text: str) -> None:
    assert list(shape.module_state(checkout({_PATH: text})))


@pytest.mark.parametrize(
    "text",
    [
        "_NAMES = ('a', 'b')\n_SET = frozenset({'a'})\nTABLE = {'a': 1}\n_log = logging.getLogger('x')\n",
        "__all__ = ['a']\n",
        "TABLE = {'a': 1}\ndef f(): return TABLE['a']\n",
        "TABLE = {'a': 1}\ndef f():\n    TABLE = {}\n    TABLE['a'] = 2\n",
        "def f():\n    cache = {}\n    cache['a'] = 1\n",
        "class A(msgspec.Struct):\n    values: dict = {}\n",
    ],
)
def test_what_is_no_module_state(checkout, text: str) -> None:
    assert not list(shape.module_state(checkout({_PATH: text})))


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("src/entrepot/utils.py", "", 1),
        ("src/entrepot/http_helpers.py", "", 1),
        ("src/entrepot/pool.py", "class PoolManager: ...\n", 1),
        ("src/entrepot/pool.py", "class Pool: ...\n", 0),
        ("tests/utils.py", "", 0),
    ],
)
def test_empty_names(checkout, path: str, text: str, found: int) -> None:
    assert len(list(shape.empty_names(checkout({path: text})))) == found
