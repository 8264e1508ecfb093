"""Where things lie."""

import os
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
CHECKOUT = BENCH.parent.parent
PEERS = BENCH / "peers"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", CHECKOUT / "target")).resolve()
RELEASE = TARGET / "release"
# What is long to make and the same every time, outside the checkout.
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "postern" / "bench"
# What one bench leaves: results and, on demand, profiles.
RESULTS = TARGET / "bench"

# The bench has a network namespace of its own, so these are always free.
Address = tuple[str, int]
RELAY_PORT = 2525
SINK: Address = ("127.0.0.1", 2526)
RELAY_NAME = "mx.bench.example.com"
SINK_NAME = "sink.example.net"
