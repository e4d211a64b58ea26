"""What `reports/README.md` says of client files and of monthly runs is what the program does."""

import re
import shlex
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import typer.main
from jsonschema import Draft202012Validator

from clvhelpers.cli import app
from clvhelpers.errors import ConfigError, OutputError
from clvhelpers.reporting import reference
from clvhelpers.reporting.batch import as_of_day
from clvhelpers.reporting.command import bytes_of
from clvhelpers.reporting.config import load_config
from clvhelpers.reporting.config.strict_yaml import read_yaml
from clvhelpers.reporting.starter import write_starter
from tests.reports.small import CLIENT, ORDERS, write_client

ROOT = Path(__file__).parents[2]
README = (ROOT / "reports" / "README.md").read_text(encoding="utf-8")
TABLE = "transactions:\n  source: orders.csv\n"
MORE = {
    "a list of files": (TABLE, "transactions:\n  source: [orders.csv, orders*.csv]\n"),
    "a database": (
        TABLE,
        "transactions:\n  database:\n    postgres: postgresql://reader@db.test/shop\n    password: env:SHOP\n"
        "    table: orders\n",
    ),
    "a day and a language": ("currency: GBP", "currency: GBP\nas_of: 2026-06-30\nlanguage: de-CH"),
    "rates": ("economics:", "rules:\n  zero_amount: keep\n  currencies:\n    EUR: 1.17\n    USD: 1\neconomics:"),
    "a message": ("currency: GBP", "currency: GBP\nemail:\n  to: [ann@acme.test, bob@acme.test]"),
    "small groups": ("currency: GBP", "currency: GBP\nprivacy:\n  minimum_group: 1\nsections:\n  cohorts: false"),
}
WRONG = {
    "a misspelt key": ("currency:", "curency:"),
    "a misspelt key in a block": ("gross_margin", "margin"),
    "a key too many": ("currency: GBP", "currency: GBP\nbrand:\n  colour: red"),
    "a missing block": (CLIENT[CLIENT.index("transactions:") : CLIENT.index("economics:")], ""),
    "a number as text": ("0.4", "'0.4'"),
    "a percentage": ("0.4", "40"),
    "a currency in small letters": ("GBP", "gbp"),
    "a folder as a name": ("client: acme", "client: ../acme"),
    "a rule that is none": ("economics:", "rules:\n  no_date: keep\neconomics:"),
    "one address in place of a list": ("currency: GBP", "currency: GBP\nemail:\n  to: ann@acme.test"),
    "a number in words": ("currency: GBP", "currency: GBP\nprivacy:\n  minimum_group: many"),
    "a secret in plain words": (TABLE, TABLE + "  access:\n    token: hunter2\n"),
}


def schema_problems(path: Path) -> list[str]:
    """What an editor would underline in a client file."""
    values, _ = read_yaml(path)
    return [error.message for error in Draft202012Validator(reference.client_schema()).iter_errors(values)]


class TestReference:
    def test_the_table_in_the_readme_is_fresh(self) -> None:
        assert reference.with_table(README) == README, "run: make reference"

    def test_the_schema_is_fresh(self) -> None:
        assert reference.SCHEMA.read_text(encoding="utf-8") == reference.schema_text(), "run: make reference"
        Draft202012Validator.check_schema(reference.client_schema())

    def test_every_key_says_what_it_is_for(self) -> None:
        keys = list(reference.keys())
        assert len({key.path for key in keys}) == len(keys) > 70
        assert all(key.kind and key.meaning for key in keys)
        found = {key.path: key for key in keys}
        assert found["transactions.source"].kind == "text or list"
        assert (found["email.to"].kind, found["email.to"].default) == ("list", "needed")
        assert found["rules.zero_amount"].kind == "set_aside, keep or refuse"
        assert found["sections.cohorts"] == reference.Key(
            "sections.cohorts", "true or false", "true", "how many customers come back"
        )

    def test_a_readme_without_the_marks_is_refused(self) -> None:
        with pytest.raises(OutputError, match="once each"):
            reference.with_table("# Reports\n")


class TestSchema:
    def test_the_client_file_of_the_project_is_valid(self) -> None:
        assert schema_problems(ROOT / "reports" / "clients" / "cdnow.yml") == []

    def test_a_new_client_file_with_its_questions_answered_is_valid(self, tmp_path: Path) -> None:
        (tmp_path / "orders.csv").write_text(ORDERS, encoding="utf-8")
        path, _ = write_starter(str(tmp_path / "acme"), tmp_path / "orders.csv")
        assert len(schema_problems(path)) == 1  # the currency is asked for, and empty
        text = path.read_text(encoding="utf-8").replace("currency:  #", "currency: EUR  #")
        path.write_text(text, encoding="utf-8")
        assert schema_problems(path) == []

    @pytest.mark.parametrize("case", MORE)
    def test_it_takes_what_a_client_file_may_hold(self, tmp_path: Path, case: str) -> None:
        path = write_client(tmp_path, CLIENT.replace(*MORE[case]))
        load_config(path)
        assert schema_problems(path) == []

    @pytest.mark.parametrize("case", WRONG)
    def test_it_refuses_what_the_program_refuses(self, tmp_path: Path, case: str) -> None:
        path = write_client(tmp_path, CLIENT.replace(*WRONG[case]))
        with pytest.raises(ConfigError):
            load_config(path)
        assert schema_problems(path) != []


def fence(language: str, start: str) -> str:
    """The one block of code in the README in a language that begins in a given way."""
    (found,) = re.findall(rf"^```{language}\n({re.escape(start)}.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
    return str(found)


def options(line: str) -> dict[str, Any]:
    """What the command line makes of `clv report` in a line of a shell; an unknown option is an error."""
    words = list(shlex.shlex(line, posix=True, punctuation_chars=True))
    words = words[next(place for place, word in enumerate(words) if word in ("clv", ".venv/bin/clv")) + 1 :]
    end = next((place for place, word in enumerate(words) if set(word) <= set("&|;<>()")), len(words))
    commands = typer.main.get_command(app)
    assert words[0] == "report"
    return dict(commands.commands["report"].make_context("report", words[1:end]).params)  # type: ignore[attr-defined]


def check_options(found: dict[str, Any]) -> None:
    assert found["clients"] == [Path("reports/clients")]
    assert found["timeout"] > 0
    assert bytes_of(found["memory"])


CRON_FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def is_cron(fields: list[str]) -> bool:
    """Whether these are the five fields of a time in cron: minute, hour, day, month, day of the week."""
    parts = [
        (int(number), low, high)
        for field, (low, high) in zip(fields, CRON_FIELDS, strict=True)
        for number in re.findall("[0-9]+", field)
    ]
    shape = re.compile(r"(\*|[0-9]+(-[0-9]+)?)(/[0-9]+)?(,[0-9]+(-[0-9]+)?)*")
    return all(map(shape.fullmatch, fields)) and all(low <= number <= high for number, low, high in parts)


class TestScheduling:
    @pytest.fixture
    def workflow(self, tmp_path: Path) -> dict[str, Any]:
        path = tmp_path / "reports.yml"
        path.write_text(fence("yaml", "name: reports\n"), encoding="utf-8")
        return read_yaml(path)[0]

    @pytest.fixture
    def steps(self, workflow: dict[str, Any]) -> list[dict[str, Any]]:
        (job,) = workflow["jobs"].values()
        assert set(job) <= {"name", "runs-on", "timeout-minutes", "steps", "env", "permissions"}
        assert job["runs-on"] == "ubuntu-latest"
        return list(job["steps"])

    def test_the_workflow_runs_each_month_and_by_hand(self, workflow: dict[str, Any]) -> None:
        assert set(workflow) <= {"name", "on", "permissions", "concurrency", "env", "defaults", "jobs"}
        assert {"on", "jobs"} <= set(workflow)
        assert set(workflow["on"]) == {"schedule", "workflow_dispatch"}
        (time,) = workflow["on"]["schedule"]
        fields = time["cron"].split()
        assert is_cron(fields)
        assert "*" not in fields[:3]

    def test_each_step_is_one_that_github_knows(self, steps: list[dict[str, Any]]) -> None:
        for step in steps:
            assert ("uses" in step) != ("run" in step)
            assert set(step) <= {"name", "id", "if", "uses", "with", "run", "env"}
            assert "with" not in step or "uses" in step
            assert re.fullmatch(
                r"actions/(checkout|setup-python|upload-artifact)@v[0-9]+", step.get("uses", "actions/checkout@v4")
            )
            assert "${{" not in step.get("run", ""), "a value reaches a shell through `env` and never as code"
        (python,) = [step for step in steps if "setup-python" in step.get("uses", "")]
        assert python["with"] == {"python-version": "3.11"}

    def test_its_commands_exist(self, steps: list[dict[str, Any]]) -> None:
        lines = [line for step in steps for line in step.get("run", "").splitlines()]
        targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert [line.split()[1] in targets for line in lines if line.startswith("make ")] == [True]
        (found,) = [options(line) for line in lines if ".venv/bin/clv" in line]
        check_options(found)
        (step,) = [step for step in steps if ".venv/bin/clv" in step.get("run", "")]
        assert found["as_of"] == "$AS_OF"
        assert "|| 'last-month-end' }}" in step["env"]["AS_OF"]

    def test_failures_are_kept_too_and_the_next_run_finds_the_earlier_reports(
        self, steps: list[dict[str, Any]]
    ) -> None:
        upload = steps[-1]
        assert upload["uses"].startswith("actions/upload-artifact@")
        assert upload["if"] == "always()"
        (restore,) = [step["run"] for step in steps if "gh run download" in step.get("run", "")]
        assert f"--name {upload['with']['name']} --dir {upload['with']['path']}" in restore
        assert f"artifacts?name={upload['with']['name']}&" in restore

    def test_the_line_for_cron_is_one(self) -> None:
        line = fence("crontab", "MAILTO=").splitlines()[1]
        fields, command = line.split(maxsplit=5)[:5], line.split(maxsplit=5)[5]
        assert is_cron(fields)
        assert "%" not in command, "cron takes a percent sign for the end of the line"
        found = options(command)
        check_options(found)
        assert as_of_day(found["as_of"], date(2026, 7, 2)) == date(2026, 6, 30)

    def test_what_is_no_time_in_cron_is_told_apart(self) -> None:
        assert not is_cron(["60", "4", "2", "*", "*"])
        assert not is_cron(["30", "4", "monthly", "*", "*"])
        assert is_cron(["*/15", "0-6", "1,15", "*", "7"])

    def test_the_command_by_itself(self) -> None:
        assert options(fence("sh", "clv report"))["as_of"] == "last-month-end"
