"""Settings that live in the database because every node must see the same: the page's title, the public address."""
