"""What cells may do to signals, and what is undone for the next one. Main thread."""

import _signal
import signal


def restore_interrupts():
    """Make the next cell interruptible again, whatever handler the last one left."""
    # _signal's own function: signal's makes an enum of every answer.
    if _signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.default_int_handler)
