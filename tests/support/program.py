"""Programs of the machine that some tests need."""

import os
from pathlib import Path

import pytest

NGINX, PGBOUNCER = "/usr/sbin/nginx", "/usr/sbin/pgbouncer"


def require(program: str) -> None:
    """Skip the test if *program* is missing; in CI, where everything is installed, fail."""
    if Path(program).exists():
        return
    if os.environ.get("CI"):
        pytest.fail(f"{program} is missing")
    pytest.skip(f"{program} is missing")
