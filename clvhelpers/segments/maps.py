"""The maps from scores to groups, as tables: edit a copy, or a CSV file of one, and pass it to `rfm_groups`."""

import pandas as pd

GROUP_COLUMNS = ["group", "r_min", "r_max", "f_min", "f_max", "m_min", "m_max", "action"]
_CHAMPIONS = "Thank them, ask for referrals and reviews, show new things first. Do not discount."
_LOYAL = "Offer what goes with their last order, and membership. Keep the rhythm."
_POTENTIAL = "Bring the next order forward: a reminder timed to their usual gap, one clear next product."
_NEW = "Welcome them and win the second order: it is the step that most never take."
_AT_RISK = "Win them back now, the most valuable first, with a personal reason to return. Test it on a part."
_LOST = "Spend little: one cheap win-back message, then leave them out of paid campaigns."
_SHORT = [
    ("Champions", 4, 5, 4, 5, 1, 5, _CHAMPIONS),
    ("Loyal", 3, 3, 4, 5, 1, 5, _LOYAL),
    ("Loyal", 3, 5, 3, 3, 1, 5, _LOYAL),
    ("Potential", 3, 5, 2, 2, 1, 5, _POTENTIAL),
    ("New", 3, 5, 1, 1, 1, 5, _NEW),
    ("At Risk", 1, 2, 3, 5, 1, 5, _AT_RISK),
    ("At Risk", 2, 2, 2, 2, 1, 5, _AT_RISK),
    ("Lost", 1, 1, 2, 2, 1, 5, _LOST),
    ("Lost", 1, 2, 1, 1, 1, 5, _LOST),
]

_ELEVEN = {
    "Champions": ("555 554 544 545 454 455 445", _CHAMPIONS),
    "Loyal": ("543 444 435 355 354 345 344 335", _LOYAL),
    "Potential Loyalist": (
        "553 551 552 541 542 533 532 531 452 451 442 441 431 453 433 432 423 353 352 351 342 341 333 323",
        _POTENTIAL,
    ),
    "New": ("512 511 422 421 412 411 311", _NEW),
    "Promising": (
        "525 524 523 522 521 515 514 513 425 424 413 414 415 315 314 313",
        "They spend well and have just begun: show what else there is, and make the next order easy.",
    ),
    "Need Attention": (
        "535 534 443 434 343 334 325 324",
        "Good customers who slow down: ask why, and give a reason to order within their usual gap.",
    ),
    "About to Sleep": (
        "331 321 312 221 213 231 241 251",
        "One reminder of what they liked, before the silence gets long. No large discount: they spend little.",
    ),
    "At Risk": (
        "255 254 245 244 253 252 243 242 235 234 225 224 153 152 145 143 142 135 134 133 125 124",
        _AT_RISK,
    ),
    "Cannot Lose": (
        "155 154 144 214 215 115 114 113",
        "They spent much and went silent: call, or write by hand. Few customers, so it costs little.",
    ),
    "Hibernating": (
        "332 322 233 232 223 222 132 123 122 212 211",
        "A cheap message when there is something new of the kind that they bought.",
    ),
    "Lost": ("111 112 121 131 141 151", _LOST),
}


def default_groups() -> pd.DataFrame:
    """The short map: six groups with an action each, as ranges of scores; edit a copy and pass it on.

    A group may take several rows. The default looks at R and F only, so that it is the same with and
    without money; a client who wants money in it narrows `m_min` and `m_max`.

    >>> default_groups()["group"].unique().tolist()
    ['Champions', 'Loyal', 'Potential', 'New', 'At Risk', 'Lost']
    """
    return pd.DataFrame(_SHORT, columns=GROUP_COLUMNS)


def eleven_groups() -> pd.DataFrame:
    """The long map: eleven groups, which look at money too, as 125 rows of one code each.

    The codes are those of the widely copied map on the help pages of Squeezely (now Spotler); the actions
    are ours. It needs amounts. Six groups are what a reader remembers: use this one beside them.

    >>> groups = eleven_groups()
    >>> len(groups), groups["group"].nunique()
    (125, 11)
    """
    rows = [
        (group, *(int(digit) for digit in code for _ in ("min", "max")), action)
        for group, (codes, action) in _ELEVEN.items()
        for code in codes.split()
    ]
    return pd.DataFrame(rows, columns=GROUP_COLUMNS)
