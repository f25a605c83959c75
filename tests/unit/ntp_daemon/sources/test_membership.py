from __future__ import annotations

import ipaddress

from ntp_daemon.config.model import AutoSource, PoolSource, ServerSource
from ntp_daemon.sources import Membership
from ntp_proto.datagram import Address
from ntp_proto.server_address import ServerAddress

NAME = ServerAddress.parse("pool.example")
A, B, C, D, E = (Address(f"192.0.2.{number}", 123) for number in range(1, 6))


def test_a_server_is_the_first_address_of_its_name() -> None:
    assert Membership(ServerSource(address=NAME)).missing([A, B, C], 0.0) == [A]


def test_a_pool_is_filled_to_its_count() -> None:
    membership = Membership(PoolSource(address=NAME, count=3))
    assert membership.missing([A, B, C, D], 0.0) == [A, B, C]
    membership.members = {1: A, 2: C}
    assert membership.missing([A, B, C, D], 0.0) == [B]


def test_what_is_to_be_ignored_is() -> None:
    membership = Membership(PoolSource(address=NAME, ignore=(ipaddress.ip_address("192.0.2.1"),)))
    assert membership.missing([A, B], 0.0) == [B]


def test_a_name_from_the_command_line_is_a_server_or_a_pool() -> None:
    single = Membership(AutoSource(address=NAME))
    assert single.missing([A], 0.0) == [A]
    assert not single.is_pool
    several = Membership(AutoSource(address=NAME))
    assert several.missing([A, B, C, D, E], 0.0) == [A, B, C, D]
    assert several.is_pool


def test_an_address_that_refused_is_avoided_for_an_hour() -> None:
    membership = Membership(PoolSource(address=NAME, count=2))
    membership.avoid(A, 100.0)
    assert membership.missing([A, B, C], 101.0) == [B, C]
    assert membership.missing([A, B, C], 3701.0) == [A, B]


def test_the_port_does_not_make_another_server() -> None:
    membership = Membership(PoolSource(address=NAME, count=2))
    membership.members = {1: A}
    assert membership.missing([Address(A.host, 1123)], 0.0) == []


def test_a_dead_server_is_kept_while_its_name_gives_its_address() -> None:
    membership = Membership(ServerSource(address=NAME))
    membership.members = {1: A}
    assert membership.replacement(1, [B, A], 0.0) is None
    assert membership.replacement(1, [B, C], 0.0) == B


def test_a_dead_pool_member_is_replaced_by_one_that_is_not_asked_yet() -> None:
    membership = Membership(PoolSource(address=NAME, count=2))
    membership.members = {1: A, 2: B}
    assert membership.replacement(1, [A, B, C], 0.0) == C
    assert membership.replacement(1, [A, B], 0.0) is None
