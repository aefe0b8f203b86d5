"""Questions to the user: which file, which source, where to."""

from __future__ import annotations

from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QLabel,
    QWidget,
)

from streamsnn.errors import StreamsnnError

DECISIONS = ("Export the decisions", "decisions.csv", "Every step as CSV (*.csv);;Changes as JSON Lines (*.jsonl)")
"""Title, name and kinds of an export of decisions."""
SOUND = ("Record what is heard", "heard.flac", "Sounds (*.flac *.wav)")

_RECORDINGS = (
    "Recordings and sounds (*.dat *.raw *.aedat *.aedat4 *.bin *.es *.h5 *.hdf5 *.npz *.npy *.csv *.txt *.wav *.flac"
    " *.ogg *.opus *.mp3);;All files (*)"
)
_SCENES = ("synthetic:digits", "synthetic:digit:7", "synthetic:bar", "synthetic:disc")


def ask_for_file(parent: QWidget) -> str:
    """A recording to open; empty if none was chosen."""
    return QFileDialog.getOpenFileName(parent, "Open a recording or a sound", "", _RECORDINGS)[0]


def ask_where(parent: QWidget, title: str, name: str, kinds: str) -> str:
    """Where to write a file of one of `kinds`; empty if nowhere."""
    return QFileDialog.getSaveFileName(parent, title, name, kinds)[0]


def ask_for_source(parent: QWidget) -> str:
    """A microphone, a scene, or anything else that can be written; empty if nothing was chosen."""
    dialog = QDialog(parent)
    dialog.setWindowTitle("Open a microphone or a scene")
    box = QComboBox()
    box.setObjectName("source")
    box.setEditable(True)
    box.setMinimumWidth(360)
    box.addItems([*_microphones(), *_SCENES])
    form = QFormLayout(dialog)
    form.addRow("Source", box)
    hint = QLabel("mic, mic:2, mic:USB, synthetic:SCENE, a file, or a plug-in package.module:attribute")
    hint.setWordWrap(True)
    form.addRow(hint)
    form.addRow(_buttons(dialog))
    return box.currentText().strip() if dialog.exec() else ""


def ask_for_video(parent: QWidget) -> tuple[str, float] | None:
    """Where to write a video, and how many times true time it shows; None if it was not wanted."""
    dialog = QDialog(parent)
    dialog.setWindowTitle("Export a video")
    speed = QDoubleSpinBox()
    speed.setObjectName("videoSpeed")
    speed.setRange(0.01, 100)
    speed.setValue(1)
    speed.setSuffix(" x true time")
    form = QFormLayout(dialog)
    form.addRow("Speed", speed)
    form.addRow(_buttons(dialog))
    if not dialog.exec():
        return None
    path = ask_where(parent, "Export a video", "streamsnn.mp4", "Videos (*.mp4 *.webm);;Moving picture (*.gif)")
    return (path, speed.value()) if path else None


def _buttons(dialog: QDialog) -> QDialogButtonBox:
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
    buttons.accepted.connect(dialog.accept)
    buttons.rejected.connect(dialog.reject)
    return buttons


def _microphones() -> list[str]:
    from streamsnn.sources.portaudio import PortAudio

    try:
        return ["mic", *(f"mic:{device.number}" for device in PortAudio().devices())]
    except StreamsnnError:
        # Without PortAudio there are none; whoever writes "mic" is told why.
        return ["mic"]
