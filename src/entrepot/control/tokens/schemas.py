"""What can be said about an admin token."""

from entrepot.control.fields import Name, Spec, View


class TokenCreate(Spec):
    """A new admin token."""

    name: Name


class TokenView(View):
    """An admin token, without its secret."""

    id: int
    name: str
    created_at: str


class TokenMinted(TokenView):
    """A fresh admin token. The secret is shown this once."""

    secret: str
