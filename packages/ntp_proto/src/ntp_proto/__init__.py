"""The Network Time Protocol and the discipline of a clock, without input, output, clock or randomness of its own.

Every function is a matter of bytes, numbers and decisions: the time (`now`) and the randomness (`rng`) are arguments, and what is to be done
comes back as values. The daemon and the simulator run the same code.
"""

__all__: list[str] = []
