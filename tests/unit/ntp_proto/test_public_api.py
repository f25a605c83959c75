"""What `ntp_proto` promises is what `__all__` names."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import pytest

import ntp_proto

MODULES = sorted(module.name for module in pkgutil.walk_packages(ntp_proto.__path__, "ntp_proto."))
SUBPACKAGES = [name for name in MODULES if hasattr(importlib.import_module(name), "__path__")]


def defined_in(module: ModuleType) -> set[str]:
    """Public classes and functions that the module itself defines."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and isinstance(value, type | type(defined_in)) and value.__module__ == module.__name__
    }


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_it_promises(name: str) -> None:
    module = importlib.import_module(name)
    assert hasattr(module, "__all__"), f"{name} needs an __all__"
    missing = [entry for entry in module.__all__ if not hasattr(module, entry)]
    assert not missing, f"{name}.__all__ names {missing}, which do not exist"
    assert list(module.__all__) == sorted(set(module.__all__), key=lambda entry: (not entry.isupper(), entry[0].islower(), entry)), (
        f"{name}.__all__: each name once; constants, classes, functions"
    )


@pytest.mark.parametrize("name", MODULES)
def test_what_is_not_promised_starts_with_an_underscore(name: str) -> None:
    module = importlib.import_module(name)
    loose = defined_in(module) - set(module.__all__)
    assert not loose, f"{name}: put {sorted(loose)} into __all__ or start their names with an underscore"


@pytest.mark.parametrize("name", SUBPACKAGES)
def test_a_subpackage_only_passes_on_what_its_modules_promise(name: str) -> None:
    package = importlib.import_module(name)
    promised = {entry for module in MODULES if module.startswith(f"{name}.") for entry in importlib.import_module(module).__all__}
    assert package.__all__, f"{name} promises nothing"
    assert set(package.__all__) <= promised, f"{name} promises {sorted(set(package.__all__) - promised)}, which none of its modules does"
