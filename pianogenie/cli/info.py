"""`pianogenie devices`: what there is to play on."""

import click

from pianogenie.stderr import silent_stderr


@click.command()
def devices() -> None:
    """List MIDI ports, gamepads and audio outputs."""
    from pianogenie.midi_ports import list_ports
    from pianogenie.profiles import NO_PROFILE, profile_of_port

    def with_profile(port_name: str) -> str:
        name, profile = profile_of_port(port_name)
        soft_ms, loud_ms = profile.latency.soft_ms, profile.latency.loud_ms
        late = f", sounds after {loud_ms:g} to {soft_ms:g} ms" if soft_ms or loud_ms else ""
        return f"{late}, profile {name}" if name != NO_PROFILE else ""

    _section("MIDI outputs", [f"{p.name}  ({p.api_name}){with_profile(p.name)}" for p in list_ports()])
    _section("MIDI inputs", [f"{p.name}  ({p.api_name})" for p in list_ports(inputs=True)])
    _section("Gamepads", _gamepads())
    _section("Audio outputs", _audio_outputs())


def _section(title: str, lines: list[str]) -> None:
    click.echo(click.style(title, bold=True))
    for line in lines or ["none"]:
        click.echo(f"  {line}")


def _gamepads() -> list[str]:
    import pygame

    from pianogenie.inputs.gamepads import layout_of, start_sdl_gamepads
    from pianogenie.settings import load

    learnt = load()[0].gamepad
    try:
        start_sdl_gamepads()
        lines = []
        for index in range(pygame.joystick.get_count()):
            pad = pygame.joystick.Joystick(index)
            known = layout_of(index, pad, learnt, 1)[1]
            lines.append(pad.get_name() + ("" if known else "  (not known; `pianogenie map gamepad` teaches it)"))
        return lines
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
