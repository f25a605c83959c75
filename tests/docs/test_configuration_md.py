"""CONFIGURATION.md says what the program does: its tables are those of the model, and its examples are valid."""

import itertools
import re
from pathlib import Path

import pytest

from ntp_daemon.config.default_file import KeyDescription, describe
from ntp_daemon.config.load import parse

DOCUMENT = (Path(__file__).parents[2] / "CONFIGURATION.md").read_text(encoding="utf-8")
HEAD = ["| key | meaning | value | unit | default |", "|---|---|---|---|---|"]
TABLES = {name: list(keys) for name, keys in itertools.groupby(describe(), key=lambda key: key.table)}


def row(key: KeyDescription) -> str:
    default = f"`{key.default}`" if key.default is not None else f"none: {key.when_unset}" if key.when_unset else "must be given"
    return f"| `{key.name}` | {key.meaning} | {key.expected} | {key.unit} | {default} |"


def headline(table: str) -> str:
    return f"## `[[{table}]]`" if table in ("source", "server") else f"## `[{table}]`"


@pytest.mark.parametrize("table", TABLES)
def test_the_table_of_each_section_is_that_of_the_model(table: str) -> None:
    section = DOCUMENT.partition(f"\n{headline(table)}\n")[2].partition("\n## ")[0]
    written = [line for line in section.splitlines() if line.startswith("|")]
    mode = [line for line in written if line.startswith("| `mode`")] if table == "source" else []
    expected = [*HEAD, *mode, *map(row, TABLES[table])]
    assert written == expected, "CONFIGURATION.md needs this table:\n" + "\n".join(expected)


def test_there_is_no_section_for_a_table_that_does_not_exist() -> None:
    assert re.findall(r"^## `.*`$", DOCUMENT, flags=re.MULTILINE) == [headline(table) for table in TABLES]


@pytest.mark.parametrize("example", re.findall(r"```toml\n(.*?)```", DOCUMENT, flags=re.DOTALL))
def test_each_example_is_a_valid_configuration(example: str) -> None:
    parse(example)


def test_there_are_examples() -> None:
    assert DOCUMENT.count("```toml\n") >= 3


def test_what_cannot_change_without_a_restart_is_said() -> None:
    assert "`clock.mode`" in DOCUMENT


OF_THE_GO_SERVER = {
    "ntp": (
        "listenAddress workers readBufferBytes writeBufferBytes readTimeoutMillis writeTimeoutMillis clientRateLimitPerSecond clientRateLimitBurst"
        " globalRateLimitPerSecond globalRateLimitBurst serveUnsynced unsyncedStratum referenceID precisionExponent rootDelayMillis"
        " rootDispersionMillis enableKissOfDeathOnDeny kissOfDeathResponseOnDeny"
    ),
    "policy": "allowCIDRs denyCIDRs",
    "policy.dns": "enableReverseLookup allowSuffixes denySuffixes cacheTTLSeconds lookupTimeoutMillis allowOnLookupError resolverNameservers",
    "upstream": "enabled servers syncIntervalSeconds timeoutMillis maxAcceptedOffsetMillis samplesPerSync",
    "api": "enabled listenAddress readTimeoutMillis writeTimeoutMillis shutdownTimeoutMillis authToken exposeConfig",
    "runtime": "gomaxprocs logLevel",
}


def test_every_key_in_json_has_its_row_and_every_key_of_ours_in_it_exists() -> None:
    section = DOCUMENT.partition("### Coming from a JSON configured Go server")[2]
    rows = re.findall(r"^\| (\w+\..*?) \| (.*) \|$", section, flags=re.MULTILINE)
    theirs = [key for left, _ in rows for key in left.split(", ")]
    assert sorted(theirs) == sorted(f"{table}.{key}" for table, keys in OF_THE_GO_SERVER.items() for key in keys.split())
    ours = {f"{key.table}.{key.name}" for key in describe()}
    named = {key for _, right in rows for key in re.findall(r"`([\w-]+\.[\w.-]+)`", right)}
    assert named <= ours
    assert len(named) > 25
