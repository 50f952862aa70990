"""Does the program of this container answer? Exit code 0 when it does, as its image's HEALTHCHECK."""

import os
import sys
import urllib.request

PORTS = {"TOKENTIDE_METRICS_PORT": "8421", "TOKENTIDE_API_PORT": "8420"}
"""The worker's, and the API's: whose container it is shows in who answers."""

_SECONDS = 4


def main() -> int:
    """Ask both."""
    for name, port in PORTS.items():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{os.getenv(name, port)}/healthz", timeout=_SECONDS):
                return 0
        except OSError:
            continue
    return 1


if __name__ == "__main__":
    sys.exit(main())
