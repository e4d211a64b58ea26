"""A churn score: the probability that a customer leaves within some months, learned on one day.

Two kinds. "logistic": every feature pushes the odds of leaving up or down by a fixed factor, whatever the
others are. "boosting": many small trees, each mending the errors of those before (histogram gradient boosting);
it finds thresholds and combinations by itself, and needs more customers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from clvhelpers.churn.behaviour import ChurnSet
from clvhelpers.errors import DataContractError, NotEnoughDataError
from clvhelpers.purchases import one_of
from clvhelpers.text import count, day, number, percent
from clvhelpers.threads import one_thread

if TYPE_CHECKING:
    from clvhelpers.churn.judging import ScoreCheck
    from clvhelpers.plots.look import Picture

KINDS = ("logistic", "boosting")
FEWEST = 30
DIGITS = 9  # sums of floating-point numbers may differ in the last digits between machines


@dataclass(frozen=True, eq=False)
class ChurnScore:
    """A fitted score of a `kind`, what it was learned from (`training`) and the model of scikit-learn in it."""

    kind: str
    training: ChurnSet = field(repr=False)
    model: Any = field(repr=False)
    seed: int

    @property
    def features(self) -> tuple[str, ...]:
        return self.training.features

    @cached_property
    def frame(self) -> pd.DataFrame:
        """What each feature does to the risk, strongest first.

        Logistic: `feature`, `odds_ratio` (what a standard deviation more, or a word, does to the odds of leaving)
        and `weight`, its logarithm. Boosting: `feature` and `weight`, by how much the log loss of the training
        grows when the feature is shuffled.
        """
        if self.kind == "logistic":
            return _odds_ratios(self.model).round(DIGITS)
        rows, left = _learned_from(self.training)
        with one_thread():
            return _shuffled(self.model, rows, left, self.seed).round(DIGITS)

    def predict(self, features: pd.DataFrame) -> pd.Series:
        """The probability of leaving of each row, with the index of `features`.

        `features` comes from `behaviour_features` or is the `frame` of a `ChurnSet`; other columns are ignored.
        """
        missing = [name for name in self.features if name not in features]
        if missing:
            raise DataContractError(f"the score needs {', '.join(map(repr, missing))}, which the features lack")
        given, learned = features[list(self.features)], self.training.frame
        words = [name for name in given if _is_number(learned[name]) and not _is_number(given[name])]
        if words:
            raise DataContractError(f"{', '.join(map(repr, words))} holds words, and the score learned from numbers")
        if given.empty:
            return pd.Series([], index=features.index, dtype=float, name="probability")
        with one_thread():
            risk = self.model.predict_proba(_plain(given))[:, 1]
        return pd.Series(risk.round(DIGITS), index=features.index, name="probability")

    def check(self, later: ChurnSet, bins: int = 10) -> "ScoreCheck":
        """The score on customers of a later day; see `judging.check_score`."""
        from clvhelpers.churn.judging import check_score

        return check_score(self, later, bins)

    def sentence(self) -> str:
        """What it was learned from and what counts most, in words."""
        strongest = self.frame.iloc[0]["feature"]
        return (
            f"The {self.kind} score learned from {count(len(self.training.frame), 'customer')} of "
            f"{day(self.training.cut)}, of whom {percent(self.training.base_rate)} left by "
            f"{day(self.training.label_end)}. What tells it most is {strongest}."
        )

    def plot(self) -> "Picture":
        """The features that tell most."""
        from clvhelpers.plots.churn import score_features

        return score_features(self)


def fit_churn_score(training: ChurnSet, kind: str = "logistic", seed: int = 0) -> ChurnScore:
    """Learn who leaves from the customers of one day; the same data and `seed` give the same score.

    Numbers are scaled to their standard deviation and missing ones filled with the median (logistic) or left
    missing (boosting); words become a column each. The trees are few and small on purpose: 100 of them, eight
    leaves each, fifty customers in a leaf.

    Raises `NotEnoughDataError` where nobody or everybody left, or fewer than 30 did.

    >>> import datetime as dt
    >>> rng = np.random.default_rng(1)
    >>> hours = rng.gamma(2, 5, 400)
    >>> frame = pd.DataFrame({"hours": hours, "left": rng.random(400) < 1 / (1 + np.exp(hours / 5))})
    >>> score = fit_churn_score(ChurnSet(frame, ("hours",), dt.date(2025, 3, 31), dt.date(2025, 6, 30)))
    >>> score.predict(pd.DataFrame({"hours": [1.0, 20.0]})).round(2).tolist()
    [0.43, 0.01]
    """
    one_of(kind, KINDS, "kind")
    check_classes(training, FEWEST)
    rows, left = _learned_from(training)
    words = [str(name) for name in rows if rows[name].dtype == object]
    model = _logistic(rows, words) if kind == "logistic" else _boosting(rows, words, seed)
    with one_thread():
        model.fit(rows, left)
    return ChurnScore(kind, training, model, seed)


def check_classes(found: ChurnSet, fewest: int = 1) -> None:
    """Refuse a label that has one class, or too few of one to learn from."""
    leavers = int(found.frame["left"].sum())
    stayers = len(found.frame) - leavers
    all_customers = count(len(found.frame), "customer")
    who = f"of {all_customers} on {day(found.cut)}, {number(leavers)} left by {day(found.label_end)}"
    if not leavers or not stayers:
        raise NotEnoughDataError(
            f"{who}: the label has one class, and a score needs both to tell them apart; take a "
            f"{'longer' if not leavers else 'shorter'} horizon or another cut"
        )
    if min(leavers, stayers) < fewest:
        raise NotEnoughDataError(
            f"{who} and {number(stayers)} stayed: at least {fewest} of each are needed; take another cut or horizon"
        )


def _learned_from(training: ChurnSet) -> tuple[pd.DataFrame, np.ndarray]:
    return _plain(training.frame[list(training.features)]), training.frame["left"].to_numpy(dtype=bool)


def _plain(features: pd.DataFrame) -> pd.DataFrame:
    """Numbers as floats and everything else as words, so that both kinds read the same on every engine."""
    return pd.DataFrame(
        {
            name: values.astype(float)
            if _is_number(values)
            else values.astype(object).where(values.notna(), "(none)").map(str).astype(object)
            for name, values in features.items()
        },
        index=features.index,
    )


def _is_number(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values)


def _logistic(rows: pd.DataFrame, words: Sequence[str]) -> Any:
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = [name for name in rows if name not in words]
    fill = SimpleImputer(strategy="median", keep_empty_features=True)
    prepare = make_column_transformer(
        (make_pipeline(fill, StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), list(words)),
        verbose_feature_names_out=False,
    )
    return make_pipeline(prepare, LogisticRegression(C=1.0, max_iter=1000))


def _boosting(rows: pd.DataFrame, words: Sequence[str], seed: int) -> Any:
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    encode = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    prepare = make_column_transformer((encode, list(words)), remainder="passthrough", verbose_feature_names_out=False)
    trees = HistGradientBoostingClassifier(
        max_iter=100,
        learning_rate=0.05,
        max_leaf_nodes=8,
        min_samples_leaf=50,
        early_stopping=False,
        categorical_features=list(range(len(words))) or None,
        random_state=seed,
    )
    return make_pipeline(prepare, trees)


def _odds_ratios(model: Any) -> pd.DataFrame:
    weight = model[-1].coef_[0]
    found = pd.DataFrame({"feature": model[0].get_feature_names_out(), "odds_ratio": np.exp(weight), "weight": weight})
    return found.sort_values("weight", key=abs, ascending=False, kind="stable", ignore_index=True)


def _shuffled(model: Any, rows: pd.DataFrame, left: np.ndarray, seed: int) -> pd.DataFrame:
    from sklearn.inspection import permutation_importance

    done = permutation_importance(model, rows, left, scoring="neg_log_loss", n_repeats=3, random_state=seed)
    found = pd.DataFrame({"feature": list(rows), "weight": done.importances_mean})
    return found.sort_values("weight", ascending=False, kind="stable", ignore_index=True)
