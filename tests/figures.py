"""What tests of figures share."""

from clvhelpers.plots.look import Picture


def title_of(picture: Picture) -> str:
    """The title in one line; a long one is wrapped."""
    return " ".join(picture.figure.axes[0].get_title(loc="left").split())
