"""What requests that were left out of the recording left in the namespace.

Later replies name it: it was put together from them.
"""

import os  # noqa: F401
import threading

import matplotlib.pyplot as plt
from IPython.display import *  # noqa: F403


class C:
    """doc of C"""

    k = 0

    def __init__(self):
        self.a = 1
        self.b = [1, 2]

    def m(self):
        pass


class MyErr(Exception):
    pass


def g():
    pass


def r():
    pass


c = C()
i = 2
t = threading.Thread(target=lambda: None, daemon=True)
t.start()
t.join()
fig = plt.figure()
plt.close(fig)
