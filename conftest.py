"""Compiles the C extensions when they are older than their sources, so that the tests run from a plain checkout."""

import pathlib
import runpy

import pytest

runpy.run_path(str(pathlib.Path(__file__).with_name("build_ext.py")))["rebuild_stale"]()
pytest.register_assert_rewrite("contracts")  # their assertions explain themselves as those of the tests do
