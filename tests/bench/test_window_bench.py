"""What the window costs: the measurement measures what it says."""

from __future__ import annotations

import itertools

from streamsnn.bench import window
from streamsnn.bench.noise import RATE_HZ, SIDE, Noise


def test_the_noise_is_what_it_says_it_is() -> None:
    packets = [packet for packet, _ in zip(Noise(), range(1200), strict=False)]
    assert packets[0].t_begin_us == 0
    assert all(after.t_begin_us == before.t_end_us for before, after in itertools.pairwise(packets))
    events = sum(len(packet.events) for packet in packets)
    assert abs(events / 1.2 - RATE_HZ) < 0.01 * RATE_HZ
    for packet in packets[::100]:
        assert packet.t_begin_us <= packet.events["t"][0] <= packet.events["t"][-1] < packet.t_end_us
        assert packet.events["x"].max() < SIDE
        assert packet.events["p"].any()


def test_the_tables_say_what_was_lost() -> None:
    stages = {"compute_p50_ms": 0.4, "compute_p99_ms": 0.5, "compute_p99_9_ms": 0.9, "total_p99_ms": 1.0}
    run = {"steps": 20_000, "lost": 3, "late": 7, "frames_a_second": 30.0, **stages}
    result = {
        "seconds": 20.0,
        "pairs": [{"without": run | {"frames_a_second": None, "lost": 0}, "with": run}],
        "long_s": 600.0,
        "long": run | {"lost": 1},
        "stalled": run,
        "p99_ratio": {"median": 1.0, "min": 1.0, "max": 1.0},
        "hour": {"stream_s": 3600.0, "host_s": 200.0, "engine_mib": [100.0, 101.0], "window_mib": [200.0, 201.0]},
    }
    ((_, headings, rows),) = window.tables(result)
    assert [row[headings.index("lost")] for row in rows] == ["0", "3", "1", "3"]
    assert rows[0][-1] == "-"
    assert "101 at the end" in window.sentences(result)
