"""Tools for models and protocols of your own: checks of arguments, and arrays that cannot be changed.

Apart from public names, the models of `bargaining_models` use only this module of the library. Every check takes the
name of the argument and raises `InvalidInput` with it.

Examples
--------
>>> from bargaining.authoring import real, within
>>> within(real([0.0, 0.15], "r", ndim=1), "r", 0.0, 1.0)
array([0.  , 0.15])
>>> within(real(1.5, "r"), "r", 0.0, 1.0)
Traceback (most recent call last):
bargaining.errors.InvalidInput: `r` must lie in [0, 1]; got 1.5. A percentage? Divide it by 100: 0.015.
"""

from __future__ import annotations

from bargaining._arguments import choice, flag, listed, player_index, whole
from bargaining._arrays import Floats, discounts, per_player, real, record, scalar, within
from bargaining._files import file_name, write_whole
from bargaining._rich import Result, Shown

__all__ = [
    "Floats",
    "Result",
    "Shown",
    "choice",
    "discounts",
    "file_name",
    "flag",
    "listed",
    "per_player",
    "player_index",
    "real",
    "record",
    "scalar",
    "whole",
    "within",
    "write_whole",
]
