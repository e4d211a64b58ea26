"""The figure of who moved between groups."""

from typing import TYPE_CHECKING

import numpy as np

from clvhelpers.plots.look import INK, SEQUENTIAL, Picture, canvas, title
from clvhelpers.text import number, percent

if TYPE_CHECKING:
    from clvhelpers.segments import Migration


def migration_matrix(moves: "Migration") -> Picture:
    """The share of each group (rows) in each group afterwards, with the expected one in brackets below.

    Bold are the cells that differ from the expected share by more than chance.
    """
    shares = moves.shares.dropna(how="all")
    rows, columns, values = list(shares.index), list(shares.columns), shares.to_numpy()
    sizes = moves.counts.sum(axis="columns")
    with canvas(figsize=(max(5.8, 2.0 + 0.62 * len(columns)), 1.7 + 0.42 * len(rows))) as (figure, axes):
        image = axes.pcolormesh(values, cmap=SEQUENTIAL, vmin=0, vmax=1, edgecolors="white", linewidth=1)
        for row, before in enumerate(rows):
            for column, after in enumerate(columns):
                share = float(values[row, column])
                if np.isnan(share):
                    continue
                look = {"color": "white" if image.norm(share) < 0.55 else INK, "ha": "center", "fontsize": 8}
                words, weight = _words(moves, before, after)
                axes.text(column + 0.5, row + 0.5, words, va="center", fontweight=weight, linespacing=1.1, **look)
        axes.set_xticks(np.arange(len(columns)) + 0.5, [name.replace(" ", "\n", 1) for name in columns], fontsize=8)
        axes.set_yticks(np.arange(len(rows)) + 0.5, [f"{name} ({number(sizes[name])})" for name in rows])
        axes.set_ylim(len(rows), 0)
        axes.set_xlabel("group afterwards")
        axes.set_ylabel("group before (customers)")
        axes.grid(False)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        finding = f"{percent(moves.moved, 0)} changed group"
        if moves.moved_expected is not None:
            finding += f"; {percent(moves.moved_expected, 0)} would have if nothing had changed (in brackets)"
        title(axes, finding)
    stay = moves.frame[(moves.frame["before"] == moves.frame["after"]) & moves.frame["share"].notna()]
    cells = [
        f"of {before} {percent(share)} stayed" for before, share in zip(stay["before"], stay["share"], strict=True)
    ]
    return Picture(figure, f"Matrix of moves between groups. {moves.sentence()} Of each group: {', '.join(cells)}.")


def _words(moves: "Migration", before: str, after: str) -> tuple[str, str]:
    """What stands in a cell, and how bold."""
    cell = moves.frame.query("before == @before and after == @after").iloc[0]
    words = percent(cell["share"], 0)
    if moves.expected is None or np.isnan(cell["expected"]):
        return words, "normal"
    return f"{words}\n({percent(cell['expected'], 0)})", "bold" if cell["beyond_chance"] else "normal"
