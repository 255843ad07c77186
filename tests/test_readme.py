"""What the README says is what is run."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def section(title: str) -> str:
    found = re.search(rf"^## {title}$(.*?)(?=^## )", README, re.MULTILINE | re.DOTALL)
    assert found, title
    return found.group(1)


def commands(title: str) -> list[str]:
    return re.findall(r"^    (\S.*)$", section(title), re.MULTILINE)


def test_one_line_runs_the_tool_and_one_line_runs_the_tests() -> None:
    for title, ending in (("Run it", "campaign serve"), ("Run the tests", "pytest")):
        [line] = commands(title)
        assert line.startswith("python3 -m venv .venv && ")
        assert line.endswith(ending)
        assert "--require-hashes" in line


def test_ci_runs_the_readmes_own_test_line() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    [extraction] = re.findall(r'eval "\$\((sed .*)\)"', script)
    extracted = subprocess.run(
        ["bash", "-c", extraction], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert extracted.stdout.splitlines() == commands("Run the tests")


def test_every_package_that_is_named_is_locked_with_hashes() -> None:
    for lock in ("requirements.lock", "tests/requirements.lock"):
        text = (ROOT / lock).read_text()
        assert "http" not in text
        for block in re.split(r"\n(?=\S)", text.strip()):
            assert "--hash=sha256:" in block, block.splitlines()[0]


def test_the_tests_lock_holds_what_the_tool_runs_on() -> None:
    def pinned(lock: str) -> set[str]:
        return set(re.findall(r"^([\w.-]+==\S+)", (ROOT / lock).read_text(), re.MULTILINE))

    assert pinned("requirements.lock") <= pinned("tests/requirements.lock")
