"""Compiles the C extensions when they are older than their sources, so that the tests run from a plain checkout."""

import pathlib
import runpy
import signal

import pytest
from hypothesis import settings

runpy.run_path(str(pathlib.Path(__file__).with_name("build_ext.py")))["rebuild_stale"]()
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell does that to its background, and our programs would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)
pytest.register_assert_rewrite("contracts")  # their assertions explain themselves as those of the tests do

# The same examples on every machine and at every run: a failure is a change. Fuzzing looks for new ones (tests/fuzz/run.py).
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")
