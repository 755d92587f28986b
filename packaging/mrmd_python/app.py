"""The runtime as an ASGI application (asgi.readthedocs.io, version 3)."""

import json

from mrmd_python._forward import BadRequest, RuntimeUnreachable, forward
from mrmd_python._peer import PeerRefused, check_peer
from mrmd_python._runtime import Runtime, RuntimeFailed


def create_app(
    cwd=None,
    venv=None,
    assets_dir=None,
    daemon_mode=False,
    *,
    allowed_hosts=(),
    allowed_origins=(),
    allowed_users=(),
):
    """Return an ASGI application that serves the whole MRMD Runtime Protocol.

    It starts a runtime of its own when the server starts it up (or at the first
    request, where a server has no lifespan events) and ends it, with everything it
    started, when the server shuts it down or dies. Each worker process of a server
    has another runtime: serve it with one.

    cwd, venv and assets_dir are folders as in the command line: the current folder,
    the venv of this package and .mrmd-assets in cwd when they are not given.
    daemon_mode is accepted for callers of mrmd-python 0.4.2, where it chose between
    two ways to run Python; there is one now.

    A request is let in as the runtime itself would let it in at the server's address:
    allowed_hosts are further names for this host, allowed_origins the origins whose
    web pages may ask (such as "http://localhost:5173"), allowed_users the numbers of
    further users of this machine who may connect, or "any".
    """
    del daemon_mode
    arguments = []
    for flag, value in (("venv", venv), ("cwd", cwd), ("assets-dir", assets_dir)):
        if value is not None:
            arguments.append(f"--{flag}={value}")
    arguments += [f"--allow-host={host}" for host in allowed_hosts]
    arguments += [f"--allow-origin={origin}" for origin in allowed_origins]
    return Application(
        Runtime(arguments),
        allowed_origins=frozenset(allowed_origins),
        allowed_users=allowed_users
        if allowed_users == "any"
        else frozenset(allowed_users),
    )


class Application:
    """What create_app returns; one event loop may call it."""

    def __init__(self, runtime, *, allowed_origins, allowed_users):
        self.runtime = runtime
        self.allowed_origins = allowed_origins
        self.allowed_users = allowed_users

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            await self.follow_lifespan(receive, send)
        elif scope["type"] == "http":
            await self.answer(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
        else:
            raise ValueError(
                f"there is nothing to serve for ASGI scope {scope['type']!r}"
            )

    async def follow_lifespan(self, receive, send):
        """Start and end the runtime with the server."""
        while True:
            event = (await receive())["type"]
            if event == "lifespan.startup":
                try:
                    await self.runtime.start()
                except (RuntimeFailed, OSError) as error:
                    await send(
                        {"type": "lifespan.startup.failed", "message": str(error)}
                    )
                    return
                await send({"type": "lifespan.startup.complete"})
            elif event == "lifespan.shutdown":
                await self.runtime.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def answer(self, scope, receive, send):
        """Answer one HTTP request with what the runtime answers."""
        try:
            check_peer(scope, self.allowed_users)
        except PeerRefused as error:
            await refuse(send, 403, "forbidden_peer", error)
            return
        try:
            address = await self.runtime.start()
        except (RuntimeFailed, OSError) as error:
            await refuse(send, 503, "runtime_busy", error)
            return
        try:
            await forward(scope, receive, send, address, self.allowed_origins)
        except BadRequest as error:
            await refuse(send, 400, "invalid_request", error)
        except RuntimeUnreachable as error:
            await refuse(send, 503, "runtime_busy", error)


async def refuse(send, status, code, error):
    """Send an error as the runtime words its own."""
    body = json.dumps({"error": code, "message": str(error)}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    if status == 503:
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
