from __future__ import annotations

import pytest

from ntp_proto.identifiers import KissCode
from ntp_proto.server import AccessList, DropReason, PrefixTable, Rate, RefusalAction, ServerPolicy, pack_address

DENY, IGNORE = RefusalAction.DENY, RefusalAction.IGNORE


def listing(*prefixes: str, action: RefusalAction = IGNORE) -> AccessList:
    return AccessList(PrefixTable(prefixes), action)


class TestLists:
    def test_nobody_is_refused_without_lists(self) -> None:
        assert ServerPolicy().judge_address(pack_address("192.0.2.1")) is None

    def test_deny_comes_before_allow(self) -> None:
        policy = ServerPolicy(denylist=listing("10.1.0.0/16"), allowlist=listing("10.0.0.0/8"))
        assert policy.judge_address(pack_address("10.1.2.3")) is DropReason.DENYLIST
        assert policy.judge_address(pack_address("10.2.2.3")) is None
        assert policy.judge_address(pack_address("11.0.0.1")) is DropReason.ALLOWLIST

    def test_an_empty_allow_list_allows_nobody(self) -> None:
        assert ServerPolicy(allowlist=listing()).judge_address(pack_address("192.0.2.1")) is DropReason.ALLOWLIST

    def test_an_empty_deny_list_denies_nobody(self) -> None:
        assert ServerPolicy(denylist=listing()).judge_address(pack_address("192.0.2.1")) is None

    def test_a_mapped_address_is_judged_as_ipv4(self) -> None:
        policy = ServerPolicy(denylist=listing("192.0.2.0/24"))
        assert policy.judge_address(pack_address("::ffff:192.0.2.7")) is DropReason.DENYLIST


class TestKisses:
    def test_silence_is_the_default(self) -> None:
        policy = ServerPolicy(denylist=listing("10.0.0.0/8"), allowlist=listing("11.0.0.0/8"), global_limit=Rate(1, 1))
        assert {policy.kiss_for(reason) for reason in DropReason} == {None}

    def test_each_list_has_its_own_action(self) -> None:
        policy = ServerPolicy(denylist=listing("10.0.0.0/8", action=DENY), allowlist=listing("11.0.0.0/8"))
        assert policy.kiss_for(DropReason.DENYLIST) is KissCode.DENY
        assert policy.kiss_for(DropReason.ALLOWLIST) is None
        policy = ServerPolicy(denylist=listing("10.0.0.0/8"), allowlist=listing("11.0.0.0/8", action=DENY))
        assert policy.kiss_for(DropReason.DENYLIST) is None
        assert policy.kiss_for(DropReason.ALLOWLIST) is KissCode.DENY

    def test_a_reason_without_its_list_has_no_kiss(self) -> None:
        assert ServerPolicy().kiss_for(DropReason.DENYLIST) is None
        assert ServerPolicy().kiss_for(DropReason.ALLOWLIST) is None

    def test_a_limit_is_answered_by_rate_and_by_nothing_else(self) -> None:
        policy = ServerPolicy(limit_action=DENY, deny_kiss=KissCode.RSTR)
        assert policy.kiss_for(DropReason.CLIENT_RATE) is policy.kiss_for(DropReason.GLOBAL_RATE) is KissCode.RATE

    @pytest.mark.parametrize("kiss", [KissCode.DENY, KissCode.RSTR, KissCode.RATE])
    def test_the_operator_chooses_the_code_of_a_denial(self, kiss: KissCode) -> None:
        policy = ServerPolicy(denylist=listing(action=DENY), name_action=DENY, deny_kiss=kiss)
        assert policy.kiss_for(DropReason.DENYLIST) is policy.kiss_for(DropReason.NAME_DENIED) is kiss

    def test_who_may_be_nobody_is_never_kissed(self) -> None:
        """Forged, malformed and misdirected datagrams, a name that is not known yet, a hook's refusal, and an unsynchronised clock."""
        policy = ServerPolicy(denylist=listing(action=DENY), allowlist=listing(action=DENY), name_action=DENY, limit_action=DENY)
        kissed = {reason for reason in DropReason if policy.kiss_for(reason)}
        assert kissed == {
            DropReason.DENYLIST,
            DropReason.ALLOWLIST,
            DropReason.NAME_DENIED,
            DropReason.CLIENT_RATE,
            DropReason.GLOBAL_RATE,
        }

    @pytest.mark.parametrize("kiss", [KissCode.NTSN, KissCode.OTHER])
    def test_a_code_that_denies_nobody(self, kiss: KissCode) -> None:
        with pytest.raises(ValueError, match="DENY, RSTR or RATE"):
            ServerPolicy(deny_kiss=kiss)


class TestShares:
    def test_workers_share_the_limit_of_all(self) -> None:
        assert ServerPolicy(global_limit=Rate(1000.0, 100)).shared_by(4).global_limit == Rate(250.0, 25)

    def test_each_has_at_least_one_token(self) -> None:
        assert ServerPolicy(global_limit=Rate(1.0, 3)).shared_by(8).global_limit == Rate(0.125, 1)

    def test_nothing_else_changes(self) -> None:
        policy = ServerPolicy(denylist=listing("10.0.0.0/8"), global_limit=Rate(8.0, 8), serves_legacy=True)
        assert policy.shared_by(1) == policy
        unlimited = ServerPolicy(denylist=listing("10.0.0.0/8"))
        assert unlimited.shared_by(4) is unlimited


@pytest.mark.parametrize("size", [-1, (1 << 24) + 1])
def test_an_impossible_table(size: int) -> None:
    with pytest.raises(ValueError, match="interleaved_size"):
        ServerPolicy(interleaved_size=size)
