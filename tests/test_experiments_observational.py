"""Effects without randomisation on data whose truth is known: where each method is right, and how it fails."""

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
import statsmodels.api as sm
from statsmodels.stats.meta_analysis import combine_effects
from statsmodels.treatment.treatment_effects import TreatmentEffect

import clvhelpers as clv
from clvhelpers.errors import ConfigError, ExperimentError, NotEnoughDataError, PostTreatmentCovariateError
from clvhelpers.experiments.attempts import between_variance

SEEN = ["size", "complaints_before", "visits_before"]
BEFORE = [f"revenue_{month}_before" for month in range(6, 0, -1)]
AFTER = [f"revenue_{month}_after" for month in range(1, 4)]
KNOWN: dict[str, Any] = {"treated": "called", "measured_at": "before"}


def simulated(seed: int, number: int = 2000, unseen: float = 0.0, strength: float = 1.0) -> pd.DataFrame:
    """Customers who were called the more the higher their risk; the call is worth 4 + `risk`."""
    random = np.random.default_rng(seed)
    risk, mood, plan = random.normal(size=number), random.normal(size=number), random.choice(["a", "b"], number)
    score = strength * risk + unseen * mood - 0.5 * (plan == "b")
    called = (random.random(number) < 1 / (1 + np.exp(-score))).astype(int)
    spend = 50 - 8 * risk - 6 * unseen * mood + 3 * (plan == "b") + (4 + risk) * called + random.normal(0, 5, number)
    return pd.DataFrame({"called": called, "risk": risk, "plan": plan, "spend": spend, "gain": 4 + risk})


@pytest.fixture(scope="module")
def desk() -> Any:
    return clv.load_experiment("not_randomised")


def row(result: Any) -> pd.Series:
    return result.frame.iloc[-1]


def test_regression_is_that_of_statsmodels_with_hc2() -> None:
    frame = simulated(1)
    called, plan = frame["called"], (frame["plan"] == "b").astype(float)
    for on, who in (("treated", frame["called"] == 1), ("all", slice(None))):
        risk, second = frame["risk"] - frame.loc[who, "risk"].mean(), plan - plan[who].mean()
        columns = np.column_stack([called, risk, second, called * risk, called * second])
        fit = sm.OLS(frame["spend"], sm.add_constant(columns)).fit(cov_type="HC2", use_t=True)
        found = row(clv.experiments.regression_effect(frame, "spend", covariates=["risk", "plan"], on=on, **KNOWN))
        assert found["difference"] == pytest.approx(fit.params["x1"], rel=1e-9)
        assert found["standard_error"] == pytest.approx(fit.bse["x1"], rel=1e-9)
        assert [found["low"], found["high"]] == pytest.approx(fit.conf_int().loc["x1"].tolist(), rel=1e-9)


def test_weighting_is_that_of_statsmodels_with_its_errors() -> None:
    """Errors of statsmodels are those of its generalised method of moments for the same equations."""
    frame = simulated(2)
    columns = sm.add_constant(np.column_stack([frame["risk"], frame["plan"] == "b"]).astype(float))
    logit = sm.Logit(frame["called"], columns).fit(disp=False)
    outcome = sm.OLS(frame["spend"], columns)
    reference = TreatmentEffect(outcome, frame["called"].to_numpy(), results_select=logit)
    for on, group in (("treated", 1), ("all", "all")):
        fit = reference.ipw(return_results=True, effect_group=group, disp=False)
        found = row(
            clv.experiments.weighted_effect(frame, "spend", covariates=["risk", "plan"], on=on, trim=0, **KNOWN)
        )
        assert found["difference"] == pytest.approx(fit.results_gmm.params[0], rel=1e-5)
        assert found["standard_error"] == pytest.approx(fit.results_gmm.bse[0], rel=1e-5)


@pytest.mark.parametrize(
    ("method", "on"), [("regression_effect", "treated"), ("weighted_effect", "treated"), ("weighted_effect", "all")]
)
def test_with_all_causes_seen_both_methods_find_the_truth(method: str, on: str) -> None:
    covered, off = 0, []
    for seed in range(100, 116):
        frame = simulated(seed, 600)
        truth = frame.loc[(frame["called"] == 1) | (on == "all"), "gain"].mean()
        found = getattr(clv.experiments, method)(frame, "spend", covariates=["risk", "plan"], on=on, **KNOWN)
        covered += row(found)["low"] <= truth <= row(found)["high"]
        off.append(row(found)["difference"] - truth)
        assert found.frame["high"].iloc[0] < truth  # not adjusted: customers at risk spend less
    assert covered >= 13
    assert abs(np.mean(off)) < 3.5 * np.std(off) / np.sqrt(len(off))


def test_an_unseen_cause_fools_both_and_the_sentence_says_so(desk: Any) -> None:
    truth = desk.truth["revenue_att"]
    for method in ("regression_effect", "weighted_effect"):
        for covariates in (SEEN, [*SEEN, "revenue_before"]):
            found = getattr(clv.experiments, method)(desk.frame, "revenue", covariates=covariates, **KNOWN)
            assert row(found)["high"] < truth
            assert found.frame["difference"].iloc[0] < row(found)["difference"]  # a part of it is mended
            assert "Nobody was randomised" in found.sentence()
            assert "can't test" in found.sentence()


def test_a_constant_unseen_cause_drops_out_of_a_difference_of_differences(desk: Any) -> None:
    found = clv.experiments.difference_in_differences(desk.frame, treated="called", before=BEFORE, after=AFTER)
    assert row(found)["low"] < desk.truth["revenue_per_month_att"] < row(found)["high"]
    assert found.parallel
    assert found.drift_low < 0 < found.drift_high
    assert "nobody can see" in found.sentence()


def test_robustness_is_that_published_for_darfur() -> None:
    """Cinelli & Hazlett (2020), table 1: estimate 0.097, error 0.023, t 4.18, 783 degrees of freedom: 13.9%."""
    assert clv.experiments.adjustment.robustness_value(4.184, 783) == pytest.approx(0.139, abs=5e-4)
    assert clv.experiments.adjustment.robustness_value(0, 783) == 0


def test_the_robustness_of_an_effect_is_what_an_unseen_cause_needs() -> None:
    """A cause with just that partial R2 with both, made by hand, brings the adjusted effect to 0."""
    random = np.random.default_rng(44)
    frame = simulated(4).assign(gain=0)
    frame["spend"] = 50 - 8 * frame["risk"] + 2 * frame["called"] + random.normal(0, 5, len(frame))
    base = sm.add_constant(frame[["risk"]])
    r2 = clv.experiments.adjustment.robustness_value(
        float(sm.OLS(frame["spend"], base.assign(called=frame["called"])).fit().tvalues["called"]), len(frame) - 3
    )
    d = sm.OLS(frame["called"], base).fit().resid
    y = sm.OLS(frame["spend"], base.assign(called=frame["called"])).fit().resid
    noise = sm.OLS(random.normal(size=len(frame)), base.assign(called=frame["called"], y=y)).fit().resid
    unit = {name: values / np.sqrt((values**2).sum()) for name, values in {"d": d, "y": y, "noise": noise}.items()}
    on_outcome = np.sqrt(r2 * (1 - r2))  # so that the partial R2 with the outcome given the treatment is r2
    cause = np.sqrt(r2) * unit["d"] + on_outcome * unit["y"] + np.sqrt(1 - r2 - on_outcome**2) * unit["noise"]
    full = sm.OLS(frame["spend"], base.assign(called=frame["called"], cause=cause)).fit()
    assert full.params["called"] == pytest.approx(0, abs=1e-6)


def test_groups_that_do_not_overlap_are_not_compared() -> None:
    frame = simulated(5).assign(called=lambda rows: (rows["risk"] > 0).astype(int))
    for method in ("regression_effect", "weighted_effect"):
        with pytest.raises(NotEnoughDataError, match="risk tell exactly who was treated"):
            getattr(clv.experiments, method)(frame, "spend", covariates=["risk"], **KNOWN)
    thin = simulated(6, 600, strength=7)
    with pytest.raises(NotEnoughDataError, match=r"hardly overlap|don't overlap"):
        clv.experiments.weighted_effect(thin, "spend", covariates=["risk"], **KNOWN)


def test_units_without_others_like_them_are_left_out_and_regression_counts_them() -> None:
    frame = simulated(7, 6000, strength=2.2)
    found = clv.experiments.weighted_effect(frame, "spend", covariates=["risk", "plan"], **KNOWN)
    groups = found.groups.set_index("group")
    assert groups.loc["treated", "left_out"] > 100
    assert groups["units"].sum() + groups["left_out"].sum() == len(frame)
    assert groups.loc["others", "effective"] < 0.5 * groups.loc["others", "units"]
    assert f"{groups['left_out'].sum()} units; the effect is that on who remains" in found.sentence()
    assert found.overlap[["treated", "others"]].to_numpy().sum() == len(frame)
    lines = clv.experiments.regression_effect(frame, "spend", covariates=["risk", "plan"], **KNOWN)
    assert lines.alone == groups.loc["treated", "left_out"]
    assert f"{lines.alone} units of the treated" in lines.sentence()


def test_straight_lines_mislead_where_the_outcome_is_bent_and_weights_then_do_better() -> None:
    frame = simulated(8, 6000).drop(columns="gain")
    frame["spend"] = np.exp(1.2 * frame["risk"]) + 4 * frame["called"]
    lines = clv.experiments.regression_effect(frame, "spend", covariates=["risk"], **KNOWN)
    weights = clv.experiments.weighted_effect(frame, "spend", covariates=["risk"], **KNOWN)
    assert row(lines)["low"] > 4
    assert abs(row(weights)["difference"] - 4) < abs(row(lines)["difference"] - 4)


def test_balance_and_effective_units_are_what_weights_make_of_them() -> None:
    frame = simulated(9)
    found = clv.experiments.weighted_effect(frame, "spend", covariates=["risk", "plan"], trim=0, **KNOWN)
    by_hand = frame.groupby("called")["risk"].agg(["mean", "var"])
    gap = (by_hand["mean"].iloc[1] - by_hand["mean"].iloc[0]) / np.sqrt(by_hand["var"].mean())
    assert found.balance.set_index("covariate").loc["risk", "before"] == pytest.approx(gap)
    assert found.balance["after"].abs().max() < 0.1 < found.balance["before"].abs().max()
    assert found.groups["effective"].iloc[0] == pytest.approx(frame["called"].sum())
    assert "alike in the columns" in found.sentence()


def test_what_came_after_the_treatment_is_refused(desk: Any) -> None:
    when = {"complaints_before": "before", "visits_after": "2025-08-01"}
    for method in ("regression_effect", "weighted_effect"):
        with pytest.raises(PostTreatmentCovariateError, match="'visits_after' was measured after"):
            getattr(clv.experiments, method)(
                desk.frame, "revenue", treated="called", covariates=list(when), measured_at=when
            )
        with pytest.raises(ConfigError, match="when were 'visits_before' measured"):
            getattr(clv.experiments, method)(desk.frame, "revenue", treated="called", covariates=["visits_before"])


def test_every_engine_gives_the_same(desk: Any) -> None:
    frame = desk.frame
    for engine in (pl.from_pandas(frame).lazy(), duckdb.from_df(frame)):
        for method in ("regression_effect", "weighted_effect"):
            here, there = (
                row(getattr(clv.experiments, method)(data, "retained", covariates=SEEN, **KNOWN))["difference"]
                for data in (frame, engine)
            )
            assert there == pytest.approx(here, rel=1e-9)
        found = clv.experiments.difference_in_differences(engine, treated="called", before=BEFORE, after=AFTER)
        assert found.periods["period"].tolist() == [*BEFORE, *AFTER]


def test_differences_are_those_of_a_regression_with_errors_clustered_by_unit() -> None:
    random = np.random.default_rng(10)
    called, level = random.random(300) < 0.4, random.normal(0, 5, 300)
    months = {f"m{i}": 20 + level + i + 3 * called * (i > 1) + random.normal(0, 2, 300) for i in range(4)}
    frame = pd.DataFrame({"called": called, **months})
    found = row(
        clv.experiments.difference_in_differences(frame, treated="called", before=["m0", "m1"], after=["m2", "m3"])
    )
    long = frame.reset_index().melt(["index", "called"], list(months), "month", "spend")
    later = long["month"].isin(["m2", "m3"]).astype(float)
    columns = np.column_stack([long["called"], later, long["called"] * later]).astype(float)
    fit = sm.OLS(long["spend"], sm.add_constant(columns)).fit(cov_type="cluster", cov_kwds={"groups": long["index"]})
    assert found["difference"] == pytest.approx(fit.params["x3"], rel=1e-9)
    assert found["standard_error"] == pytest.approx(fit.bse["x3"], rel=0.01)


def test_groups_that_were_not_parallel_get_no_effect(desk: Any) -> None:
    drifting = desk.frame.assign(
        **{name: desk.frame[name] - 6 * place * desk.frame["called"] for place, name in enumerate([*BEFORE, *AFTER])}
    )
    found = clv.experiments.difference_in_differences(
        drifting, treated="called", before=BEFORE, after=AFTER, outcome="revenue", currency="USD"
    )
    assert found.parallel is False
    assert "no effect is stated" in found.sentence()
    assert found.shown(row(found)["difference"]) not in found.sentence()
    assert row(found)["high"] < desk.truth["revenue_per_month_att"]
    one = clv.experiments.difference_in_differences(drifting, treated="called", before=BEFORE[-1:], after=AFTER)
    assert one.parallel is None
    assert "can't even be tested" in one.sentence()


def test_who_was_called_for_one_bad_month_comes_back_by_itself_and_the_months_before_tell() -> None:
    random = np.random.default_rng(11)
    months = {f"m{i}": 100 + random.normal(0, 10, 3000) for i in range(5)}
    frame = pd.DataFrame({**months, "called": (months["m3"] < 95).astype(int)})
    blind = clv.experiments.difference_in_differences(frame, treated="called", before=["m3"], after=["m4"])
    assert row(blind)["low"] > 10  # of an effect that is 0
    seeing = clv.experiments.difference_in_differences(
        frame, treated="called", before=["m0", "m1", "m2", "m3"], after=["m4"]
    )
    assert seeing.parallel is False


def test_every_problem_of_the_customers_is_named(desk: Any) -> None:
    frame = desk.frame.assign(
        revenue=desk.frame["revenue"].mask(desk.frame.index < 3),
        size=desk.frame["size"].mask(desk.frame.index == 5),
        called=desk.frame["called"] * 2,
        country="US",
    )
    with pytest.raises(ExperimentError) as caught:
        clv.experiments.regression_effect(frame, "revenue", covariates=["size", "country", "exposed_at"], **KNOWN)
    assert [problem[:44] for problem in caught.value.problems] == [
        "'called' holds 2: expected 1 for who was tre",
        "'revenue' is missing or infinite for 3 units",
        "the covariate 'size' is missing for 1 unit: ",
        "the covariate 'country' is US for every unit",
        "the covariate 'exposed_at' is 2025-07-01 00:",
    ]


def test_impossible_requests_are_refused(desk: Any) -> None:
    frame, effect, panel = (
        desk.frame,
        clv.experiments.weighted_effect,
        clv.experiments.difference_in_differences,
    )
    with pytest.raises(ConfigError, match="'revenue' is named twice"):
        effect(frame, "revenue", covariates=["revenue"], **KNOWN)
    with pytest.raises(ConfigError, match=r"covariates is \[\]"):
        effect(frame, "revenue", covariates=[], **KNOWN)
    with pytest.raises(ConfigError, match=r"trim is 0\.6"):
        effect(frame, "revenue", covariates=SEEN, trim=0.6, **KNOWN)
    with pytest.raises(ConfigError, match="on is 'some': expected one of 'treated', 'all'"):
        effect(frame, "revenue", covariates=SEEN, on="some", **KNOWN)
    with pytest.raises(ExperimentError, match="no column 'spend'"):
        effect(frame, "spend", covariates=SEEN, **KNOWN)
    with pytest.raises(ExperimentError, match="one follows from the others"):
        effect(frame.assign(double=2 * frame["visits_before"]), "revenue", covariates=[*SEEN, "double"], **KNOWN)
    endless = frame.assign(visits_before=frame["visits_before"].astype(float).replace(0, np.inf))
    with pytest.raises(ExperimentError, match="'visits_before' is infinite"):
        effect(endless, "revenue", covariates=SEEN, **KNOWN)
    with pytest.raises(ExperimentError, match="'customer_id' holds 4,000 labels"):
        effect(frame, "revenue", covariates=["customer_id"], **KNOWN)
    with pytest.raises(ExperimentError, match="'called' is 1 for every unit"):
        effect(frame[frame["called"] == 1], "revenue", covariates=SEEN, **KNOWN)
    with pytest.raises(ExperimentError, match="'revenue' is 7 for every unit"):
        effect(frame.assign(revenue=7), "revenue", covariates=SEEN, **KNOWN)
    with pytest.raises(NotEnoughDataError, match=r"only .* with called 1"):
        effect(frame.head(40), "revenue", covariates=SEEN, **KNOWN)
    with pytest.raises(ConfigError, match="'revenue_1_before' is named twice"):
        panel(frame, treated="called", before=BEFORE, after=BEFORE[-1:])
    with pytest.raises(ConfigError, match=r"after is \[\]"):
        panel(frame, treated="called", before=BEFORE, after=[])
    with pytest.raises(NotEnoughDataError, match=r"only .* with called 1"):
        panel(frame.head(40), treated="called", before=BEFORE, after=AFTER)


def tried(effects: Any, errors: Any, design: str = "randomised") -> list[dict[str, Any]]:
    return [
        {"name": f"t{i}", "design": design, "effect": e, "standard_error": s, "cost": 1.0, "customers": 100}
        for i, (e, s) in enumerate(zip(effects, errors, strict=True))
    ]


def test_the_spread_of_true_effects_is_that_of_statsmodels() -> None:
    effect, variance = np.array([3.0, 0.5, 2.2, 7.0, 1.1]), np.array([1.0, 0.25, 0.5, 4.0, 0.3])
    reference = combine_effects(effect, variance, method_re="dl")
    assert between_variance(effect, variance) == pytest.approx(reference.tau2)
    table = clv.experiments.attempts_table(tried(effect, np.sqrt(variance)))
    assert table.mean == pytest.approx(reference.mean_effect_re)
    assert table.spread == pytest.approx(np.sqrt(reference.tau2))


def test_the_best_of_many_had_luck_and_the_table_takes_it_off() -> None:
    random = np.random.default_rng(12)
    raw, expected, covered, raw_covered = [], [], [], []
    for _ in range(30):
        truth, error = random.normal(1, 1, 10), random.uniform(0.5, 2, 10)
        table = clv.experiments.attempts_table(tried(random.normal(truth, error), error)).frame
        best = table.loc[table["effect"].idxmax()]
        true = truth[int(best["attempt"][1:])]
        raw.append(best["effect"] - true)
        expected.append(best["shrunk"] - true)
        raw_covered.append(best["low"] <= true <= best["high"])
        covered.append(abs(best["shrunk"] - true) <= 1.96 * best["shrunk_error"])
    assert np.mean(raw) > 1
    assert abs(np.mean(expected)) < 0.35 * np.mean(raw)
    assert np.mean(covered) > 0.9 > np.mean(raw_covered)


def test_verdicts_follow_the_evidence() -> None:
    attempts = [
        {"name": "call", "design": "chosen", "effect": 50.0, "standard_error": 0.1, "cost": 1, "customers": 10},
        {"name": "sale", "design": "before-after", "effect": 9.0, "cost": 1.0, "customers": 100},
        {"name": "mail", "design": "hold-out", "effect": 3.0, "standard_error": 0.5, "cost": 1.0, "customers": 100},
        {"name": "gift", "design": "randomised", "effect": 3.0, "standard_error": 0.5, "cost": 5.0, "customers": 100},
        {"name": "lock", "design": "randomised", "effect": 2.0, "standard_error": 1.5, "cost": 1.0, "customers": 100},
        {"name": "poll", "design": "randomised", "effect": 2.0, "cost": 1.0, "customers": 100},
    ]
    table = clv.experiments.attempts_table(attempts)
    verdict = table.frame.set_index("attempt")["verdict"].to_dict()
    assert verdict == {
        "mail": "worked",
        "lock": "can't tell",
        "gift": "did not",
        "sale": "can't tell",
        "call": "can't tell",
        "poll": "can't tell",
    }
    assert table.frame["attempt"].tolist() == ["mail", "lock", "gift", "sale", "call", "poll"]
    assert table.frame["net_value"].tolist()[:3] == [200.0, 100.0, -200.0]
    assert table.frame["net_value"].isna().tolist() == [False, False, False, True, True, True]
    assert "fewer than 4 strong attempts" in table.sentence()
    assert "1 worked, 1 did not, 4 can't tell" in table.sentence()
    with_more = clv.experiments.attempts_table([*attempts, *tried([4.0, 1.0], [0.5, 0.5])])
    assert "is to be expected" in with_more.sentence()


def test_a_comparison_of_the_package_can_be_given_for_effect_and_error() -> None:
    email = clv.load_experiment("email").frame
    comparison = clv.experiments.compare_means(email, "revenue")
    attempt = {"name": "e-mail", "design": "hold-out", "comparison": comparison, "cost": 0.2, "customers": 8400}
    one = row(clv.experiments.attempts_table([attempt | {"value": 0.4}]))
    assert one["effect"] == pytest.approx(0.4 * comparison.frame["difference"].iloc[0])
    assert one["standard_error"] == pytest.approx(0.4 * comparison.frame["standard_error"].iloc[0])


def test_every_problem_of_the_attempts_is_named() -> None:
    with pytest.raises(ExperimentError) as caught:
        clv.experiments.attempts_table(
            [
                {"name": "a", "design": ["guess"], "effect": 1.0, "cost": -1, "customers": 10},
                {"name": "b", "design": "chosen", "cost": 1.0, "customer": 5},
                {"name": "c", "design": "randomised", "effect": 1, "standard_error": 0, "cost": 1, "customers": 5},
            ]
        )
    assert [problem[:31] for problem in caught.value.problems] == [
        "a: design is ['guess']: expecte",
        "a: cost is -1: expected a numbe",
        "b: 'customers' is missing",
        "b: 'effect' is missing",
        "b: 'customer' is not known: exp",
        "c: standard_error is 0: expecte",
    ]
    with pytest.raises(ExperimentError, match="no attempts"):
        clv.experiments.attempts_table([])
    with pytest.raises(ConfigError, match=r"certainty is 1\.5"):
        clv.experiments.attempts_table(tried([1.0], [1.0]), certainty=1.5)


def test_figures_say_what_they_show(desk: Any) -> None:
    lines = clv.experiments.regression_effect(desk.frame, "revenue", covariates=SEEN, currency="USD", **KNOWN)
    weights = clv.experiments.weighted_effect(desk.frame, "revenue", covariates=SEEN, **KNOWN)
    panel = clv.experiments.difference_in_differences(desk.frame, treated="called", before=BEFORE, after=AFTER)
    table = clv.experiments.attempts_table(tried([4.0, 2.0, 0.2, 3.0], [0.5, 0.5, 0.2, 2.0]))
    pictures = {
        "Adjusting for what was seen turns -$60.54 into -$10.64": lines.plot(),
        "of the two distributions overlap": weights.plot(),
        "The largest difference goes from 0.53 to 0.03": weights.plot_balance(),
        "The groups ran parallel before the treatment": panel.plot(),
        "revenue_1_after: 28.31": panel.plot_gaps(),
        "2 of 4 randomised attempts were worth their cost": table.plot(),
    }
    for words, picture in pictures.items():
        assert words in picture.alt
        assert picture.figure.axes[0].get_title(loc="left")
    weak = clv.experiments.attempts_table(tried([1.0], [1.0], "chosen"))
    with pytest.raises(ConfigError, match="no attempt has strong evidence"):
        weak.plot()
