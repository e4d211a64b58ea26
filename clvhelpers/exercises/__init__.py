"""The exercises of the lessons: `check` an answer, ask for a `hint`, read the `solution`.

A lesson numbered NN has a module `lesson_NN.py` here with three names: `PARAMETERS`, the teaching
case, `LIMITS`, the lowest and highest value of each parameter with which the lesson can be worked
out, and `EXERCISES`, a list of `Exercise`. A lesson that reads orders has `company` and `client` among its
parameters, for `clv.open_company`, with the limits ("cdnow", "lumen") and `ANY_TEXT`; an exercise that the
data of a company don't allow raises NotEnoughDataError in its `answer`, with what is missing. Nothing else
is to be registered: the module is found and read when its lesson starts.
"""

from clvhelpers.exercises.base import ANY_TEXT, Exercise, Mistake, Verdict, check, hint, solution, start_lesson

__all__ = ["ANY_TEXT", "Exercise", "Mistake", "Verdict", "check", "hint", "solution", "start_lesson"]
