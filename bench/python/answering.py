"""The conversation of a Python contender with the benchmark, in lines of JSON."""

import json
import os
import sys
import traceback


def answer_requests(operations):
    """Answer each request read from standard input until it ends.

    A request is an object with `op`, the name of one of the operations, and its
    arguments. The answer has what the operation returned, or an `error`. What runs
    in this process can print whatever it likes: it goes to /dev/null.
    """
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    for line in requests:
        request = json.loads(line)
        try:
            answer = {"value": operations[request.pop("op")](**request)}
        except Exception:
            answer = {"error": traceback.format_exc()}
        json.dump(answer, answers)
        answers.write("\n")
        answers.flush()
    sys.exit()
