"""What `run` and `evaluate` share: options for the way from a sensor to a model's input, and the start of an engine."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

from streamsnn.cli import values
from streamsnn.errors import StreamsnnError

if TYPE_CHECKING:
    from streamsnn.sensor_fit import SensorFit
    from streamsnn.types import Filter, Model, Sensor, Source


def add_stream_options(parser: argparse.ArgumentParser, *, needs_model: bool = True) -> None:
    """--model, --seed, --strict, and what `sensor_of`, `filters_of`, `fit_of` and `fresh_state` read."""
    parser.add_argument(
        "--model",
        required=needs_model,
        metavar="M",
        help="a model's name (see streamsnn models), its folder, or a plug-in package.module:attribute",
    )
    parser.add_argument("--seed", type=values.whole_number, metavar="N", help="seed of stochastic neurons (default 0)")
    group = parser.add_argument_group("from the sensor to the model's input")
    add_filter_option(group)
    group.add_argument(
        "--crop", type=values.rectangle, metavar="X,Y,W,H", help="look only at this part of the sensor, in pixels"
    )
    group.add_argument(
        "--downsample", type=values.count, metavar="N", help="N x N pixels of the sensor become one of the input"
    )
    group.add_argument(
        "--letterbox", action="store_true", help="centre a view that is smaller than the input, with nothing around it"
    )
    group.add_argument(
        "--sensor", type=values.size, metavar="WxH", help="size of the sensor, for files that do not state it"
    )
    group.add_argument("--strict", action="store_true", help="refuse a damaged recording instead of reading around it")


def add_columns(parser: argparse._ActionsContainer) -> None:
    """--columns, for tables that do not tell."""
    parser.add_argument(
        "--columns",
        metavar="C",
        help="what the columns of a table are, as t,x,y,p or x,y,t:ns,p (s, ms, us, ns; - is passed over)",
    )


def add_filter_option(group: argparse._ArgumentGroup) -> None:
    """--filter, which may be repeated."""
    group.add_argument(
        "--filter",
        action="append",
        default=[],
        metavar="F",
        help="background:tau=5ms, refractory:1ms, hot:k=10, region:x,y,width,height, flip:x, polarity:on, or a plug-in;"
        " several are applied in turn",
    )


def start_engine(model: Model) -> None:
    """Compile the model's step, or load it, before anything is streamed."""
    warm_up = getattr(model, "warm_up", None)
    if warm_up is not None:
        warm_up()


def one_thread() -> None:
    """Keep numerical libraries from starting threads that a step of a small network only waits for."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def sensor_of(arguments: argparse.Namespace) -> Sensor | None:
    """The sensor that --sensor states, if it does."""
    from streamsnn.types import Sensor

    return None if arguments.sensor is None else Sensor("sensor", *arguments.sensor)


def filters_of(arguments: argparse.Namespace, sensor: Sensor) -> list[Filter]:
    """New filters, one for each --filter."""
    from streamsnn.registry import open_filter

    return [open_filter(text, sensor) for text in arguments.filter]


def fit_of(arguments: argparse.Namespace, sensor: Sensor, model: Model) -> SensorFit:
    """How `sensor` feeds the model, as --crop, --downsample and --letterbox want it."""
    from streamsnn.sensor_fit import fit_sensor

    return fit_sensor(
        sensor,
        model.card.input,
        crop=arguments.crop,
        downsample=arguments.downsample,
        letterbox=arguments.letterbox,
    )


def fresh_state(arguments: argparse.Namespace, model: Model) -> Any:
    """A new state, with the draws that --seed asks for."""
    from streamsnn.network import Network

    if arguments.seed is None:
        return model.initial_state()
    if not isinstance(model, Network):
        raise StreamsnnError(f"{arguments.model} is a plug-in and takes no seed.", hint="Leave out --seed.")
    return model.initial_state(arguments.seed)


def damage_of(source: Source) -> tuple[str, ...]:
    """A sentence for each kind of damage that reading `source` has met so far."""
    damage = getattr(source, "damage", None)
    return () if damage is None else tuple(damage.describe())
