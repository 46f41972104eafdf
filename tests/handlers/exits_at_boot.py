"""Says why on stderr and leaves before it is ready."""

import sys

print("exits_at_boot: the database does not answer", file=sys.stderr)
sys.exit(3)
