"""Remembers the regular expressions that a start compiles, for the next start.

A tenth of a start is `re.compile` in the modules of IPython and of the standard
library. Main thread; needs the GIL.
"""

import _sre
import marshal
import re

# Called sre_compile before Python 3.11.
_compiler = getattr(re, "_compiler", None) or re.sre_compile
# What a locale has a say in, or what prints as it is compiled, is compiled each time.
_CHANGING = re.LOCALE.value | re.DEBUG.value


class RememberedPatterns:
    """Stands in front of re's compiler while Python starts."""

    def __init__(self, marshalled):
        """Take what `compiled` gave in an earlier start, or None."""
        self._known = {} if marshalled is None else marshal.loads(marshalled)
        self._made = dict(self._known)
        self._compile, self._code = _compiler.compile, _compiler._code
        _compiler.compile, _compiler._code = self._compile_or_recall, self._note_code

    def _compile_or_recall(self, pattern, flags=0):
        # The type comes first: a str and bytes that look alike are never compared.
        key = isinstance(pattern, str), pattern, flags
        parts = self._known.get(key)
        if parts is None:
            return self._compile(pattern, flags)
        return _sre.compile(pattern, *parts)

    def _note_code(self, parsed, flags):
        """Generate code as re's compiler does before it calls `_sre.compile`."""
        code = self._code(parsed, flags)
        state = parsed.state
        all_flags = flags | state.flags
        if type(state.str) in (str, bytes) and not all_flags & _CHANGING:
            names = [None] * state.groups
            for name, number in state.groupdict.items():
                names[number] = name
            self._made[isinstance(state.str, str), state.str, int(flags)] = (
                int(all_flags),
                list(map(int, code)),  # names of operations among them
                state.groups - 1,
                state.groupdict,
                tuple(names),
            )
        return code

    def end(self, is_current):
        """Leave re to itself again. What is current is not asked for anew."""
        _compiler.compile, _compiler._code = self._compile, self._code
        self._known = {}
        if is_current:
            self._made = {}

    def compiled(self):
        """Give, marshalled, what the next start needs, once. Any thread."""
        made, self._made = self._made, {}
        return marshal.dumps(made)
