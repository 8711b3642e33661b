"""The painter's process: what counts as hanging, and what is done about it."""

import os
import signal

import pytest

from pianogenie.window.painter_process import PainterProcess
from pianogenie.window.stage import Stage


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="a process cannot be stopped here")
def test_a_painter_that_hangs_is_replaced_but_not_one_that_waits_for_the_display():
    with Stage.create(8) as stage:
        process = PainterProcess(stage)
        process.start(0.0)
        try:
            first = process.pid
            os.kill(first, signal.SIGSTOP)
            stage.painter_waits = True
            for now in (30, 61, 122):
                process.watch(now)
                assert process.pid == first
            stage.painter_waits = False
            process.watch(140)
            assert process.pid == first
            process.watch(200)
            second = process.pid
            assert second != first and not os.path.exists(f"/proc/{first}/exe")
            os.kill(second, signal.SIGSTOP)
            process.watch(300)
            assert process.pid is None, "it has had its lives"
        finally:
            process.stop()
