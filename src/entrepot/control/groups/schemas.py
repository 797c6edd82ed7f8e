"""What can be said about a group."""

from entrepot.control.fields import Label, Ratio, Spec, Text, View


class GroupUpdate(Spec):
    """Changes to a group; what is left out stays."""

    ratio: Ratio = "1"
    """Price multiplier (分组倍率)."""
    description: Text = ""
    public: bool = True
    """May users see and choose it?"""


class GroupCreate(GroupUpdate):
    """A new group."""

    name: Label


class GroupView(View):
    """A group as it stands."""

    id: int
    name: str
    ratio: str
    description: str
    public: bool
    created_at: str
