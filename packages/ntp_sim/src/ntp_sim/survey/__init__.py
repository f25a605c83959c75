"""Many worlds drawn at random, and how well the client keeps the time in them: weaknesses that no scenario was written for."""

from ntp_sim.survey.describe import describe
from ntp_sim.survey.distributions import draw_world
from ntp_sim.survey.reference import path_noise, standard_errors
from ntp_sim.survey.spread import Spread, spreads
from ntp_sim.survey.world import WorldFigures, measure_world, run_world

__all__ = ["Spread", "WorldFigures", "describe", "draw_world", "measure_world", "path_noise", "run_world", "spreads", "standard_errors"]
