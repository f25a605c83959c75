"""Makes the demonstration page: a run of the daemon against servers on this machine, recorded, and shown."""
