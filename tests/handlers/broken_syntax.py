"""Does not parse."""

import gw

app = gw.Worker(
