import pytest

from ntp_daemon.config.load import ConfigErrors, parse
from ntp_daemon.config.model import AutoSource, LogFormat, LogLevel
from ntp_daemon.config.override import Overrides, override
from ntp_daemon.config.server import ServerConfig
from ntp_proto.observation import ClockMode
from ntp_proto.server_address import ServerAddress

CONFIG = parse('[[source]]\nmode = "server"\naddress = "a.example"\n[observability]\nlog-level = "warn"\nobservation-permissions = 0o600\n')


def test_no_option_changes_nothing() -> None:
    assert override(CONFIG, Overrides()) == CONFIG


def test_peers_replace_the_sources_of_the_file() -> None:
    config = override(CONFIG, Overrides(peers=("b.example", "[::1]:1123")))
    assert config.sources == (AutoSource(address=ServerAddress("b.example")), AutoSource(address=ServerAddress("::1", 1123)))
    assert config.sources[0].count == 4
    assert config.observability == CONFIG.observability


def test_listening_addresses_replace_the_servers_of_the_file() -> None:
    served = parse('[[server]]\nlisten = "0.0.0.0"\nrate-limit = 1\n')
    assert override(served, Overrides()).servers == served.servers
    config = override(served, Overrides(servers=("127.0.0.1:1123", "[::]")))
    assert config.servers == (ServerConfig(listen=ServerAddress("127.0.0.1", 1123)), ServerConfig(listen=ServerAddress("::")))


def test_every_wrong_listening_address_is_named() -> None:
    with pytest.raises(ConfigErrors) as caught:
        override(CONFIG, Overrides(peers=("",), servers=("ntp.example", "0.0.0.0", "0.0.0.0:123", "0.0.0.0:0")))
    assert [str(error) for error in caught.value.errors] == [
        "-p: the host is empty",
        '-s: "0.0.0.0:123" is given twice; once is enough',
        "-s: '0' is not a port: a port is a number from 1 to 65535",
        '-s: "ntp.example" is a name: give a numeric address of this machine, like 0.0.0.0 or [::]',
    ]


def test_each_option_replaces_its_key() -> None:
    overrides = Overrides(log_level=LogLevel.TRACE, log_format=LogFormat.JSON, clock=ClockMode.VIRTUAL, observation_path="/o", configuration_path="")
    config = override(CONFIG, overrides)
    assert config.sources == CONFIG.sources
    assert config.clock.mode is ClockMode.VIRTUAL
    observability = config.observability
    assert (observability.log_level, observability.log_format) == (LogLevel.TRACE, LogFormat.JSON)
    assert (observability.observation_path, observability.configuration_path) == ("/o", "")
    assert observability.observation_permissions == 0o600


def test_every_wrong_peer_is_named() -> None:
    with pytest.raises(ConfigErrors) as caught:
        override(CONFIG, Overrides(peers=("b.example:x", "c.example", "C.example:123", "")))
    assert [str(error) for error in caught.value.errors] == [
        "-p: 'x' is not a port: a port is a number from 1 to 65535",
        '-p: "c.example:123" is given twice; the same server would vote twice',
        "-p: the host is empty",
    ]
