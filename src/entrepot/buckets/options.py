"""What tests and operators may change of a desk."""

from dataclasses import dataclass
from typing import Literal

from entrepot.buckets.journal import SEGMENT_SIZE
from entrepot.buckets.statements import SILENT_US
from entrepot.buckets.sweep import MOST


@dataclass(frozen=True, slots=True)
class Options:
    """Seconds, unless it says otherwise."""

    node: str = ""
    durability: Literal["process", "fsync"] = "process"
    tick: float = 0.25
    """Longest time between two looks at the database."""
    retry: float = 0.05
    """Time between two rounds while calls wait for money."""
    patience: float = 2.0
    """How long a call waits for what others may give back."""
    fence: float = 120.0
    """Without a commit for so long, nothing is admitted."""
    heartbeat: float = 5.0
    idle: float = 60.0
    """A lease that was not used for so long goes back."""
    accounts: int = MOST
    """Accounts in memory, beyond which a second without use is enough."""
    care: float = 60.0
    """Time between two searches for dead journals and silent incarnations."""
    silent_us: int = SILENT_US
    segment_size: int = SEGMENT_SIZE
    background: bool = True
    """False: nothing runs by itself; the tests call `step` and `care`."""
