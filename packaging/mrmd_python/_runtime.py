"""Start and end the runtime of an application."""

import asyncio
import collections
import ctypes
import logging
import os
import re
import signal
import urllib.parse

from mrmd_python._launcher import find_launcher

HOST = "127.0.0.1"
# How long, in seconds, Python may take to start, and a runtime to end by itself.
START_LIMIT = 60
STOP_LIMIT = 15
# The lines of the runtime's log that are told when it ends.
LAST_WORDS = 20

STARTED = re.compile(r'\bmsg=started\b.*\burl="?(http://[^\s"]+)')
READY = re.compile(r"\bmsg=ready\b")
LEVEL = re.compile(r"\blevel=(\w+)")
# The levels of the runtime's log (github.com/sirupsen/logrus) in those of Python's.
LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
}
PR_SET_PDEATHSIG = 1  # linux/prctl.h

log = logging.getLogger("mrmd_python")
libc = ctypes.CDLL(None)


class RuntimeFailed(Exception):
    """The runtime can't be started, or has ended; the message says why."""


class Runtime:
    """A runtime in a process of its own, which ends with this one.

    All methods are for the event loop that called start first.
    """

    def __init__(self, arguments):
        self.arguments = arguments
        self.process = None
        self.address = None
        self.stopped = False
        self.last_lines = collections.deque(maxlen=LAST_WORDS)
        self.starting = asyncio.Lock()
        self.reading = None

    async def start(self):
        """Return the runtime's address, a host and a port, once Python is ready in it.

        Raises RuntimeFailed when it can't be started or has ended.
        """
        if self.address is None:
            async with self.starting:
                if self.process is None and not self.stopped:
                    await self.launch()
        if self.stopped or self.process.returncode is not None:
            raise RuntimeFailed(self.obituary())
        return self.address

    async def launch(self):
        command = [find_launcher(), "--managed", f"--host={HOST}", "--port=0"]
        parent = os.getpid()
        self.process = await asyncio.create_subprocess_exec(
            *command,
            *self.arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            # Ctrl-C at the server's terminal is for the server.
            start_new_session=True,
            preexec_fn=lambda: end_with(parent),
        )
        ready = asyncio.get_running_loop().create_future()
        self.reading = asyncio.create_task(self.follow_log(ready))
        try:
            self.address = await asyncio.wait_for(ready, START_LIMIT)
        except asyncio.TimeoutError:
            await self.stop()
            raise RuntimeFailed(
                f"the runtime was not ready within {START_LIMIT} s and was ended"
            ) from None

    async def follow_log(self, ready):
        """Pass on what the runtime logs; give ready its address, or why it ended."""
        address = None
        while line := await self.read_line():
            self.last_lines.append(line)
            level = LEVEL.search(line)
            log.log(LEVELS.get(level and level.group(1), logging.INFO), "%s", line)
            if started := STARTED.search(line):
                # The URL says localhost, of which only this address is the runtime's.
                address = (HOST, urllib.parse.urlsplit(started.group(1)).port)
            if READY.search(line) and not ready.done():
                ready.set_result(address)
        await self.process.wait()
        if not ready.done():
            ready.set_exception(RuntimeFailed(self.obituary()))

    async def read_line(self):
        """Return the next line of the log; "" at its end."""
        while True:
            try:
                raw = await self.process.stderr.readline()
            except ValueError:
                # A line longer than the stream's limit, which was dropped.
                continue
            if not raw:
                return ""
            if line := raw.decode(errors="replace").rstrip():
                return line

    def obituary(self):
        if self.stopped:
            return "the runtime was stopped with its server"
        lines = "\n".join(self.last_lines)
        return f"the runtime has ended with status {self.process.returncode}; it said last:\n{lines}"

    async def stop(self):
        """End the runtime and everything it started; return when it is gone."""
        self.stopped = True
        if self.process is None:
            return
        if self.process.returncode is None:
            # A managed runtime takes SIGINT and SIGTERM to be for its manager.
            self.process.send_signal(signal.SIGHUP)
            try:
                await asyncio.wait_for(self.process.wait(), STOP_LIMIT)
            except asyncio.TimeoutError:
                self.process.kill()
                await self.process.wait()
        await self.reading


def end_with(parent):
    """Have this process, a child before its exec, end when its parent does."""
    # Under nohup a server would hand down that the signal is ignored.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGHUP)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGHUP)
