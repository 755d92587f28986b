"""Forward one HTTP request to the runtime and its answer back, as they arrive."""

import asyncio
import contextlib
import re
import urllib.parse

import h11

CHUNK = 64 * 1024
DEFAULT_PORTS = {"http": 80, "https": 443}
# What belongs to one connection and is not forwarded (RFC 9110, section 7.6.1); the
# server answers Expect and sends a Date of its own.
CONNECTION_HEADERS = {
    b"connection",
    b"keep-alive",
    b"proxy-connection",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
}
REPLACED_IN_REQUESTS = {b"host", b"origin", b"expect"}
REPLACED_IN_ANSWERS = {b"date"}
HOST = re.compile(r"(?P<name>\[[^\]]*\]|[^:]*)(?::(?P<port>\d+))?")


class BadRequest(Exception):
    """The request can't be sent on; nothing has been sent to the client."""


class RuntimeUnreachable(Exception):
    """The runtime gave no answer; nothing has been sent to the client."""


class AnswerCutOff(Exception):
    """The runtime ended in the middle of an answer, and so must this one."""


# An origin that no page has (RFC 2606).
FOREIGN_ORIGIN = "https://opaque.invalid"


async def forward(scope, receive, send, address, allowed_origins):
    """Answer the request of an ASGI scope with what the runtime at address answers.

    The request's body and the answer's are passed on piece by piece, each no faster
    than the other side takes it. When the client goes away the runtime is told by the
    end of its connection. Raises BadRequest and RuntimeUnreachable while there is no
    answer yet, and AnswerCutOff when there is no end to one.
    """
    try:
        reader, writer = await asyncio.open_connection(*address)
    except OSError as error:
        raise RuntimeUnreachable(f"the runtime does not answer: {error}") from error
    connection = h11.Connection(h11.CLIENT)
    sending = asyncio.create_task(
        send_request(connection, writer, scope, receive, address, allowed_origins)
    )
    receiving = asyncio.create_task(pass_answer(connection, reader, send))
    try:
        # The sender goes on until the client has gone, or its request is no good.
        await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
        if receiving.done():
            receiving.result()
        else:
            sending.result()
    finally:
        for task in (sending, receiving):
            task.cancel()
        writer.transport.abort()
        await asyncio.gather(sending, receiving, return_exceptions=True)


async def send_request(connection, writer, scope, receive, address, allowed_origins):
    """Send the request; return when the client has gone."""
    headers = request_headers(scope, address, allowed_origins)
    message = await receive()
    if message["type"] == "http.disconnect":
        return
    more = message.get("more_body", False)
    if not any(name == b"content-length" for name, _ in headers):
        if more:
            headers.append((b"transfer-encoding", b"chunked"))
        elif message.get("body") or scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            headers.append(
                (b"content-length", str(len(message.get("body", b""))).encode())
            )
    try:
        request = h11.Request(
            method=scope["method"].encode("latin-1"),
            target=target(scope),
            headers=headers,
        )
    except h11.LocalProtocolError as error:
        raise BadRequest(str(error)) from error
    # The runtime may answer, and close, before it has read all: the answer counts.
    with contextlib.suppress(ConnectionError):
        writer.write(connection.send(request))
        while True:
            if body := message.get("body"):
                writer.write(connection.send(h11.Data(data=body)))
                await writer.drain()
            if not more:
                break
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            more = message.get("more_body", False)
        writer.write(connection.send(h11.EndOfMessage()))
        await writer.drain()
    while (await receive())["type"] != "http.disconnect":
        pass


async def pass_answer(connection, reader, send):
    """Send the runtime's answer to the client as it arrives."""
    began = False
    while True:
        try:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(CHUNK))
                continue
        except (h11.RemoteProtocolError, OSError) as error:
            if began:
                raise AnswerCutOff(
                    f"the runtime's answer has no end: {error}"
                ) from error
            raise RuntimeUnreachable(f"the runtime gave no answer: {error}") from error
        if isinstance(event, h11.Response):
            began = True
            await send(
                {
                    "type": "http.response.start",
                    "status": event.status_code,
                    "headers": without(list(event.headers), REPLACED_IN_ANSWERS),
                }
            )
        elif isinstance(event, h11.Data):
            await send(
                {
                    "type": "http.response.body",
                    "body": bytes(event.data),
                    "more_body": True,
                }
            )
        elif isinstance(event, h11.EndOfMessage):
            await send({"type": "http.response.body", "body": b""})
            return


def target(scope):
    """Return what to ask the runtime for: the path below where the app is mounted."""
    raw = scope.get("raw_path") or urllib.parse.quote(scope["path"]).encode()
    mounted = urllib.parse.quote(scope.get("root_path", "")).encode().rstrip(b"/")
    if mounted and raw.startswith(mounted + b"/"):
        raw = raw[len(mounted) :]
    query = scope.get("query_string", b"")
    return raw + b"?" + query if query else raw


def request_headers(scope, address, allowed_origins):
    """Return the headers for the runtime, whose guard is the one that decides.

    Where the client names the address that it reached, in Host and in Origin, the
    runtime's own stands instead; any other name or port is foreign there as here.
    """
    headers = without(scope["headers"], REPLACED_IN_REQUESTS)
    for name, value in scope["headers"]:
        text = value.decode("latin-1")
        if name == b"host":
            text = translated(text, scope, address, scope.get("scheme", "http"))
        elif name == b"origin" and text not in allowed_origins:
            scheme, separator, host = text.partition("://")
            if text == "null" or scheme == "file":
                # The runtime lets these in when they come from the program that
                # launched it, as all requests do from here.
                text = FOREIGN_ORIGIN
            elif separator:
                text = f"{scheme}://{translated(host, scope, address, scheme)}"
        elif name != b"origin":
            continue
        headers.append((name, text.encode("latin-1")))
    headers.append((b"connection", b"close"))
    return headers


def translated(host, scope, address, scheme):
    """Return a Host that names this server as it has to name the runtime."""
    server = scope.get("server")
    parts = HOST.fullmatch(host)
    if not server or not parts:
        return host
    port = int(parts["port"] or DEFAULT_PORTS.get(scheme, 0))
    if port != server[1]:
        return host
    name = parts["name"]
    if name.strip("[]") == server[0]:
        name = address[0]
    return f"{name}:{address[1]}"


def without(headers, replaced):
    """Return the headers but for those, and for what belongs to one connection."""
    dropped = CONNECTION_HEADERS | replaced
    for name, value in headers:
        if name == b"connection":
            dropped |= {option.strip().lower() for option in value.split(b",")}
    return [(name, value) for name, value in headers if name not in dropped]
