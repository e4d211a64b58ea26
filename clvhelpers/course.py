"""The map of the course: each lesson with the question it answers, its minutes, and whether it is there yet."""

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Lesson:
    """One lesson or case: `minutes` is the reading time with exercises; `ready` says that the notebook exists."""

    number: str
    title: str
    question: str
    minutes: int
    ready: bool = False


LESSONS = (
    Lesson("00", "Start here", "Whom does a list of past revenue rank wrong?", 25, ready=True),
    Lesson("01", "What CLV is, and is not", "Two customers spent $50 each. Are they worth the same?", 35, ready=True),
    Lesson("02", "The formulas", "Which formula fits our kind of business?", 40, ready=True),
    Lesson("03", "Acquisition and payback", "What may we pay for a new customer?", 35, ready=True),
    Lesson("04", "Retention, churn and time", "How long do customers stay, and what is that worth?", 40, ready=True),
    Lesson("05", "From orders to metrics", "Can we trust our order data?", 40, ready=True),
    Lesson("06", "Cohorts", "Are newer customers better than older ones?", 35, ready=True),
    Lesson("07", "RFM", "Whom should we write to this week?", 35, ready=True),
    Lesson("08", "Segments that mean something", "Which customers should we treat differently?", 40, ready=True),
    Lesson("09", "Churn and survival", "Who is about to leave, and is worth keeping?", 40, ready=True),
    Lesson("10", "Predicting purchases and value", "What will each customer buy next year?", 40, ready=True),
    Lesson("11", "Which model, and can you trust it", "Is the forecast better than a simple rule?", 40, ready=True),
    Lesson("12", "A/B tests of retention", "Did the campaign keep customers?", 40, ready=True),
    Lesson(
        "13",
        "Many variants, many segments, no experiment",
        "What worked, when nobody ran a clean test?",
        40,
        ready=True,
    ),
    Lesson("14", "Levers", "What should we do with next year's budget?", 40),
    Lesson("15", "The journey and the voice of the customer", "Do happier customers bring more money?", 35),
    Lesson("16", "Watching it", "How do we notice early that value is falling?", 30),
    Lesson("C1", "Case: streaming", "Which plan should we push, and to whom?", 60),
    Lesson("C2", "Case: online retailer", "Does recommending products pay?", 60),
    Lesson("C3", "Case: software company", "Which plan pays back its sales cost?", 60),
    Lesson("C4", "Case: coffee chain", "Did the stars bring the money, or the regulars?", 60),
    Lesson("C5", "Case: fashion e-mail", "Did the personal e-mails sell more?", 60),
    Lesson("C6", "Case: support desk", "What is a faster answer worth?", 60),
    Lesson("C7", "Case: beauty tiers", "What does a tier cost, and what does it bring?", 60),
    Lesson("C8", "Case: membership and the razor box", "Is the membership fee right?", 60),
    Lesson("C9", "Case: hotel", "How do we fill empty rooms without a loss?", 60),
    Lesson("30", "Your report", "What do our own customers look like?", 30),
)


def course_map() -> pd.DataFrame:
    """One row a lesson, in the order of the course: `lesson`, `title`, `question`, `minutes`, `status`.

    `status` is "ready" for a notebook that is there now and "planned" for one that will come.

    >>> course_map().head(2)[["lesson", "title", "minutes", "status"]].to_dict("records")[1]
    {'lesson': '01', 'title': 'What CLV is, and is not', 'minutes': 35, 'status': 'ready'}
    """
    return pd.DataFrame(
        {
            "lesson": [lesson.number for lesson in LESSONS],
            "title": [lesson.title for lesson in LESSONS],
            "question": [lesson.question for lesson in LESSONS],
            "minutes": [lesson.minutes for lesson in LESSONS],
            "status": ["ready" if lesson.ready else "planned" for lesson in LESSONS],
        }
    )
