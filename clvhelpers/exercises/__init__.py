"""The exercises of the lessons: `check` an answer, ask for a `hint`, read the `solution`.

A lesson numbered NN has a module `lesson_NN.py` here with three names: `PARAMETERS`, the teaching
case, `LIMITS`, the lowest and highest value of each parameter with which the lesson can be worked
out, and `EXERCISES`, a list of `Exercise`. Nothing else is to be
registered: the module is found and read when its lesson starts.
"""

from clvhelpers.exercises.base import Exercise, Mistake, Verdict, check, hint, solution, start_lesson

__all__ = ["Exercise", "Mistake", "Verdict", "check", "hint", "solution", "start_lesson"]
