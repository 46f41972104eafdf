"""Says what it waits for, and is never ready."""

import sys
import time

print("never_ready: waits for the database", file=sys.stderr)
time.sleep(3600)
