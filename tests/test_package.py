"""What a built package holds: everything that a site needs to serve its pages."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from campaign.reference.language import CATALOGUES
from tests.support.docs import ROOT

pytestmark = pytest.mark.any_database


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [path] = folder.glob("*.whl")
    with zipfile.ZipFile(path) as packed:
        return set(packed.namelist())


def test_a_wheel_has_a_compiled_catalogue_for_each_translated_language(wheel: set[str]) -> None:
    sources = {path.relative_to(ROOT).as_posix() for path in CATALOGUES.glob("*/LC_MESSAGES/*.po")}

    assert {name for name in wheel if name.endswith(".po")} == sources
    assert {name for name in wheel if name.endswith(".mo")} == {
        name.removesuffix(".po") + ".mo" for name in sources
    }


@pytest.mark.parametrize("folder", ["templates", "static"])
def test_a_wheel_has_all_templates_and_static_files(wheel: set[str], folder: str) -> None:
    files = {path.relative_to(ROOT).as_posix() for path in Path(ROOT / folder).rglob("*") if path.is_file()}

    assert {f"campaign/{name}" for name in files} <= wheel
