"""Tell which user of this machine a request comes from.

The runtime asks the kernel who connects to it and lets its own user in. Requests that
an application forwards come from the application's user, so it has to ask before.
"""

import ipaddress
import os
import sys


class PeerRefused(Exception):
    """This user may not ask; the message says how to let them."""


def check_peer(scope, allowed_users):
    """Raise PeerRefused unless the request is of our own or an allowed user.

    What comes from another machine is let in: its users can't be told apart.
    """
    if allowed_users == "any":
        return
    client, server = scope.get("client"), scope.get("server")
    if not client or not server or server[1] is None:
        raise PeerRefused(
            "the server does not say who connects (over a Unix socket none does); "
            'create the app with allowed_users="any" if its file lets in the right ones'
        )
    try:
        theirs, ours = plain_address(client[0]), plain_address(server[0])
    except ValueError:
        raise PeerRefused(
            f"{client[0]!r} is no address that can be looked up"
        ) from None
    if not theirs.is_loopback and theirs != ours:
        return
    uid = user_of((theirs, client[1]), (ours, server[1]))
    if uid is None:
        raise PeerRefused(
            "the user who connects can't be told: the connection is closed, or comes "
            'from a container; create the app with allowed_users="any" to let everybody in'
        )
    if uid != os.geteuid() and uid not in allowed_users:
        raise PeerRefused(
            f"the user with uid {uid} may not use this runtime, which belongs to uid "
            f"{os.geteuid()}; create the app with allowed_users=[{uid}] to let that user in"
        )


def plain_address(text):
    """Return an address; an IPv4 one that is written as IPv6 as what it is."""
    address = ipaddress.ip_address(text)
    return getattr(address, "ipv4_mapped", None) or address


def user_of(local, remote):
    """Return the uid of the TCP socket at local that is connected to remote, or None."""
    wanted = (local, remote)
    # A program may reach an IPv4 address by an IPv6 socket.
    for table in ("/proc/self/net/tcp", "/proc/self/net/tcp6"):
        try:
            with open(table) as lines:
                next(lines)
                for line in lines:
                    fields = line.split()
                    if (endpoint(fields[1]), endpoint(fields[2])) == wanted:
                        return int(fields[7])
        except FileNotFoundError:
            continue
    return None


def endpoint(text):
    """Return the address and the port of ``0100007F:1F90`` (proc(5), /proc/net/tcp).

    An address is given in words of 32 bits in the machine's own byte order.
    """
    address, _, port = text.partition(":")
    words = [int(address[i : i + 8], 16) for i in range(0, len(address), 8)]
    packed = b"".join(word.to_bytes(4, sys.byteorder) for word in words)
    found = ipaddress.ip_address(packed)
    return getattr(found, "ipv4_mapped", None) or found, int(port, 16)
