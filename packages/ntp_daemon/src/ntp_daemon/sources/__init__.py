"""From configured names to associations: who is asked, and who takes the place of a server that is lost."""

from ntp_daemon.sources.manager import PendingSource, SourceManager
from ntp_daemon.sources.membership import Membership

__all__ = ["Membership", "PendingSource", "SourceManager"]
