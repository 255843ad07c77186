"""Run ``campaign`` in a process that has imported nothing of it: ``python -m tests.support.alone ARGUMENTS``.

The fork server has imported all of the tool. In its processes a command whose module forgets an import works,
and so does one that cannot be imported first; for its users it would end with a traceback.
"""

import runpy
import sys

if __name__ == "__main__":
    for name in [each for each in sys.modules if each.partition(".")[0] == "campaign"]:
        del sys.modules[name]
    runpy.run_module("campaign", run_name="__main__", alter_sys=True)
