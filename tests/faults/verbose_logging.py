"""The most verbose logging that a deployment could turn on, in every process of a site."""

from pathlib import Path

SITECUSTOMIZE = '''
import logging
import sys

logging.basicConfig(level=1, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s %(args)s")


class VerboseLogger(logging.getLoggerClass()):
    """Logs at every level, whatever level is set."""

    def __init__(self, name, level=1):
        super().__init__(name, 1)

    def setLevel(self, level):
        super().setLevel(1)


logging.setLoggerClass(VerboseLogger)
'''


def verbose_environment(folder: Path) -> dict[str, str]:
    """Return environment variables with which every logger writes everything to the console.

    Python imports ``sitecustomize`` at the start of each process.
    """
    (folder / "sitecustomize.py").write_text(SITECUSTOMIZE)
    return {
        "PYTHONPATH": str(folder),
        "PYTHONUNBUFFERED": "1",
        "PYTHONASYNCIODEBUG": "1",
        "FLASK_DEBUG": "1",
        "RUST_LOG": "trace",
        "GRANIAN_LOG_ACCESS_ENABLED": "true",
        "GRANIAN_LOG_LEVEL": "debug",
    }
