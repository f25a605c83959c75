"""Giving up privileges, each time in a process of its own: there is no way back."""

import json
import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from ntp_daemon.privileges import Account, Surrender, find_account
from ntp_proto.errors import PrivilegeError

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else, or change its root directory")
NOBODY = pwd.getpwnam("nobody")
SYS_TIME = 1 << 25

REPORT = """
import json, os, threading
from ntp_daemon.capabilities import permitted
def status():
    with open("/proc/self/status") as file:
        return dict(line.rstrip().split(":", 1) for line in file)
def report(**more):
    print(json.dumps({"uids": os.getresuid(), "gids": os.getresgid(), "groups": os.getgroups(), "permitted": sorted(permitted()), **more}))
"""


def python(program: str, environment: dict[str, str] | None = None) -> dict[str, object]:
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [sys.executable, "-c", REPORT + program],
        env={"PYTHONPATH": path, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def surrender(account: str, keeps_clock: bool, then: str, *, root: str = "None", environment: dict[str, str] | None = None) -> dict[str, object]:
    return python(
        f"""
from pathlib import Path
from ntp_daemon.privileges import Surrender, find_account, preload
import ntp_daemon.config.load
preload()
wanted = Surrender(find_account({account!r}) if {account!r} else None, {root})
wanted.carry_out(keeps_clock={keeps_clock})
{then}
""",
        environment,
    )


def test_a_user_is_found_by_name_and_by_number() -> None:
    assert find_account("nobody") == find_account(str(NOBODY.pw_uid)) == Account("nobody", NOBODY.pw_uid, NOBODY.pw_gid)


@pytest.mark.parametrize("name", ["no-such-user", "4294967294", "99999999999999999999", "", "²", "a\0b"])
def test_a_user_that_does_not_exist_is_named(name: str) -> None:
    with pytest.raises(PrivilegeError, match="there is no user"):
        find_account(name)


def test_nothing_is_given_up_unasked() -> None:
    assert not Surrender().is_wanted
    Surrender().carry_out(keeps_clock=False)
    Surrender().hand_over([Path("/")])
    assert Surrender(root=Path("/")).is_wanted
    assert Surrender(account=find_account("nobody")).is_wanted


@needs_root
@pytest.mark.parametrize("environment", [{}, {"NTP_NO_EXT": "1"}], ids=["compiled", "without a compiler"])
@pytest.mark.parametrize(("keeps_clock", "kept"), [(True, SYS_TIME), (False, 0)], ids=["steers", "does not steer"])
def test_of_root_nothing_remains_but_the_right_to_set_the_clock(keeps_clock: bool, kept: int, environment: dict[str, str]) -> None:
    then = 'found = status(); report(**{name: int(found[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs")})'
    found = surrender("nobody", keeps_clock, then, environment=environment)
    assert found["uids"] == [NOBODY.pw_uid] * 3
    assert found["gids"] == [NOBODY.pw_gid] * 3
    assert found["groups"] == []
    assert (found["CapPrm"], found["CapEff"], found["CapBnd"]) == (kept, kept, kept)
    assert (found["CapInh"], found["CapAmb"], found["NoNewPrivs"]) == (0, 0, 1)


@needs_root
def test_there_is_no_way_back() -> None:
    then = """
tried = {}
for name, action in {"setuid": lambda: os.setuid(0), "setgroups": lambda: os.setgroups([0]), "chroot": lambda: os.chroot("/")}.items():
    try:
        action()
    except PermissionError:
        tried[name] = "refused"
report(tried=tried)
"""
    assert surrender("nobody", True, then)["tried"] == {"setuid": "refused", "setgroups": "refused", "chroot": "refused"}


@needs_root
def test_the_directory_becomes_the_root_and_the_user_is_looked_up_before(tmp_path: Path) -> None:
    (tmp_path / "inside").touch()
    tmp_path.chmod(0o755)
    then = 'report(root=os.listdir("/"), here=os.getcwd(), outside=os.path.exists("/etc/passwd"))'
    found = surrender("nobody", False, then, root=f"Path({str(tmp_path)!r})")
    assert (found["root"], found["here"], found["outside"]) == (["inside"], "/", False)
    assert found["uids"] == [NOBODY.pw_uid] * 3


@needs_root
def test_what_may_be_needed_later_is_there_in_an_empty_root(tmp_path: Path) -> None:
    then = """
from ntp_daemon.config.load import ConfigErrors, parse
from ntp_proto.identifiers import ReferenceId
try:
    parse("[[server]]\\nlisten = '0.0.0.0'\\nworkrs = 1\\n")
except ConfigErrors as errors:
    report(message=str(errors), reference=ReferenceId.from_address("2001:db8::1").bits, name="bücher.example".encode("idna").decode())
"""
    found = surrender("nobody", False, then, root=f"Path({str(tmp_path)!r})")
    assert found["message"] == "3: server.workrs: unknown key; did you mean workers?"
    assert found["name"] == "xn--bcher-kva.example"


@needs_root
def test_a_directory_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(PrivilegeError, match=f"^cannot make {tmp_path}/no the root directory: no such file or directory$"):
        Surrender(root=tmp_path / "no").carry_out(keeps_clock=False)


@needs_root
def test_who_is_that_user_already_gives_up_the_rest() -> None:
    found = python("""
from ntp_daemon.privileges import Surrender, find_account
os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
Surrender(find_account("65534")).carry_out(keeps_clock=True)
report(no_new=status()["NoNewPrivs"].strip())
""")
    assert (found["uids"], found["permitted"], found["no_new"]) == ([65534] * 3, [], "1")


@needs_root
def test_who_is_not_root_is_told_to_be() -> None:
    found = python("""
from pathlib import Path
from ntp_daemon.privileges import Surrender, find_account
from ntp_proto.errors import PrivilegeError
nobody, daemon = find_account("nobody"), find_account("daemon")
os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
said = []
for wanted in (Surrender(daemon), Surrender(root=Path("/tmp"))):
    try:
        wanted.carry_out(keeps_clock=False)
    except PrivilegeError as error:
        said.append(str(error))
report(said=said)
""")
    assert found["said"] == [
        "cannot become user daemon: operation not permitted; start the daemon as root",
        "cannot make /tmp the root directory: operation not permitted; start the daemon as root",
    ]


@needs_root
def test_files_are_handed_over(tmp_path: Path) -> None:
    (tmp_path / "socket").touch()
    Surrender(account=find_account("nobody")).hand_over([tmp_path / "socket", tmp_path / "missing"])
    assert (tmp_path / "socket").stat().st_uid == NOBODY.pw_uid
