import os

from IPython.core.interactiveshell import InteractiveShell

InteractiveShell.instance().run_cell("1+1", store_history=True)
os.write(1, b".")
