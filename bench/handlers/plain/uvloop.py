"""In front of the real one where asyncio's own loop shall be measured."""

raise ImportError("measured without uvloop")
