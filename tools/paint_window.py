"""Paint the README's picture: the window at a moment of the demo, as the shipped model plays it.

python tools/paint_window.py --out docs/pictures/window.png
"""

import click
import pygame

from pianogenie.demo import demo_performance
from pianogenie.files import written_whole
from pianogenie.genie import Genie
from pianogenie.model import DEFAULT_MODEL, load_model
from pianogenie.offline import perform
from pianogenie.window.picture import paint_moment


@click.command()
@click.option("--out", required=True)
@click.option("--model", default=DEFAULT_MODEL, show_default=True)
@click.option("--at", default=17.6, show_default=True, help="The moment, in seconds.")
@click.option("--seed", default=5, show_default=True, help="Of the demo and of the genie.")
@click.option("--size", nargs=2, type=int, default=(1280, 720), show_default=True)
def main(out: str, model: str, at: float, seed: int, size: tuple[int, int]) -> None:
    """Write the picture as a PNG."""
    loaded = load_model(model, with_encoder=False)
    performance = demo_performance(at + 5, seed, loaded.num_buttons)
    notes = perform(performance, Genie(loaded, seed=seed))
    events = sorted([*performance.events, *notes], key=lambda event: event.time)
    status = f"{loaded.name} · piano · recording"
    picture = paint_moment(events, at, size, loaded.num_buttons, status)
    with written_whole(out) as path:
        pygame.image.save(picture, path)


if __name__ == "__main__":
    main()
