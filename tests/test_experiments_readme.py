"""The page of the experiments names every function that there is, and none that there is not. Its examples run."""

import re
from pathlib import Path

from clvhelpers import experiments

PAGE = (Path(experiments.__file__).parent / "README.md").read_text()
SUMS = {"arm_counts", "arm_sums", "false_alarm_rate"}  # what others are made of; nobody's question


def test_the_table_of_questions_holds_every_function_and_only_those() -> None:
    questions = PAGE.partition("## Which function")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(\w+)(?=[`(])", questions))
    functions = {name for name in experiments.__all__ if name.islower()}
    assert named == functions - SUMS
