"""What cells may do to signals, and what is undone for the next one. Main thread."""

# Not signal, which makes enums of all it knows and of every answer.
import _signal


def restore_interrupts():
    """Make the next cell interruptible again, whatever handler the last one left."""
    if _signal.getsignal(_signal.SIGINT) is not _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.default_int_handler)
