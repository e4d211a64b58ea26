"""Were the arms alike before the experiment, and does the comparison find nothing where there is nothing?

Customers assigned by chance are alike in all that was known of them before, up to chance. `balance` compares what was
known; `aa_check` splits customers by chance many times and compares the halves, which must differ "significantly"
in 5% of the splits and no more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd
from scipy.special import chdtrc

from clvhelpers.errors import ConfigError, ExperimentError, NotEnoughDataError
from clvhelpers.experiments.arms import ArmSums, Array, arm_sums
from clvhelpers.experiments.sample_ratio import DOUBTFUL, FAILED, VERDICTS
from clvhelpers.experiments.units import MeasuredAt, When, refuse_post_treatment
from clvhelpers.experiments.words import shown_p
from clvhelpers.purchases import Frame, as_frame, rows_of
from clvhelpers.text import number, plain

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

MOST_LABELS = 50
FEWEST_UNITS = 10
NOTABLE = 0.1  # of a standard deviation, by custom (Austin 2009)
Levels = dict[str, list[Any]]


@dataclass(frozen=True, eq=False)
class Balance:
    """How alike the arms were before exposure.

    `frame` has a row for each covariate (for labels: each `label`) and arm but the control: `covariate, label, arm,
    control_mean, mean, difference, standardised_difference` (in standard deviations within arms). `tests` has a row for
    each covariate: `covariate, statistic, degrees_of_freedom, p_value`; the last, "all together", is the joint test
    that counts, for among many covariates some differ by chance.
    """

    frame: pd.DataFrame
    tests: pd.DataFrame

    @property
    def p_value(self) -> float:
        """Of all covariates together: the chance of arms as unlike as these, if chance alone assigned them."""
        return float(self.tests["p_value"].iloc[-1])

    @property
    def verdict(self) -> str:
        """ "passed", "look into it" (joint p below 0.01) or "failed" (below 0.001)."""
        return VERDICTS[int(self.p_value < DOUBTFUL) + int(self.p_value < FAILED)]

    @property
    def passed(self) -> bool:
        """Whether the joint test did not fail; "look into it" passes."""
        return self.verdict != "failed"

    def sentence(self) -> str:
        """Whether the arms were alike, and where they differ most."""
        far = self.frame.iloc[int(self.frame["standardised_difference"].abs().argmax())]
        most = (
            f"The largest difference is in {row_name(far)}: {plain(far['mean'])} in {far['arm']} and "
            f"{plain(far['control_mean'])} in the control, {number(abs(far['standardised_difference']), 2)} standard "
            "deviations"
        )
        joint = f"joint test of {len(self.tests) - 1}: {shown_p(self.p_value)}"
        return f"{_SAID[self.verdict]} ({joint}). {most}."

    def plot(self) -> "Picture":
        """The standardised difference of each covariate and label."""
        from clvhelpers.plots.experiments_soundness import love_plot

        return love_plot(self)


_SAID = {
    "passed": "Before exposure the arms were as alike as chance makes them",
    "look into it": "Before exposure the arms were less alike than in 99 of 100 sound tests: look into it",
    "failed": "Before exposure the arms were unlike already, beyond chance: find out how they were assigned",
}


def balance(
    frame: Any,
    covariates: Sequence[str],
    *,
    arm: str = "arm",
    control: str = "control",
    measured_at: MeasuredAt = None,
    exposed_at: When = "exposed_at",
) -> Balance:
    """Compare what was known of the units before exposure: means, standardised differences and a joint test.

    `frame` of any engine with one row a unit; `covariates` are columns of numbers, of true and false, or of labels (a
    missing label counts as one). `measured_at` says when each was measured (see `refuse_post_treatment`): after
    exposure a difference may be the effect. The statistic is N - 1 times the share of the covariates' joint variance
    that lies between arms; chi-squared with (arms - 1) x (columns that aren't sums of others) degrees of freedom if
    chance assigned the arms.

    Raises `PostTreatmentCovariateError`, what `arm_sums` raises, `ExperimentError` for a covariate that does not vary
    within arms, `NotEnoughDataError` for too few units, `ConfigError` for too many labels.
    Sources: Hansen & Bowers (2008), Statistical Science 23, 219-236; Austin (2009), Statistics in Medicine 28,
    3083-3107.

    >>> rng = np.random.default_rng(1)
    >>> units = pd.DataFrame({"arm": ["control", "offer"] * 200, "orders": rng.poisson(3, 400)})
    >>> found = balance(units, ["orders"], measured_at="before")
    >>> found.verdict, found.tests["covariate"].to_list()
    ('passed', ['orders', 'all together'])
    """
    if not covariates:
        raise ConfigError("covariates is empty: name columns that were measured before exposure")
    refuse_post_treatment(frame, covariates, measured_at, exposed_at)
    rows = as_frame(frame, "the experiment")
    levels = _levels(rows, covariates)
    columns, wide = _columns(rows, covariates, levels, arm)
    sums = arm_sums(wide.to_native(), [name for names in columns.values() for name in names], arm=arm, control=control)
    _check(sums, columns)
    tests = [{"covariate": name} | joint_test(sums, _kept(names)) for name, names in columns.items()]
    kept = [name for names in columns.values() for name in _kept(names)]
    tests.append({"covariate": "all together"} | joint_test(sums, kept))
    return Balance(_frame(sums, columns, levels), pd.DataFrame(tests))


def row_name(row: "pd.Series[Any]") -> str:
    """A covariate, with its label where it has labels."""
    return str(row["covariate"]) if not row["label"] else f"{row['covariate']}: {row['label']}"


def _levels(rows: Frame, covariates: Sequence[str]) -> Levels:
    """The labels of each covariate that is not of numbers."""
    schema = rows.collect_schema()
    missing = [name for name in covariates if name not in schema]
    if missing:
        raise ExperimentError([f"no column {name!r}: the frame has {', '.join(map(repr, schema))}" for name in missing])
    labelled = [name for name in covariates if not (schema[name].is_numeric() or schema[name] == nw.Boolean)]
    found = {
        name: [row[name] for row in rows_of(rows.select(name).unique().head(MOST_LABELS + 1))] for name in labelled
    }
    many = [name for name, labels in found.items() if len(labels) > MOST_LABELS]
    if many:
        raise ConfigError(
            f"{', '.join(map(repr, many))} has more than {MOST_LABELS} labels: join the rare ones or use numbers"
        )
    return {name: sorted(labels, key=lambda label: (_is_missing(label), str(label))) for name, labels in found.items()}


def _few_labels(rows: Frame, name: str) -> list[Any]:
    return [row[name] for row in rows_of(rows.select(name).unique().head(MOST_LABELS + 1))]


def _columns(rows: Frame, covariates: Sequence[str], levels: Levels, arm: str) -> tuple[dict[str, list[str]], Frame]:
    """The columns of numbers that stand for each covariate, and the frame with them: 0 or 1 for each label."""
    columns, made = {}, {}
    for i, name in enumerate(covariates):
        if name not in levels:
            columns[name] = [name]
            continue
        columns[name] = [f"clv_{i}_{j}" for j in range(len(levels[name]))]
        for label, column in zip(levels[name], columns[name], strict=True):
            test = nw.col(name).is_null() if _is_missing(label) else (nw.col(name) == label).fill_null(False)
            made[column] = nw.when(test).then(nw.lit(1)).otherwise(nw.lit(0))
    numeric = [name for name in covariates if name not in levels]
    return columns, rows.select(arm, *numeric, **made)


def _is_missing(label: Any) -> bool:
    return label is None or label != label or label is pd.NaT


def _kept(names: list[str]) -> list[str]:
    """All columns of a covariate but the last label, which is what the others leave."""
    return names[:-1] if len(names) > 1 else names


def _check(sums: ArmSums, columns: Mapping[str, list[str]]) -> None:
    few = [f"{name} {n}" for name, n in sums.units.items() if n < FEWEST_UNITS]
    if few:
        raise NotEnoughDataError(f"an arm needs {FEWEST_UNITS} units to be compared with another: {', '.join(few)}")
    same = [name for name, parts in columns.items() if all(_deviation(sums, part) == 0 for part in parts)]
    if same:
        raise ExperimentError(
            f"{', '.join(map(repr, same))} is the same for all units of an arm: leave it out or look how it was made"
        )


def _deviation(sums: ArmSums, column: str) -> float:
    """The standard deviation within arms, each arm counting alike."""
    return float(np.sqrt(np.mean([sums.covariance(name, column, column) for name in sums.arms])))


def _between_and_all(sums: ArmSums) -> tuple[Array, Array]:
    """Sums of squares and products of the columns between arms, and over all units."""
    n = np.array(list(sums.units.values()), dtype=float)
    means = np.array(list(sums.means.values()))
    off = means - n @ means / n.sum()
    between = (off.T * n) @ off
    within = sum((sums.units[name] - 1) * sums.covariances[name] for name in sums.arms)
    return between, between + within


def joint_test(sums: ArmSums, names: Sequence[str]) -> dict[str, float]:
    """The test that chance assigned the arms, on some of the columns: `statistic, degrees_of_freedom, p_value`."""
    places = [sums.columns.index(name) for name in names]
    between, whole = (part[np.ix_(places, places)] for part in _between_and_all(sums))
    scale = np.sqrt(np.diag(whole))
    scale[scale == 0] = 1
    whole, between = whole / np.outer(scale, scale), between / np.outer(scale, scale)
    rank = int(np.linalg.matrix_rank(whole, hermitian=True, tol=1e-9))
    share = float(np.trace(np.linalg.pinv(whole, hermitian=True, rcond=1e-9) @ between))
    statistic = (sum(sums.units.values()) - 1) * share
    freedom = rank * (len(sums.units) - 1)
    return {"statistic": statistic, "degrees_of_freedom": freedom, "p_value": float(chdtrc(freedom, statistic))}


def _frame(sums: ArmSums, columns: Mapping[str, list[str]], levels: Levels) -> pd.DataFrame:
    rows = []
    for covariate, names in columns.items():
        labels = ["(missing)" if _is_missing(one) else str(one) for one in levels.get(covariate, [])]
        for name, label in zip(names, labels or [""], strict=True):
            control, deviation = sums.mean(sums.control, name), _deviation(sums, name)
            for arm in sums.arms[1:]:
                mean = sums.mean(arm, name)
                rows.append((covariate, label, arm, control, mean, mean - control, (mean - control) / deviation))
    names = ["covariate", "label", "arm", "control_mean", "mean", "difference", "standardised_difference"]
    return pd.DataFrame(rows, columns=names)
