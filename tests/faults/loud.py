"""Every logger at its loudest, in every process of a site: what a deployment could turn on."""

from pathlib import Path

LOUDEST = '''
import logging
import sys

logging.basicConfig(level=1, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s %(args)s")


class Loud(logging.getLoggerClass()):
    """Logs everything, whatever level it is told."""

    def __init__(self, name, level=1):
        super().__init__(name, 1)

    def setLevel(self, level):
        super().setLevel(1)


logging.setLoggerClass(Loud)
'''


def loudest(folder: Path) -> dict[str, str]:
    """Return an environment in which whatever logs anything writes it to the console.

    Python reads ``sitecustomize`` before anything else, in each process.
    """
    (folder / "sitecustomize.py").write_text(LOUDEST)
    return {
        "PYTHONPATH": str(folder),
        "PYTHONUNBUFFERED": "1",
        "PYTHONASYNCIODEBUG": "1",
        "FLASK_DEBUG": "1",
        "RUST_LOG": "trace",
        "GRANIAN_LOG_ACCESS_ENABLED": "true",
        "GRANIAN_LOG_LEVEL": "debug",
    }
