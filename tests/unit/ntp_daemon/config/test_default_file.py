import re
from dataclasses import replace

import tomli

from ntp_daemon.config.default_file import describe, print_default
from ntp_daemon.config.load import parse
from ntp_daemon.config.model import PoolSource, default_config
from ntp_daemon.config.server import ServerConfig
from ntp_proto.server_address import ServerAddress


def uncommented(text: str) -> str:
    return re.sub(r"^# (?=\[\[\w+\]\]|[a-z.0-9-]+ = )", "", text, flags=re.MULTILINE)


def test_the_file_of_defaults_is_the_default_configuration() -> None:
    assert parse(print_default()) == default_config()


def test_every_key_stands_in_it() -> None:
    document = tomli.loads(uncommented(print_default()))
    for key in describe():
        table: object = document
        for name in [*key.table.split("."), *key.name.split(".")]:
            table = table[0] if isinstance(table, list) else table
            assert isinstance(table, dict)
            assert name in table, f"{key.table}.{key.name}"
            table = table[name]


def test_what_is_commented_out_is_valid_as_well() -> None:
    config = parse(uncommented(print_default()))
    (source,), (server,) = config.sources, config.servers
    assert server == replace(ServerConfig(listen=ServerAddress("0.0.0.0")), workers=2)
    assert isinstance(source, PoolSource)
    assert config.synchronization.minimum_agreeing_sources == 3
    assert config != default_config()


def test_every_key_has_words() -> None:
    for key in describe():
        assert key.meaning.endswith(".")
        assert key.expected
        assert key.default is not None or key.when_unset or key.name in ("address", "listen"), key
        assert bool(key.example) == (key.default is None and key.table != "source"), key


def test_no_line_is_too_long_for_a_terminal() -> None:
    assert max(map(len, print_default().splitlines())) <= 125
