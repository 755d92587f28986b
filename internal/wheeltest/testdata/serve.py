"""Serve create_app with uvicorn at a free port, as a user's own script does.

serve.py JSON: the arguments of create_app, and for uvicorn.run those under "uvicorn".
With "mounted" the app is what another one has at that path, without lifespan events.
"""

import json
import sys

import uvicorn
from mrmd_python import create_app

options = json.loads(sys.argv[1])
server_options = options.pop("uvicorn", {})
mounted = options.pop("mounted", None)
app = served = create_app(**options)

if mounted:

    async def served(scope, receive, send):
        assert scope["path"].startswith(mounted + "/"), scope["path"]
        await app({**scope, "root_path": mounted}, receive, send)

    server_options["lifespan"] = "off"

# A stream that a failed test has left open is not waited for.
server_options.setdefault("timeout_graceful_shutdown", 5)
uvicorn.run(served, port=0, **server_options)
