"""`streamsnn train`: from labelled recordings to a model folder."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from streamsnn.cli import text
from streamsnn.cli.parsing import Parser

_DESCRIPTION = """\
Train the network that CONFIG.toml describes on the recordings that it names, keep the best epoch, and write a model
folder: model.toml, weights, the configuration, a learning curve and a README with the figures. Ctrl-C loses no more
than the epoch it interrupts: --resume goes on from there."""

_EXAMPLES = """\
  streamsnn train models/nmnist-brf/recipe.toml --out models/mine
  streamsnn train models/nmnist-brf/recipe.toml --dataset tonic:NMNIST@../data --out models/mine
  streamsnn train my.toml --resume"""

_NO_CHECKPOINT = "note: there is no checkpoint to resume from; training begins with the first epoch"
_CHECKPOINT = (
    "note: a training was interrupted here, and this one begins anew and replaces it after its first epoch;"
    " to go on with that one, press Ctrl-C now and add --resume"
)
_REPLACED = "note: {} holds a model; it stays until this training has ended and is replaced then"


def parser() -> Parser:
    parser = Parser("streamsnn train", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("config", metavar="CONFIG.toml", help="the recipe: network, data, augmentation, training")
    parser.add_argument(
        "--dataset",
        metavar="DATASET",
        help="learn from this in place of the recipe's own [data] folder, labels and held-out recordings:"
        " a folder, or one of tonic's sets, such as tonic:NMNIST or tonic:NMNIST@FOLDER",
    )
    parser.add_argument("--out", metavar="DIR", help="the model folder to write (default: models/NAME of the recipe)")
    parser.add_argument("--resume", action="store_true", help="go on with a training that was interrupted")
    return parser


def command(arguments: argparse.Namespace) -> int:
    from streamsnn.training.config import load_config

    config = load_config(arguments.config)
    if arguments.dataset is not None:
        config = config.of_dataset(arguments.dataset)
    folder = Path("models") / config.model.name if arguments.out is None else Path(arguments.out)
    # After the recipe has been read: whoever misspelt it need not wait for torch.
    from streamsnn.training.progress import TerminalObserver
    from streamsnn.training.session import has_checkpoint, train_model

    if arguments.resume != has_checkpoint(folder):
        print(_NO_CHECKPOINT if arguments.resume else _CHECKPOINT, file=sys.stderr, flush=True)
    if (folder / "model.toml").is_file():
        print(_REPLACED.format(folder), file=sys.stderr, flush=True)
    with TerminalObserver() as observer:
        network = train_model(config, folder, observer, command=_command(arguments), resume=arguments.resume)
    accuracy = network.card.figures.get("accuracy")
    right = "" if accuracy is None else f", {text.percent(accuracy)} right on what was held out"
    print(f"{folder}: {network.parameter_count:,} trained numbers{right}")
    return 0


def _command(arguments: argparse.Namespace) -> str:
    """What one types to train this again."""
    words = ["streamsnn", "train", arguments.config]
    if arguments.dataset is not None:
        words += ["--dataset", arguments.dataset]
    return shlex.join(words + (["--out", arguments.out] if arguments.out is not None else []))
