"""A display that stalls does not stall the stream."""

from __future__ import annotations

import multiprocessing
import threading

from streamsnn.player.messages import Note, Preparing, Quit, Totals
from streamsnn.player.worker import _Line


def test_telling_never_waits_for_somebody_who_does_not_listen() -> None:
    window, engine = multiprocessing.get_context("spawn").Pipe()
    line = _Line(engine)
    told = threading.Event()

    def tell() -> None:
        for number in range(20_000):
            line.tell(Totals({"number": number, "padding": "x" * 500}))
            line.tell(Preparing("something", 0.5))
        line.tell(Note("the last word"))
        assert line.take(wait=False) is None
        told.set()

    # A daemon, so that a failure does not hang the tests.
    threading.Thread(target=tell, daemon=True).start()
    assert told.wait(60)
    received = []
    while window.poll(0):
        received.append(window.recv())
        line.take(wait=False)
    assert received[0] == Totals({"number": 0, "padding": "x" * 500})
    assert received[-1] == Note("the last word")
    assert 10 < len(received) < 2_000
    window.close()
    assert isinstance(line.take(wait=True), Quit)
