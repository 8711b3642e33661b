"""What docs/reliability.md lists: a row is some tests, or a reader that is fuzzed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What is tried: by these tests, counted in `unit`, unless a reader is fuzzed."""

    what: str
    unit: str
    tests: tuple[str, ...] = ()
    long: bool = False  # only in --full
    reader: str | None = None


BOOKS, LIMITS = "tests/instrument/test_books.py", "tests/instrument/test_limits.py::TestPort"
SIGNAL = "tests/e2e/test_signals.py::test_a_signal_at_a_"
SOAK = "tests/instrument/test_soak.py::test_a_million_presses_"

SECTIONS: dict[str, list[Row]] = {
    "The books": [
        Row(
            "Presses, releases, pedals, panics, control changes, ports lost and back, shutdowns, in any order, on "
            "every output at once: MIDI ports with each profile that ships and with none, OSC, the piano, the recorder "
            "and the window",
            "orders of up to 50 events",
            (BOOKS,),
        ),
        Row("The same at one port, with any profile", "orders of up to 40 events", (LIMITS,)),
        Row(
            "Any presses, releases and pedals through the Performer",
            "performances",
            ("tests/instrument/test_performer.py::test_the_books_balance",),
        ),
        Row(
            "Whatever a MIDI controller or a gamepad sends, pulled out or not",
            "performances",
            (
                "tests/instrument/test_midi_in.py::test_whatever_a_controller_sends_presses_and_releases_balance",
                "tests/instrument/test_gamepads.py::test_whatever_thumbs_do_presses_and_releases_balance",
            ),
        ),
    ],
    "Soak": [
        Row(
            "Fast play for 5.5 hours of played time",
            "presses",
            (f"{SOAK}leave_nothing_sounding_and_no_memory_taken",),
            long=True,
        ),
        Row(
            "The same through a port with a Disklavier's limits",
            "presses",
            (f"{SOAK}never_break_the_limits_of_a_disklavier",),
            long=True,
        ),
        Row(
            "The same into the recorder's journal, and out of it",
            "presses",
            (f"{SOAK}are_recorded_and_no_memory_taken",),
            long=True,
        ),
        Row(
            "Ten minutes live through JACK, fifty presses a second",
            "presses",
            ("tests/e2e/test_soak_live.py::test_minutes_of_fast_play_through_jack",),
            long=True,
        ),
    ],
    "Faults": [
        *(
            Row(f"{name} at {what} of a demo through JACK, its start included", "sessions", (f"{SIGNAL}{test}",), long)
            for name in ("SIGTERM", "SIGHUP", "SIGINT")
            for what, test, long in (
                ("five random moments", f"random_moment[{name}]", False),
                ("a hundred random moments", f"hundred_random_moments[{name}]", True),
            )
        ),
        Row(
            "SIGKILL, with a receiver that obeys active sensing",
            "sessions",
            ("tests/e2e/test_ports.py::test_active_sensing_is_on_the_wire_and_a_program_that_is_killed_is_silenced",),
        ),
        Row(
            "SIGKILL while recording: the next start brings the recording back",
            "sessions",
            (
                "tests/e2e/test_recording.py::test_what_a_killed_session_played_is_recovered_at_the_next_start_and_said",
                "tests/instrument/test_recorder.py::test_a_killed_session_becomes_a_recording_in_which_every_note_ends",
            ),
        ),
        Row(
            "A port pulled in mid-chord: MIDI out, MIDI in, gamepad",
            "sessions",
            (
                "tests/e2e/test_ports.py::test_a_port_pulled_in_mid_chord_comes_back_with_its_state_put_right",
                "tests/e2e/test_midi_in.py::test_it_plays_is_pulled_out_in_mid_chord_and_plays_again",
                "tests/instrument/test_gamepads.py::test_pulled_out_it_lets_go_and_plugged_in_again_it_plays",
            ),
        ),
        Row(
            "A port out for a quarter of a second; our own port when JACK ends and begins anew; a controller that "
            "falls silent",
            "sessions",
            (
                "tests/e2e/test_ports.py::test_a_port_that_is_out_for_a_quarter_of_a_second_is_missed_and_taken_back",
                "tests/e2e/test_ports.py::test_a_port_of_our_own_is_there_again_when_jack_is",
                "tests/instrument/test_midi_in.py::test_a_controller_that_says_it_is_there_and_falls_silent_lets_go",
            ),
        ),
        Row(
            "A JACK server that stands still while a session ends; while it is played",
            "sessions",
            (
                "tests/e2e/test_jack.py::test_a_server_that_stands_still_at_the_end_is_waited_for",
                "tests/e2e/test_ports.py::test_who_plays_on_while_a_jack_server_stands_still_is_heard_elsewhere",
                "tests/e2e/test_ports.py::"
                "test_a_jack_server_that_stands_still_does_not_keep_a_controller_nor_the_recording",
            ),
        ),
        Row(
            "A full disk under the recorder",
            "sessions",
            (
                "tests/e2e/test_recording.py::test_a_disk_that_is_full_is_said_and_the_session_plays_on",
                "tests/instrument/test_recorder.py::test_a_full_disk_is_said_once_and_what_was_written_is_kept",
            ),
        ),
        Row(
            "A settings file cut in half",
            "places",
            (
                "tests/e2e/test_faults.py::test_a_settings_file_cut_in_half_is_named_with_its_line",
                "tests/instrument/test_settings.py::test_a_file_cut_in_half_is_read_or_refused_and_never_overwritten",
            ),
        ),
        Row(
            "A clock that jumps",
            "sessions",
            (
                "tests/e2e/test_recording.py::test_a_wall_clock_that_jumps_changes_nothing",
                "tests/instrument/test_genie.py::test_a_clock_that_goes_back_is_no_time_at_all",
            ),
        ),
        Row(
            "The display, or the process that paints, goes away",
            "sessions",
            (
                "tests/e2e/test_play.py::test_a_display_that_goes_away_leaves_no_note_sounding_and_the_recording_whole",
                "tests/e2e/test_window_real.py::test_a_painter_that_dies_is_replaced_once_and_the_music_goes_on",
            ),
        ),
        Row(
            "A training is killed, and its disk fills up",
            "sessions",
            ("tests/trainer/test_killed.py", "tests/trainer/test_faults.py"),
            long=True,
        ),
    ],
    "Hostile files": [
        Row("Damaged files of every kind, made by hypothesis", "files", ("tests/fuzz",)),
        Row(
            "Model folders: custom operators, functions, external data, loops, bombs of memory and of time",
            "graphs",
            ("tests/instrument/test_hostile_models.py", "tests/instrument/test_model.py"),
        ),
        Row(
            "Damaged OSC packets",
            "packets",
            ("tests/instrument/test_osc.py::test_no_packet_raises_or_plays_what_is_no_button",),
        ),
        Row(
            "Checkpoints with code in them, that unfold without end, with anything in them",
            "checkpoints",
            ("tests/trainer/test_hostile_checkpoints.py",),
        ),
    ],
}


def fuzz_rows() -> list[Row]:
    from tests.fuzz.targets import TARGETS

    return [Row(f"Fuzzed with atheris: {name}", "files", reader=name, long=True) for name in TARGETS]
