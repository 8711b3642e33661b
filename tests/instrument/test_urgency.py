"""Threads that hurry: in real time where the system allows it, ordinary again afterwards, and what they start never."""

import os
import subprocess
import sys
import threading
import time

import pytest

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux's scheduler")

_TELL = "import os; print(os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK == os.SCHED_RR)"


def may_run_in_real_time() -> bool:
    script = "import os; os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))"
    return subprocess.run([sys.executable, "-c", script], stderr=subprocess.DEVNULL).returncode == 0


def may_be_given_a_limit() -> bool:
    script = "import os, resource; resource.setrlimit(resource.RLIMIT_RTPRIO, (5, 5)); os.setresuid(9, 9, 9)"
    return subprocess.run([sys.executable, "-c", script], stderr=subprocess.DEVNULL).returncode == 0


in_real_time = pytest.mark.skipif(not may_run_in_real_time(), reason="this user may not")


def told(script: str, **options) -> list[str]:
    """What a Python program prints that knows `policy`, the calling thread's."""
    begin = """
import os, subprocess, sys, threading, time
from pianogenie.urgency import calm_down, hurry, its_threads_hurry
def policy(thread=0): return os.sched_getscheduler(thread) & ~os.SCHED_RESET_ON_FORK
names = {os.SCHED_RR: "real time", os.SCHED_OTHER: "ordinary"}
def tell(): print(names[policy()], flush=True)
"""
    command = [sys.executable, "-c", begin + script]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, **options).stdout.split("\n")


@in_real_time
def test_it_runs_in_real_time_and_is_ordinary_again():
    assert told("tell(); hurry(); tell(); calm_down(); tell(); hurry(); tell()")[:4] == [
        "ordinary",
        "real time",
        "ordinary",
        "real time",
    ]


@in_real_time
def test_what_it_starts_is_ordinary():
    script = f"""
hurry()
thread = threading.Thread(target=tell)
thread.start(); thread.join()
subprocess.run([sys.executable, "-c", {_TELL!r}])
"""
    assert told(script)[:2] == ["ordinary", "False"]


@in_real_time
def test_threads_that_a_library_starts_hurry_and_others_do_not():
    script = """
go = threading.Event()
def wait(): go.wait(); sys.stdout.write(f"{threading.current_thread().name} {names[policy()]}\\n")
threading.Thread(target=wait, name="before").start()
with its_threads_hurry():
    threading.Thread(target=wait, name="within").start()
go.set()
for thread in threading.enumerate():
    if thread is not threading.main_thread(): thread.join()
tell()
"""
    lines = told(script)
    assert sorted(lines[:2]) == ["before ordinary", "within real time"]
    assert lines[2] == "ordinary"


@in_real_time
def test_one_that_never_sleeps_loses_it_for_all_and_for_good():
    script = """
sleeper = threading.Thread(target=time.sleep, args=(60,), daemon=True)
with its_threads_hurry():
    sleeper.start()
hurry()
by = time.monotonic() + 20
while names[policy()] == "real time" and time.monotonic() < by:
    pass
tell(); print(names[policy(sleeper.native_id)]); hurry(); tell(); sys.stdout.flush(); os._exit(0)
"""
    assert told(script)[:3] == ["ordinary"] * 3


def test_where_it_is_not_allowed_it_is_an_ordinary_thread_and_nothing_is_said():
    script = """
import resource
resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0))
if os.geteuid() == 0: os.setresuid(65534, 65534, 65534)
hurry()
thread = threading.Thread(target=tell)
with its_threads_hurry():
    thread.start()
thread.join(); tell(); calm_down(); tell()
"""
    assert told(script)[:3] == ["ordinary"] * 3


@pytest.mark.skipif(not may_be_given_a_limit(), reason="limits are not ours to set")
def test_a_limit_for_real_time_is_all_that_an_ordinary_user_needs():
    script = """
import resource
resource.setrlimit(resource.RLIMIT_RTPRIO, (5, 5))
os.setresuid(65534, 65534, 65534)
hurry(); tell(); calm_down(); tell(); hurry(); tell()
"""
    assert told(script)[:3] == ["real time", "ordinary", "real time"]


def test_a_time_that_the_system_bounds_is_noticed_before_it_kills():
    script = """
import resource
resource.setrlimit(resource.RLIMIT_RTTIME, (200_000, 200_000))
hurry()
soft, hard = resource.getrlimit(resource.RLIMIT_RTTIME)
assert soft < hard == 200_000, soft
tell()
"""
    assert told(script)


def test_a_thread_that_has_ended_is_nobodys_trouble():
    from pianogenie.urgency import calm_down, hurry

    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
    time.sleep(0.01)
    for do in (hurry, calm_down):
        do(thread.native_id)
    assert os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK == os.SCHED_OTHER
