"""microburst between the functions and an AWS, its chance seeded, for as long as its owner lives.

Usage: python -m tests.proofs.wire_proxy PORT UPSTREAM SEED
"""

import random
import sys

from aiohttp import web
from microburst.app import make_app
from microburst.core.pipeline import Microburst
from microburst.detection import host

if __name__ == "__main__":
    port, upstream, seed = sys.argv[1:]
    # Requests tell their service by their signature. To read it from the host as well, microburst
    # would read the descriptions of all services while the first request waits: 5 seconds.
    host._endpoint_prefix_map = dict
    random.seed(int(seed))
    web.run_app(
        make_app(Microburst(upstream)),
        host="127.0.0.1",
        port=int(port),
        access_log=None,
        print=None,
    )
