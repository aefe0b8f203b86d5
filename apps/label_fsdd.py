"""Tables of labels for the Free Spoken Digit Dataset: python apps/label_fsdd.py RECORDINGS FOLDER [SPEAKER]

What its file names say ({digit}_{speaker}_{take}) is written into FOLDER as learn.csv (takes 10 and on), choose.csv
(takes 5 to 9, to choose the best epoch by) and test.csv (takes 0 to 4, the usual test). With SPEAKER, all takes of that
speaker are the test, and none is in the other two.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def main(recordings: str, folder: str, left_out: str | None = None) -> None:
    tables: dict[str, list[tuple[str, str]]] = {"learn": [], "choose": [], "test": []}
    for path in sorted(Path(recordings).iterdir()):
        digit, speaker, take = path.stem.split("_")
        if left_out is None:
            table = "test" if int(take) < 5 else "choose" if int(take) < 10 else "learn"
        else:
            table = "test" if speaker == left_out else "choose" if int(take) < 5 else "learn"
        tables[table].append((path.name, WORDS[int(digit)]))
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        with (Path(folder) / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            table_file = csv.writer(file, lineterminator="\n")
            table_file.writerow(("file", "label"))
            table_file.writerows(rows)
        print(f"{name}.csv: {len(rows)} recordings")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (OSError, TypeError, ValueError):
        sys.exit(__doc__)
