"""The version of this SDK, as READY announces it and pip sees it."""

VERSION = "0.1.0"
