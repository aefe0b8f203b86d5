"""What `streamsnn evaluate --track` finds out: how well a tracker's boxes agree with the truth."""

from __future__ import annotations

import argparse
import contextlib
import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from streamsnn.cli import options, text
from streamsnn.cli.following import open_followed, refuse_no_step
from streamsnn.cli.scenes import SCENE_US, named_scenes, true_boxes
from streamsnn.clock import HostClock
from streamsnn.errors import StreamsnnError
from streamsnn.registry import open_source
from streamsnn.tracking.truth import Boxes, overlaps, read_boxes
from streamsnn.types import Track

_THRESHOLDS = (0.3, 0.5)
_SCORES = ("HOTA", "IDF1", "MOTA")


def tracked(arguments: argparse.Namespace, on_start: Callable[[], None]) -> dict[str, Any]:
    """Follow what moves in the recording or the scenes that `arguments` name, and hold it against the true boxes: those
    in the table --track, or of scenes those that they have themselves.

    Boxes are compared at the times that the truth has: with those of the step that ends nearest, half a step away at
    most. Of several scenes the shares are the means of theirs, the counts their sums, and `scenes` is each of them.
    Raises StreamsnnError for a recording or a table that cannot be used.
    """
    metrics = _metrics()
    refuse_no_step(arguments)
    scenes = named_scenes(arguments.dataset)
    if arguments.track and scenes:
        raise StreamsnnError("A scene has true boxes of its own.", hint="Write --track without FILE, at the end.")
    if arguments.track:
        return _measured(arguments, arguments.dataset, read_boxes(arguments.track), metrics, on_start)
    if not scenes:
        raise StreamsnnError(
            f"{arguments.dataset} has no true boxes of its own.", hint="Name their table: --track FILE."
        )
    duration_us = arguments.duration or SCENE_US
    found = []
    for name in scenes:
        truth = true_boxes(name, duration_us, arguments.step)
        found.append(_measured(arguments, name, truth, metrics, on_start, duration_us))
    return found[0] if len(found) == 1 else _together(arguments, found)


def _measured(
    arguments: argparse.Namespace,
    recording: str,
    truth: Sequence[Boxes],
    metrics: tuple[Any, Any, Any],
    on_start: Callable[[], None],
    duration_us: int | None = None,
) -> dict[str, Any]:
    clock = HostClock()
    source = open_source(
        recording,
        sensor=options.sensor_of(arguments),
        stop_us=duration_us or arguments.duration,
        packet_us=max(1, arguments.step),
        strict=arguments.strict,
        clock=clock,
    )
    found: dict[int, tuple[Track, ...]] = {}
    events = spent_ns = 0
    with contextlib.closing(source):
        for result in open_followed(arguments, source, clock):
            if not found:
                on_start()
            found[result.t_us // arguments.step] = result.tracks
            events += len(result.step.addresses)
            spent_ns += result.stamps.finished_ns - result.stamps.started_ns
    if not found:
        raise StreamsnnError(f"{recording} ended before its first step.")
    pairs = []
    for boxes in truth:
        index = (boxes.t_us + arguments.step // 2) // arguments.step
        if index in found:
            pairs.append((boxes, found[index]))
    if not pairs:
        raise StreamsnnError(
            f"No box of {arguments.track or recording} lies within {recording}.",
            hint="Both count in the recording's own time.",
        )
    scores = score(pairs, metrics)
    scores["true_track_s"] *= arguments.step / 1e6
    return {
        "recording": recording,
        "tracker": arguments.tracker,
        "events": events,
        **scores,
        "switches_per_track_minute": scores["switches"] * 60 / scores["true_track_s"],
        "ms_per_million_events": spent_ns / max(events, 1),
    }


def _together(arguments: argparse.Namespace, scenes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """All scenes in one."""
    whole: dict[str, Any] = {"recording": arguments.dataset, "tracker": arguments.tracker}
    for name, value in scenes[0].items():
        if name not in whole:
            each = [scene[name] for scene in scenes]
            whole[name] = sum(each) if isinstance(value, int) or name == "true_track_s" else float(np.mean(each))
    whole["switches_per_track_minute"] = whole["switches"] * 60 / whole["true_track_s"]
    cost = [scene["ms_per_million_events"] for scene in scenes]
    whole["ms_per_million_events"] = float(np.average(cost, weights=[max(scene["events"], 1) for scene in scenes]))
    return {**whole, "scenes": list(scenes)}


def score(pairs: Sequence[tuple[Boxes, tuple[Track, ...]]], metrics: tuple[Any, Any, Any]) -> dict[str, Any]:
    """Precision, recall, MOTA, IDF1 and HOTA of tracks beside the true boxes at as many times.

    HOTA (Luiten et al. 2021) is the mean over its thresholds; MOTA and identity switches (Bernardin, Stiefelhagen 2008)
    and IDF1 (Ristani et al. 2016) are at an intersection over union of 0.5; all as TrackEval counts them.
    """
    hota, clear, identity = metrics
    true_ids: dict[int, int] = {}
    track_ids: dict[int, int] = {}
    true_of, track_of, similar = [], [], []
    for boxes, tracks in pairs:
        true_of.append(np.array([true_ids.setdefault(int(each), len(true_ids)) for each in boxes.ids], np.int64))
        track_of.append(np.array([track_ids.setdefault(each.id, len(track_ids)) for each in tracks], np.int64))
        similar.append(overlaps(boxes.boxes, np.array([each[1:5] for each in tracks], np.float64)))
    data: dict[str, Any] = {
        "num_gt_dets": sum(map(len, true_of)),
        "num_tracker_dets": sum(map(len, track_of)),
        "num_gt_ids": len(true_ids),
        "num_tracker_ids": len(track_ids),
        "num_timesteps": len(pairs),
        "gt_ids": true_of,
        "tracker_ids": track_of,
        "similarity_scores": similar,
    }
    # The library prints what it times.
    with contextlib.redirect_stdout(io.StringIO()):
        whole = hota().eval_sequence(data)
        at = {level: clear({"THRESHOLD": level, "PRINT_CONFIG": False}).eval_sequence(data) for level in _THRESHOLDS}
        same = identity({"THRESHOLD": 0.5, "PRINT_CONFIG": False}).eval_sequence(data)
    return {
        "HOTA": float(np.mean(whole["HOTA"])),
        "IDF1": float(same["IDF1"]),
        "MOTA": float(at[0.5]["MOTA"]),
        "switches": int(at[0.5]["IDSW"]),
        **{f"precision_{level}": float(at[level]["CLR_Pr"]) for level in _THRESHOLDS},
        **{f"recall_{level}": float(at[level]["CLR_Re"]) for level in _THRESHOLDS},
        "true_tracks": len(true_ids),
        "tracks": len(track_ids),
        "true_track_s": float(data["num_gt_dets"]),
        "times": len(pairs),
    }


def print_scores(found: dict[str, Any]) -> None:
    """All of it, for people."""
    print(
        text.facts(
            [
                (
                    "compared",
                    f"{found['true_tracks']} objects, {text.duration(found['true_track_s'] * 1e6)} of them in all",
                ),
                *((name, f"{found[name]:.3f}") for name in _SCORES),
                ("switches", f"{found['switches']}, {found['switches_per_track_minute']:.2f} a track and minute"),
                *(
                    (
                        f"IoU {level}",
                        f"precision {text.percent(found[f'precision_{level}'])},"
                        f" recall {text.percent(found[f'recall_{level}'])}",
                    )
                    for level in _THRESHOLDS
                ),
                ("tracks", f"{found['tracks']}"),
                ("cost", f"{found['ms_per_million_events']:.0f} ms a million events"),
            ]
        )
    )
    if "scenes" in found:
        print()
        text.print_table(
            ("scene", *_SCORES, "switches"),
            [
                (each["recording"], *(f"{each[name]:.3f}" for name in _SCORES), str(each["switches"]))
                for each in found["scenes"]
            ],
            right=range(1, len(_SCORES) + 2),
        )


def _metrics() -> tuple[Any, Any, Any]:
    try:
        from trackeval.metrics import CLEAR, HOTA, Identity
    except ImportError:
        raise StreamsnnError(
            "Tracks are measured with TrackEval, which is not installed.", hint="pip install 'streamsnn[tracking]'"
        ) from None
    return HOTA, CLEAR, Identity
