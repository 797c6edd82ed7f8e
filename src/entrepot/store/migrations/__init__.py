"""One set of migrations for both databases. Expand first, contract a release later: old and new nodes overlap."""
