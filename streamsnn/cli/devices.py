"""`streamsnn devices`: the microphones that this machine has."""

from __future__ import annotations

import argparse
import json

from streamsnn.cli import text
from streamsnn.cli.parsing import Parser

_DESCRIPTION = """\
List the microphones that PortAudio finds. Any of them can be called by its number, or by a part of its name."""

_EXAMPLES = """\
  streamsnn devices
  streamsnn devices --json | jq -r .devices[].name"""

_NONE = """\
There is no microphone.
Plug one in, or start the sound server (PulseAudio or PipeWire). On Linux PortAudio reaches it through the package
libasound2-plugins."""


def parser() -> Parser:
    parser = Parser("streamsnn devices", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def command(arguments: argparse.Namespace) -> int:
    from streamsnn.sources.portaudio import PortAudio

    devices = PortAudio().devices()
    if arguments.json:
        listed = [
            {
                "index": device.number,
                "name": device.name,
                "host": device.host,
                "channels": device.channels,
                "rate_hz": device.rate_hz,
                "default": device.is_default,
            }
            for device in devices
        ]
        print(json.dumps({"devices": listed}, ensure_ascii=False, allow_nan=False))
    elif devices:
        text.print_table(
            ("number", "name", "channels", "rate", "through", ""),
            [
                (
                    str(device.number),
                    device.name,
                    str(device.channels),
                    f"{device.rate_hz / 1000:g} kHz",
                    device.host,
                    "default" if device.is_default else "",
                )
                for device in devices
            ],
            right=(0, 2, 3),
        )
    else:
        print(_NONE)
    return 0
