"""`pianogenie devices`: what there is to play on."""

import click

from pianogenie.stderr import silent_stderr


@click.command()
def devices() -> None:
    """List MIDI ports, gamepads and audio outputs."""
    from pianogenie.midi_ports import list_ports
    from pianogenie.profiles import NO_PROFILE, profile_of_port

    def with_profile(port_name: str) -> str:
        profile = profile_of_port(port_name)[0]
        return f", profile {profile}" if profile != NO_PROFILE else ""

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
