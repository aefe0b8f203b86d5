"""The spikes: rasters, rates and costs that are right, and rows that can be picked."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from stage import Stage, has, picture, press, rgb

from streamsnn.gui.spike_view import SpikeView
from streamsnn.gui.theme import DARK, LIGHT
from streamsnn.player.screen import RECORDS
from streamsnn.types import Hearing

LAYERS = {"first": 20, "second": 500}


def staged(size: tuple[int, int] = (520, 400), **stage: object) -> tuple[Stage, SpikeView]:
    made, view = Stage(**({"layers": LAYERS} | stage)), SpikeView()  # type: ignore[arg-type]
    made.show(view, size=size)
    return made, view


def test_rates_and_costs_are_means_of_the_newest_second() -> None:
    stage, view = staged()
    stage.play(300, spikes={"first": range(20)}, operations=10**6)
    stage.play(100, spikes={"first": (1, 2), "second": (7,)}, operations=500)
    stage.refresh()
    assert view.numbers.spikes_hz == pytest.approx((200, 100))
    assert view.numbers.operations_hz == pytest.approx(50_000)
    assert view.numbers.power_w == pytest.approx(50_000 * 0.9e-12)


def test_numbers_change_four_times_a_second_at_most() -> None:
    stage, view = staged()
    stage.play(100, spikes={"first": (1,)})
    stage.refresh(10**9)
    stage.play(100)
    stage.refresh(10**9 + 240_000_000)
    assert view.numbers.spikes_hz[0] == pytest.approx(100)
    stage.refresh(10**9 + 250_000_000)
    assert view.numbers.spikes_hz[0] == 0


def test_a_model_that_does_not_count_says_so() -> None:
    stage, view = staged()
    stage.play(10, operations=None)
    stage.refresh()
    assert np.isnan(view.numbers.operations_hz)
    picture(view)


def test_a_spike_is_painted_in_the_row_of_its_neuron_at_its_time() -> None:
    stage, view = staged()
    stage.play(400)
    stage.write(spikes={"first": (15,)})
    stage.play(99)
    stage.refresh()
    areas = view.areas()
    background = np.array(rgb(DARK.panel))
    first = areas[0]
    shot = picture(view).astype(int)[int(first.top()) : int(first.bottom()), int(first.left()) : int(first.right())]
    bluish = shot[:, :, 2] - background[2] > 80
    rows, columns = np.nonzero(bluish)
    assert rows.mean() == pytest.approx(15.5 / 20 * first.height(), abs=2)
    # The spike came 1 s before the end of 5 s.
    assert columns.mean() == pytest.approx(0.8 * first.width(), abs=3)
    second = areas[1]
    shot = picture(view).astype(int)[int(second.top()) : int(second.bottom()), int(second.left()) : int(second.right())]
    assert not (shot[:, :, 2] - background[2] > 80).any()


@pytest.mark.parametrize(("layer", "neuron"), [(0, 0), (0, 19), (1, 0), (1, 250), (1, 499)])
def test_a_click_picks_the_neuron_of_the_row(layer: int, neuron: int) -> None:
    stage, view = staged()
    stage.play(10)
    stage.refresh()
    picked: list[tuple[str, int]] = []
    view.neuronPicked.connect(lambda *pick: picked.append(pick))
    name, neurons = list(LAYERS.items())[layer]
    area = view.areas()[layer]
    press(view, (area.center().x(), area.top() + (neuron + 0.5) / neurons * area.height()))
    assert picked == [(name, neuron)]
    press(view, (area.center().x(), area.top() - 5))
    assert len(picked) == 1


def test_what_goes_in_cannot_be_picked() -> None:
    stage, view = staged(hearing=Hearing(channels=70))
    stage.play(10)
    stage.refresh()
    assert [name for name, _ in stage.layout.layers] == ["ear", "first", "second"]
    areas = view.areas()
    assert view.neuron_at(areas[0].center()) is None
    assert view.neuron_at(areas[1].center() + QPointF(0, 1)) == (1, 10)


def test_probes_are_marked() -> None:
    stage, view = staged()
    stage.play(10)
    stage.refresh()
    assert not has(picture(view), DARK.category(0))
    view.set_probes((("second", 400), ("no such layer", 1)))
    rows, columns = np.nonzero((picture(view) == np.array(rgb(DARK.category(0)))).all(axis=2))
    area = view.areas()[1]
    assert rows.mean() == pytest.approx(area.top() + 0.8 * area.height(), abs=2)
    assert columns.max() < area.left()


def test_a_stall_a_clear_and_a_hidden_time_do_no_harm() -> None:
    stage, view = staged()
    stage.play(RECORDS + 10, spikes={"first": (1,)})
    assert stage.refresh().missed > 0
    assert view.numbers.spikes_hz[0] == pytest.approx(100)
    view.clear()
    assert view.numbers.spikes_hz == (0, 0)
    picture(view)
    stage.play(50, spikes={"first": (1, 2)})
    stage.seen = stage.screen.steps_written
    stage.write(spikes={"first": (1, 2)})
    stage.refresh(10**13)
    assert view.numbers.spikes_hz[0] == pytest.approx(200)


@pytest.mark.parametrize("size", [(320, 240), (200, 80), (3840, 2160)])
@pytest.mark.parametrize("layers", [{}, {"one": 1}, {f"layer {n}": 40 * n + 1 for n in range(8)}])
def test_any_size_and_any_layers(layers: dict[str, int], size: tuple[int, int]) -> None:
    stage, view = staged(size, layers=layers)
    picture(view)
    stage.play(20, spikes=dict.fromkeys(layers, (0,)))
    stage.refresh()
    view.neuron_at(QPointF(50, 50))
    view.use_theme(LIGHT)
    assert has(picture(view), LIGHT.panel)
