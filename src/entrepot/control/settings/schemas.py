"""What can be said about a setting."""

from entrepot.control.fields import Spec, Text, View
from entrepot.control.retention.rules import RULES

MEANINGS = {
    "title": "Name of this installation on its pages.",
    "public_url": "Address under which clients reach it, for the curl lines; empty: the address that was asked for.",
    "announcement": "A line of text on the status page.",
    **{rule.setting: f"{rule.meaning} 0: for ever. Default: {rule.days}." for rule in RULES},
}
"""Each setting and what it means."""


class SettingUpdate(Spec):
    """A new value; empty takes the setting back to its default."""

    value: Text


class SettingView(View):
    """A setting as it stands."""

    name: str
    value: str
    meaning: str
