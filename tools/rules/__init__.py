"""One file a family of rules; each rule's docstring names the outage that it prevents."""
