"""What is kept of a long list of variables: runs of entries that still hold.

Whether a run of hundreds of entries holds is found out by a few loops in C over all
their values. None of them calls code of the user's. Any thread; needs the GIL.
"""

import itertools
import operator

from _mrmd import members

# The names of a list are divided after those whose hash has none of these bits, which
# for names that stay is where they were divided before.
_DIVIDING = 255
_LONG = 500


class Page:
    """The entries of a run of names, as far as their values are plain ones."""

    def __init__(self, names, kept, texts):
        """Take for each name its entry, and what variable_list.Memory.written has."""
        self.names = names
        self._parts = []
        entries = zip(names, kept, texts, strict=True)
        for is_other, part in itertools.groupby(
            entries, lambda entry: entry[1] is None
        ):
            part_names, _, part_texts = zip(*part, strict=True)
            self._parts.append((part_names, None if is_other else ",".join(part_texts)))
        kept = [entry for entry in kept if entry is not None]
        self._kept_names = [n for names, text in self._parts if text for n in names]
        self._values = [value for value, _, _ in kept]
        containers = [(value, copy) for value, copy, _ in kept if copy is not None]
        self._containers = [value for value, _ in containers]
        self._lengths = [len(copy) for _, copy in containers]
        self._items = list(_items_of(copy for _, copy in containers))
        self._dicts = [value for value in self._containers if type(value) is dict]
        dicts = [copy for value, copy in containers if type(value) is dict]
        self._dict_values = list(_values_of(dicts))

    def texts(self, write):
        """Give the entries, those that are not kept from `write`."""
        texts = []
        for names, text in self._parts:
            if text is None:
                texts += write(names)
            else:
                texts.append(text)
        return texts

    def holds(self, space):
        """Say whether the kept names have the very values they were written with."""
        same, absent = operator.is_, itertools.repeat(members.ABSENT)
        try:
            values = map(space.get, self._kept_names, absent)
            return (
                all(map(same, values, self._values))
                and list(map(len, self._containers)) == self._lengths
                and all(map(same, _items_of(self._containers), self._items))
                and all(map(same, _values_of(self._dicts), self._dict_values))
            )
        except RuntimeError:
            # Another thread is changing one.
            return False


_items_of = itertools.chain.from_iterable


def _values_of(dicts):
    return itertools.chain.from_iterable(map(dict.values, dicts))


class Pages:
    """The pages of the last long list. Several threads may use them."""

    def __init__(self):
        """Have none."""
        self._pages = {}
        # The names that were divided last, and the runs they were divided into.
        self._division = [], []

    def texts(self, shown, space, written, write):
        """Give the entries of names, joined as far as they are known to hold.

        `write` makes the entries of some names one by one, and keeps those it can in
        `written`.
        """
        if len(shown) < _LONG:
            return write(shown)
        divided, runs = self._division
        if shown != divided:
            runs = list(_divided(shown))
            self._division = shown, runs
        used, texts = {}, []
        for names in runs:
            page = self._pages.get(names[0])
            if page is None or page.names != names or not page.holds(space):
                made = write(names)
                texts += made
                # Another thread may have taken a name away meanwhile.
                if len(made) == len(names):
                    used[names[0]] = Page(names, list(map(written.get, names)), made)
            else:
                used[names[0]] = page
                texts += page.texts(write)
        self._pages = used
        return texts


def _divided(names):
    start = 0
    for position, number in enumerate(map(hash, names), 1):
        if not number & _DIVIDING:
            yield names[start:position]
            start = position
    if start < len(names):
        yield names[start:]
