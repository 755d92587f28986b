"""Answers questions about a session's live objects, on a thread beside the cells.

A question and its answer are JSON. Any thread but the main one; needs the GIL.
"""

import json

from _mrmd import (
    bounded_repr,
    completion,
    descriptions,
    drilldown,
    expressions,
    formatting,
    history_search,
    json_text,
    static_completion,
    tables,
    variable_list,
    variables,
    visits,
)

ANSWERED, NOT_FOUND, REFUSED = "answered", "not found", "refused"
NOT_READY = "not ready"


class Desk:
    """What answers one question."""

    def __init__(self, shell, visit, attempt, patience):
        """Answer about the session of `shell`, on the time of `visit`.

        `patience` is how long, in seconds, an attempt may wait for something.
        """
        self.shell = shell
        self.visit = visit
        self.attempt, self.patience = attempt, patience
        self.previewer = bounded_repr.Previewer(visit)
        self.describer = variables.Describer(visit, self.previewer)
        self.resolver = expressions.Resolver(shell, visit, self.describer)
        self.narrator = descriptions.Narrator(
            self.resolver, self.previewer, visit, self.describer
        )

    def complete(self, question):
        """Answer /complete."""
        code, cursor = _position(question)
        return completion.Completer(self).complete(code, cursor)

    def hover(self, question):
        """Answer /hover."""
        return self.narrator.hover(*_position(question))

    def inspect(self, question):
        """Answer /inspect."""
        detail = question.get("detail")
        return self.narrator.inspect(
            *_position(question), 1 if detail is None else detail
        )

    def names(self, question):
        """Give the names /variables is to choose from."""
        return variable_list.names(self.shell, question)

    def variables(self, question):
        """Answer /variables."""
        return variable_list.listing(self.shell, question, self.describer)

    def variable(self, question):
        """Answer /variables/{name}."""
        name, path = question["name"], question.get("path") or []
        value = self.shell.user_ns.get(name, _ABSENT)
        if value is _ABSENT:
            raise drilldown.NoSuchPart(f"there is no variable {name!r}")
        value = drilldown.follow(value, path, self.visit, self.describer)
        shown = path[-1] if path else name
        if question.get("view") is not None:
            return tables.view(shown, value, question["view"], self)
        return self.describer.detail(shown, value, question)

    def format(self, question):
        """Answer /format."""
        return formatting.format(question["code"])

    def history(self, question):
        """Answer /history."""
        return history_search.search(self.shell, question)


_ABSENT = object()


class NoSession:
    """The shell of a session in which nothing has run yet."""

    def __init__(self):
        """Have no names."""
        self.user_ns, self.user_ns_hidden = {}, {}
        self.history_manager = self.magics_manager = None


def answer(shell, kind, question, number, object_milliseconds, attempt):
    """Answer a question, as (status, JSON text or a message).

    `number` names the visit for visits.overdue. What is asked a second time
    (`attempt` 1) is answered with what jedi has found until then, what is asked a
    third time without any of the user's code.
    """
    try:
        with visits.Visit(number, object_milliseconds / 1000, attempt < 2) as visit:
            desk = Desk(shell or NoSession(), visit, attempt, object_milliseconds / 500)
            found = getattr(desk, kind)(json.loads(question))
            text = found if type(found) is str else json_text.encode(found)
            return ANSWERED, json_text.clean(text)
    except drilldown.NoSuchPart as problem:
        return NOT_FOUND, json_text.clean(str(problem))
    except tables.BadView as problem:
        return REFUSED, json_text.clean(str(problem))
    except static_completion.NotReady:
        return NOT_READY, ""


def _position(question):
    code = question["code"]
    cursor = question.get("cursor")
    return code, len(code) if cursor is None else min(cursor, len(code))
