"""Other libraries, in every way in which the benchmark sets them up, compute the same networks, where installed."""

from __future__ import annotations

import pytest

from streamsnn.bench.entrants import HOW_TO_INSTALL, Entrant, chosen
from streamsnn.bench.equality import Reference, check
from streamsnn.bench.networks import CASES, RATES, event_steps

PEERS = chosen(["SpikingJelly", "norse", "snnTorch"])
NETWORKS = {
    "SpikingJelly": {"lif", "sliding-psn", "conv-sliding-psn", "conv-lif"},
    "norse": {"lif", "conv-lif"},
    "snnTorch": {"lif", "conv-lif"},
}


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
@pytest.mark.parametrize("name", CASES)
# What other libraries warn of is their own affair.
@pytest.mark.filterwarnings("ignore")
def test_a_peer_says_the_same(name: str, peer: Entrant) -> None:
    if not peer.installed:
        pytest.skip(f"{peer.name} is not installed and its adapter stays untested: {HOW_TO_INSTALL}")
    case = CASES[name]()
    # Compiling takes minutes; the benchmark itself compares what comes of it before it is timed.
    ways = [variant for variant in peer.variants(case) if variant.suits(case) and not variant.slow]
    assert bool(ways) == (name in NETWORKS[peer.name])
    reference = Reference(case, event_steps(case, RATES["typical"], 60 if case.kind == "full" else 10))
    for variant in ways:
        contender = variant.build(case)
        for _ in range(2):
            verdict = check(contender, reference)
            assert verdict.equal, (variant.label, verdict)
