"""The words of chrony.conf(5), and what becomes of each that is not taken over."""

from __future__ import annotations

from ntp_ctl.migrate.directive import words

__all__ = ["KNOWN", "MEANS_NOTHING", "NEVER_PLAIN", "SOURCE_NOTES", "SOURCE_VALUES"]

SOURCE_VALUES = words(
    """
    port minpoll maxpoll maxsources key minstratum polltarget maxdelay maxdelayratio maxdelaydevratio maxdelayquant mindelay asymmetry
    offset minsamples maxsamples filter maxunreach ntsport certset version presend extfield
    """
)

SOURCE_NOTES = {
    "iburst": "",  # every source begins with a burst
    "auto_offline": "not needed: a source that cannot be reached is asked ever more rarely",
    "offline": "it is asked from the start; `ntp-ctl sources offline` ends that",
    "prefer": "no equivalent: the best are found by what they measure",
    "trust": "no equivalent: every source has one vote",
    "require": "no equivalent",
    "noselect": "no equivalent: it would be used like the others",
    "burst": "no equivalent: the poll interval is chosen by what a sample is worth",
    "xleave": "no equivalent yet: the client uses basic mode",
    "copy": "no equivalent",
    "ipv4": "no equivalent: give a numeric address",
    "ipv6": "no equivalent: give a numeric address",
}

NEVER_PLAIN = ("nts", "key")

MEANS_NOTHING = {
    "rtcsync": "nothing to be done: the kernel is told that the clock is synchronized, and sets the real-time clock",
    "dumpdir": "nothing to be done: there is no history to be kept but the drift file",
    "dumponexit": "nothing to be done: there is no history to be kept but the drift file",
    "generatecommandkey": "nothing to be done: commands come over a Unix socket",
    "commandkey": "nothing to be done: commands come over a Unix socket",
    "cmdport": "nothing to be done: commands come over a Unix socket only",
    "bindcmdaddress": "the Unix socket is `configuration-path` in [observability]; there is no command port",
    "bindcmddevice": "nothing to be done: there is no command port",
    "cmdallow": "no equivalent: there is no command port; the permissions of the sockets say who may",
    "cmddeny": "nothing to be done: there is no command port",
    "cmdratelimit": "nothing to be done: there is no command port",
    "opencommands": "no equivalent: there is no command port",
    "clientloglimit": "no equivalent: rate-limiting-cache-size in [[server]] says how many clients are remembered",
    "noclientlog": "no equivalent: clients are only counted",
    "pidfile": "nothing to be done: the service manager knows the process",
    "user": "give `-u USER` to ntp-daemon",
    "driftfile": "not taken over: chrony's sign is the opposite of ours; the frequency is measured anew, and kept in /var/lib/ntpd-py/drift",
    "logdir": "no equivalent: measurement-log in [observability] records everything that is measured",
    "log": "no equivalent: measurement-log in [observability] records everything that is measured; `ntp-ctl plot` shows it",
    "logbanner": "no equivalent",
    "logchange": "no equivalent: each correction that is stepped or refused is logged",
    "mailonchange": "no equivalent: watch the metrics",
    "hwtimestamp": "no equivalent yet: the kernel's time stamps are used",
    "refclock": "no equivalent yet: reference clocks are not supported",
    "keyfile": "no equivalent yet: symmetric keys are not supported",
    "leapsectz": "no equivalent yet: leap seconds come from the sources",
    "leapseclist": "no equivalent yet: leap seconds come from the sources",
    "leapsecmode": "no equivalent: the kernel inserts leap seconds",
    "smoothtime": "no equivalent",
    "initstepslew": "no equivalent: see step-threshold and step-updates",
    "maxupdateskew": "no equivalent: the filter knows how far to trust each sample",
}

KNOWN = words(
    """
    acquisitionport authselectmode bindacqaddress bindacqdevice binddevice broadcast clockprecision combinelimit corrtimeratio dscp
    fallbackdrift hwclockfile hwtstimeout lock_all manual maxdrift maxjitter maxntsconnections maxsamples maxtxbuffers minsamples
    nocerttimecheck nosystemcert ntsaeads ntscachedir ntsdumpdir ntsntpserver ntsport ntsprocesses ntsrefresh ntsrotate ntsservercert
    ntsserverkey ntstrustedcerts ptpdomain ptpport refresh reselectdist rtcautotrim rtcdevice rtcfile rtconutc sched_priority stratumweight
    tempcomp include confdir sourcedir
    """
)
