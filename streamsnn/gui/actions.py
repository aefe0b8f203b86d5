"""Everything that one can do in the window by a key or from a menu, in one table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Action:
    """`name` is that of the window's method; `keys` as Qt spells them, the first one is shown."""

    name: str
    text: str
    keys: tuple[str, ...]
    menu: str
    checkable: bool = False


# The keys of jAER, where it has one: space, "." and ",", F and S, I and O, R.
ACTIONS = (
    Action("open_file", "Open a file …", ("Ctrl+O",), "File"),
    Action("open_other", "Open a microphone or a scene …", ("Ctrl+Shift+O",), "File"),
    Action("save_screenshot", "Save a screenshot …", ("Ctrl+S",), "File"),
    Action("export_decisions", "Export the decisions …", ("Ctrl+E",), "File"),
    Action("export_video", "Export a video …", ("Ctrl+Shift+E",), "File"),
    Action("record", "Record what is heard …, or stop", ("Ctrl+R",), "File"),
    Action("quit", "Quit", ("Ctrl+Q",), "File"),
    Action("play_or_pause", "Play or pause", ("Space",), "Play"),
    Action("step_forward", "One step on", (".",), "Play"),
    Action("step_back", "One step back", (",",), "Play"),
    Action("rewind", "To the beginning, or to the in marker", ("R", "Home"), "Play"),
    Action("jump_forward", "A second on", ("Right",), "Play"),
    Action("jump_back", "A second back", ("Left",), "Play"),
    Action("faster", "Faster", ("]", "+"), "Play"),
    Action("slower", "Slower", ("[", "-"), "Play"),
    Action("true_time", "In true time", ("1",), "Play"),
    Action("set_in", "Set the in marker here", ("I",), "Play"),
    Action("set_out", "Set the out marker here", ("O",), "Play"),
    Action("clear_markers", "Clear the markers", ("X",), "Play"),
    Action("toggle_loop", "Loop", ("L",), "Play", True),
    Action("forget", "Forget: reset the network's state", ("Z",), "Play"),
    Action("toggle_tracking", "Box what moves, or no longer", ("B",), "View"),
    Action("toggle_ego_motion", "Take the camera's own motion out of the boxes", ("E",), "View", True),
    Action("accumulate_shorter", "Accumulate for a shorter time", ("F",), "View"),
    Action("accumulate_longer", "Accumulate for a longer time", ("S",), "View"),
    Action("next_rendering", "Time surface or accumulation", ("T",), "View"),
    Action("next_palette", "Next palette of the events", ("P",), "View"),
    Action("whole_picture", "Show the whole sensor", ("0",), "View"),
    Action("toggle_theme", "Light or dark", ("Ctrl+T",), "View"),
    Action("full_screen", "Full screen", ("F11",), "View", True),
    Action("reset_layout", "Put all panels back", (), "View"),
    Action("show_keys", "Keys", ("H", "F1"), "Help"),
)
