"""Simulated runs: policies against made-up landscapes, on a virtual clock, without containers or models.

    from dgm.core.policies import POLICIES
    from dgm.simulation import PRESETS, Setting, simulate

    course = simulate(POLICIES["dgm"](), PRESETS["disagree"], Setting(workers=16, children=80), seed=0)
    course.picked  # true score of the agent that the run would hand over
    course.points  # its course against evaluations, virtual seconds and dollars

Any object with `next_action(view, random)` is a policy. `dataclasses.replace(PRESETS["disagree"], correlation=0.0)` is
another landscape. Pure: no input or output, no clock; the same arguments give the same course.
"""

from dgm.simulation.course import Course, Point
from dgm.simulation.landscape import PRESETS, Landscape
from dgm.simulation.loop import Happening, Setting, simulate

__all__ = ["PRESETS", "Course", "Happening", "Landscape", "Point", "Setting", "simulate"]
