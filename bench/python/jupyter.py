"""ipykernel, asked over ZeroMQ as Jupyter does, by a client that does little.

Messages are signed and taken apart by jupyter_client's Session, as every client has
to. The sockets are plain blocking ones: jupyter_client's own clients go through
asyncio, which costs more than is measured here.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time

import zmq
from answering import answer_requests
from jupyter_client.connect import write_connection_file
from jupyter_client.session import Session

ANSWER_LIMIT = 120
"""Seconds after which a kernel that says nothing counts as stuck."""


class Kernel:
    """A kernel's process and the client's connection to it."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        path = os.path.join(self.folder.name, "kernel.json")
        _, settings = write_connection_file(path)
        key = settings["key"]
        self.session = Session(key=key if isinstance(key, bytes) else key.encode())
        self.context = zmq.Context()
        self.began = time.perf_counter_ns()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ipykernel_launcher", "-f", path]
        )

        def connect(kind, port):
            socket = self.context.socket(kind)
            socket.linger = 0
            # A kernel that starts is tried each millisecond, not each 100.
            socket.setsockopt(zmq.RECONNECT_IVL, 1)
            if kind == zmq.SUB:
                socket.subscribe(b"")
                socket.rcvhwm = 0
            socket.connect(f"tcp://127.0.0.1:{settings[port]}")
            return socket

        self.shell = connect(zmq.DEALER, "shell_port")
        self.published = connect(zmq.SUB, "iopub_port")

    def send(self, kind, content):
        """Send a request on the shell channel and give its id."""
        message = self.session.msg(kind, content)
        self.session.send(self.shell, message)
        return message["header"]["msg_id"]

    def receive(self, socket):
        """Receive a message and the number of its bytes."""
        for _ in range(ANSWER_LIMIT):
            if socket.poll(1000):
                break
            if self.process.poll() is not None:
                raise RuntimeError(f"the kernel ended with {self.process.returncode}")
        else:
            raise TimeoutError(f"the kernel has said nothing for {ANSWER_LIMIT} s")
        frames = socket.recv_multipart()
        _, parts = self.session.feed_identities(frames)
        return self.session.deserialize(parts), sum(map(len, frames))

    def reply(self, request):
        """Wait for the answer to a request."""
        while True:
            message, _ = self.receive(self.shell)
            if message["parent_header"].get("msg_id") == request:
                return message["content"]

    def until_idle(self, request, look=None):
        """Follow what the kernel publishes about a request until it is done with it."""
        while True:
            message, size = self.receive(self.published)
            if message["parent_header"].get("msg_id") != request:
                continue
            if look:
                look(message, size)
            if (
                message["msg_type"] == "status"
                and message["content"]["execution_state"] == "idle"
            ):
                return

    def wait_until_ready(self):
        """Wait until the kernel answers and what it publishes arrives."""
        while True:
            self.reply(self.send("kernel_info_request", {}))
            if self.published.poll(200):
                break
        while self.published.poll(200):
            self.published.recv_multipart()

    def execute(self, code):
        """Send a cell and give the request's id."""
        return self.send(
            "execute_request",
            {
                "code": code,
                "silent": False,
                "store_history": True,
                "user_expressions": {},
                "allow_stdin": False,
                "stop_on_error": True,
            },
        )

    def end(self):
        """End the kernel at once and wait for it."""
        self.process.kill()
        self.process.wait()
        self.context.destroy(linger=0)
        self.folder.cleanup()


def succeeded(content):
    """Raise what an answer says went wrong."""
    if content["status"] != "ok":
        raise RuntimeError(content)
    return content


kernel = None


def begin():
    """Start the kernel that the other operations ask, and give its process id."""
    global kernel
    kernel = Kernel()
    kernel.wait_until_ready()
    return kernel.process.pid


def run(code):
    """Run a cell that must succeed."""
    request = kernel.execute(code)
    succeeded(kernel.reply(request))
    kernel.until_idle(request)


def cells(code, count):
    """Run a cell count times: nanoseconds until the answer and the end of its output."""
    times = []
    for _ in range(count):
        began = time.perf_counter_ns()
        request = kernel.execute(code)
        answer = kernel.reply(request)
        kernel.until_idle(request)
        times.append(time.perf_counter_ns() - began)
        succeeded(answer)
    return times


def ask(kind, content, count):
    """Ask count times for completions or the like: nanoseconds until each answer."""
    times = []
    for _ in range(count):
        began = time.perf_counter_ns()
        answer = kernel.reply(kernel.send(kind, content))
        times.append(time.perf_counter_ns() - began)
        succeeded(answer)
        if not answer.get("found", True) or answer.get("matches") == []:
            raise RuntimeError(f"nothing was found: {answer}")
    return times


def prints(code):
    """Run a cell that prints time.monotonic_ns(): nanoseconds until each arrived."""
    times = []
    rest = ""

    def look(message, size):
        nonlocal rest
        if message["msg_type"] == "stream":
            now = time.monotonic_ns()
            *lines, rest = (rest + message["content"]["text"]).split("\n")
            times.extend(now - int(line) for line in lines)

    request = kernel.execute(code)
    kernel.until_idle(request, look)
    succeeded(kernel.reply(request))
    return times


def stream(code, expected):
    """Run a cell that prints expected bytes: its nanoseconds, and the bytes received."""
    received = printed = 0

    def look(message, size):
        nonlocal received, printed
        received += size
        if message["msg_type"] == "stream":
            printed += len(message["content"]["text"])

    began = time.perf_counter_ns()
    request = kernel.execute(code)
    kernel.until_idle(request, look)
    elapsed = time.perf_counter_ns() - began
    succeeded(kernel.reply(request))
    if printed != expected:
        raise RuntimeError(f"{printed} bytes arrived of {expected}")
    return [elapsed, received]


def interrupts(code, count):
    """Interrupt a cell that prints a line and loops: nanoseconds to its error message."""
    times = []
    for _ in range(count):
        began = 0

        def look(message, size):
            nonlocal began
            if message["msg_type"] == "stream" and not began:
                began = time.perf_counter_ns()
                # What a kernel manager does where the kernel asks for nothing else.
                kernel.process.send_signal(signal.SIGINT)
            elif message["msg_type"] == "error" and began:
                times.append(time.perf_counter_ns() - began)

        request = kernel.execute(code)
        kernel.until_idle(request, look)
        kernel.reply(request)
    if len(times) != count:
        raise RuntimeError(f"{len(times)} interrupts of {count} ended their cells")
    return times


def starts(code, count):
    """Start a kernel count times: nanoseconds to its first answer, to a cell if there is one."""
    times = []
    for _ in range(count):
        started = Kernel()
        try:
            if code:
                succeeded(started.reply(started.execute(code)))
            else:
                started.reply(started.send("kernel_info_request", {}))
            times.append(time.perf_counter_ns() - started.began)
        finally:
            started.end()
    return times


def main():
    """Answer the benchmark, and leave no kernel behind."""
    with contextlib.ExitStack() as last:
        last.callback(lambda: kernel and kernel.end())
        answer_requests(
            {
                operation.__name__: operation
                for operation in (
                    begin,
                    run,
                    cells,
                    ask,
                    prints,
                    stream,
                    interrupts,
                    starts,
                )
            }
        )


if __name__ == "__main__":
    main()
