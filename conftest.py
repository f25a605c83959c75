"""Compiles the C extensions when they are older than their sources, so that the tests run from a plain checkout."""

import pathlib
import runpy

runpy.run_path(str(pathlib.Path(__file__).with_name("build_ext.py")))["rebuild_stale"]()
