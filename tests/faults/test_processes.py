"""A web process that dies is started again; if that fails, the whole site ends, and systemd starts it.

Also for a site that is process 1 of a container, which adopts orphans.
"""

import json
import os
import re
import resource
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults.serving import ROOT, UNREACHED, Server
from tests.support.relay import relay
from tests.support.worker import eventually

pytestmark = pytest.mark.fault

MACHINE = frozenset({"time", "level", "logger", "process", "message"})

AS_FIRST = ("unshare", *(() if os.getuid() == 0 else ("--map-root-user",)), "--pid", "--fork", "--kill-child")
"""Runs a command as process 1, like a container without an init."""

ORPHAN = """
import ctypes, multiprocessing, os, sys
from campaign.web.serving.process import end_with_parent

def web_process(parent):
    while os.getppid() == parent:
        pass
    end_with_parent()
    print("goes on")

PR_SET_CHILD_SUBREAPER = 36
assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1) == 0
parent = os.fork()
if not parent:
    multiprocessing.get_context("fork").Process(target=web_process, args=(os.getpid(),)).start()
    os._exit(0)
os.waitpid(parent, 0)
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""
"""A web process whose parent ends before it checks, and that a subreaper other than process 1 adopts."""


def web_processes(site: Server) -> set[int]:
    """Return the web processes: neither the mail worker nor the process that started all."""
    lines = {number: Path(f"/proc/{number}/cmdline") for number in site.processes() if number != site.leader}
    found = set()
    for number, path in lines.items():
        with suppress(FileNotFoundError):
            if b"\0serve\0" in path.read_bytes():
                found.add(number)
    return found


def kill(processes: set[int]) -> None:
    for number in processes:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


def answering(site: Server) -> set[int]:
    """Return the process that answers now, as ``/metrics`` names it."""
    with suppress(*UNREACHED):
        found = re.search(r'process_open_fds\{process="(\d+)"\}', site.browser().get("/metrics").text)
        return {int(found[1])} if found else set()
    return set()


def test_a_web_process_that_dies_is_replaced_and_when_they_go_on_dying_all_ends(
    tmp_path: Path,
) -> None:
    with relay() as post_office:
        site = Server(tmp_path, smtp_url=post_office.url, log_format="json")
        site.workers = 2
        # The real command: Granian raises the limit when it is imported.
        site.through = ("env",)
        soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), most))
        try:
            site.start()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, most))
        try:
            first = web_processes(site)
            assert len(first) == 2
            assert eventually(lambda: answering(site) & first)
            limits = Path(f"/proc/{min(first)}/limits").read_text()
            allowed = "unlimited" if most == resource.RLIM_INFINITY else most
            assert re.search(rf"^Max open files +{allowed} ", limits, re.MULTILINE)

            assert eventually(lambda: "campaign_mail_waiting" in site.browser().get("/metrics").text)

            kill({min(first)})
            assert eventually(lambda: len(web_processes(site) - first) == 1)
            new = web_processes(site) - first
            assert eventually(lambda: answering(site) == new)
            assert site.browser().sign().is_done

            # Only the replacements: Granian recognises a loop when one process dies twice in a row, so that
            # two that die in turns are replaced again and again.
            def is_over() -> bool:
                kill(web_processes(site) - first)
                return site.status() is not None

            assert eventually(is_over)
            assert site.status() == 1
            assert eventually(lambda: not site.processes()), "the mail worker goes with it"
        finally:
            site.kill()
    console = site.console.read_text()
    log = [json.loads(line) for line in console.splitlines() if line.startswith("{")]
    assert all(line.keys() == MACHINE for line in log), log
    assert "Unexpected exit from worker-1" in {line["message"] for line in log}
    assert "[ERROR]" not in console, "the web server's own records are written like ours"
    assert "Traceback" not in console


def test_a_web_process_whose_parent_has_ended_ends_whichever_process_adopts_it() -> None:
    orphan = subprocess.run(
        [sys.executable, "-c", ORPHAN], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )

    assert (orphan.returncode, orphan.stdout) == (1, ""), orphan.stderr
    assert "the process that started this one is gone" in orphan.stderr


def test_as_process_1_of_a_container_it_serves_and_stops_on_a_signal(tmp_path: Path) -> None:
    tried = subprocess.run([*AS_FIRST, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"no first process can be made here: {tried.stderr}")
    site = Server(tmp_path)
    site.through = AS_FIRST
    try:
        site.start()
        first = site.child("serve")
        assert eventually(lambda: answering(site)), site.console.read_text()
        assert site.browser().sign().is_done
        # Process 1 gets only signals for which it has a handler.
        os.kill(first, signal.SIGTERM)

        assert eventually(lambda: site.status() is not None)
        assert site.status() == 0, site.console.read_text()
        assert not site.processes()
    finally:
        site.kill()
    console = site.console.read_text()
    for each in ("[ERROR]", "WARNING", "Unexpected exit"):
        assert each not in console, "the console shows an operator no warnings"


def test_a_forked_process_leads_its_group_at_once_so_that_all_of_it_can_be_killed(tmp_path: Path) -> None:
    for _ in range(10):
        site = Server(tmp_path)
        site.launch()
        try:
            assert os.getpgid(site.leader) == site.leader
        finally:
            site.process.kill()
            site.process.wait()
