"""The words of ntp.conf(5), and what becomes of each that is not taken over."""

from __future__ import annotations

from ntp_ctl.migrate.directive import words

__all__ = ["KNOWN", "MEANS_NOTHING", "NEVER_PLAIN", "QUERIES", "REFUSING", "SOURCE_NOTES", "SOURCE_VALUES"]

SOURCE_VALUES = words("minpoll maxpoll key version mode ttl bias ask require cert ca aead")

SOURCE_NOTES = {
    "iburst": "",  # every source begins with a burst
    "burst": "no equivalent: the poll interval is chosen by what a sample is worth",
    "prefer": "no equivalent: the best are found by what they measure",
    "true": "no equivalent: every source has one vote",
    "noselect": "no equivalent: it would be used like the others",
    "preempt": "nothing to be done: members of a pool are replaced when they are lost",
    "xleave": "no equivalent yet: the client uses basic mode",
}

NEVER_PLAIN = ("key", "autokey", "nts")

MEANS_NOTHING = {
    "leapfile": "no equivalent yet: leap seconds come from the sources",
    "logfile": "no equivalent: the log goes to the standard error or the journal",
    "logconfig": "no equivalent: see log-level in [observability]",
    "statsdir": "no equivalent: measurement-log in [observability] records everything that is measured",
    "statistics": "no equivalent: measurement-log in [observability] records everything that is measured; `ntp-ctl plot` shows it",
    "filegen": "no equivalent: measurement-log in [observability] is one file",
    "keys": "no equivalent yet: symmetric keys are not supported",
    "pidfile": "nothing to be done: the service manager knows the process",
    "monitor": "nothing to be done: clients are counted; see `ntp-ctl clients`",
    "mru": "no equivalent: rate-limiting-cache-size in [[server]] says how many clients are remembered",
    "fudge": "no equivalent yet: reference clocks are not supported",
    "refclock": "no equivalent yet: reference clocks are not supported",
    "tick": "no equivalent",
}

KNOWN = words(
    """
    automax beacon broadcast broadcastclient broadcastdelay calldelay controlkey crypto dscp dnssd ident leapsmearinterval manycastclient
    manycastserver mdnstries multicastclient nonvolatile ntpsigndsocket peer_clear_digest_early phone poll pollskewlist requestkey reset
    revoke rlimit saveconfigdir setvar simulate trap trustedkey ttl unpeer unconfig wander_threshold nts includefile
    """
)

REFUSING = words("ignore noserve")

QUERIES = words("nomodify noquery notrap nopeer noepeer lowpriotrap nomrulist kod serverresponse")
"""What a client may do beside asking for the time: nothing of that can be done over the network here."""
