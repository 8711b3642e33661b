"""`pianogenie devices` and `pianogenie models`: what there is to play on and with."""

import os

import click

from pianogenie.errors import UserError
from pianogenie.model import DEFAULT_MODEL, load_card, shipped_models
from pianogenie.stderr import silent_stderr


@click.command()
def devices() -> None:
    """List MIDI ports, gamepads and audio outputs."""
    from pianogenie.outputs.midi_port import list_ports

    _section("MIDI outputs", [f"{p.name}  ({p.api_name})" for p in list_ports()])
    _section("MIDI inputs", [f"{p.name}  ({p.api_name})" for p in list_ports(inputs=True)])
    _section("Gamepads", _gamepads())
    _section("Audio outputs", _audio_outputs())


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The cards as JSON.")
def models(as_json: bool) -> None:
    """List the models that ship, with their cards."""
    cards = []
    for folder in shipped_models():
        try:
            cards.append((folder, load_card(folder)))
        except UserError as error:
            click.echo(f"pianogenie: {error}", err=True)
    if as_json:
        import json

        click.echo(json.dumps([card for _, card in cards], indent=2))
        return
    for folder, card in cards:
        name = card["name"] + ("  (the default)" if folder.name == DEFAULT_MODEL else "")
        click.echo(click.style(name, bold=True))
        for field, value in card.items():
            if field not in ("name", "format", "sha256"):
                click.echo(f"  {field.replace('_', ' ')}: {_flat(value)}")
        click.echo(f"  folder: {folder}\n")


def _section(title: str, lines: list[str]) -> None:
    click.echo(click.style(title, bold=True))
    for line in lines or ["none"]:
        click.echo(f"  {line}")


def _gamepads() -> list[str]:
    import pygame

    os.environ.setdefault("SDL_JOYSTICK_ALLOW_BACKGROUND_EVENTS", "1")
    try:
        pygame.joystick.init()
        return [pygame.joystick.Joystick(i).get_name() for i in range(pygame.joystick.get_count())]
    except pygame.error:
        return []
    finally:
        pygame.joystick.quit()


def _audio_outputs() -> list[str]:
    import pygame
    from pygame._sdl2 import audio  # pygame-ce's only way to the list of devices

    try:
        with silent_stderr():  # ALSA's library tells at length that there is no sound card
            pygame.mixer.init()
        return audio.get_audio_device_names(False)
    except pygame.error:
        return []
    finally:
        pygame.mixer.quit()


def _flat(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_flat(v)}" for k, v in value.items())
    if isinstance(value, list):
        return "; ".join(_flat(v) for v in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
