"""Fails while it is imported."""

raise RuntimeError("raises_at_import: no such table")
