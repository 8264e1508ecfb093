"""Results as Markdown, ready for the README."""

from .catalogue import CATALOGUE
from .figures import Figure
from .peers import Peer, load
from .synced import MESSAGES as WATCHED


def rates(name: str, results: dict) -> str:
    """The table of one kind of traffic."""
    direct = Figure.of(run["rate"] for run in results["direct"])
    rows = {load(key): Row(runs) for key, runs in results["peers"].items()}
    bases = {key: row for peer, row in rows.items() for key in ("postfix", "haraka") if peer.key == key}
    headings = ["relay", "its 250 means", "messages/s (spread)", "of direct", "CPU for each", "peak memory"]
    headings += [f"rate to {load(key).name}" for key in bases] + [f"CPU to {load(key).name}" for key in bases]
    lines = [cells(peer, row, direct, bases) for peer, row in rows.items()]
    ceiling = ["*none: source to sink*", "", f"{number(direct.middle)} ({spread(direct)})", "100 %"]
    lines.append(ceiling + [""] * (len(headings) - len(ceiling)))
    return f"**{CATALOGUE[name].caption}**\n\n{markdown(headings, lines)}"


class Row:
    """One relay's runs."""

    def __init__(self, runs: list[dict]) -> None:
        self.rate = Figure.of(run["rate"] for run in runs)
        self.cpu = Figure.of(run["cpu"] / run["messages"] for run in runs)
        own = [run["own_cpu"] / run["messages"] for run in runs if run["own_cpu"] is not None]
        self.own_cpu = Figure.of(own) if own else None
        known = [run["memory"] for run in runs if run["memory"] is not None]
        self.memory = max(known) if known else None


def cells(peer: Peer, row: Row, direct: Figure, bases: dict[str, Row]) -> list[str]:
    memory = "unknown" if row.memory is None else f"{row.memory / 2**20:.0f} MiB"
    return [
        peer.name,
        peer.label,
        f"{number(row.rate.middle)} ({spread(row.rate)})",
        # Fewer sessions are another load: their rate is no match for the others'.
        "–" if peer.sessions else f"{row.rate.middle / direct.middle:.0%}".replace("%", " %"),
        milliseconds(row.cpu) + (f" (relay {milliseconds(row.own_cpu)})" if row.own_cpu else ""),
        memory,
        *["–" if peer.sessions else f"{row.rate.middle / base.rate.middle:.1f} ×" for base in bases.values()],
        *[f"{row.cpu.middle / base.cpu.middle:.3f} ×" for base in bases.values()],
    ]


def idle(results: dict) -> str:
    """The table of idle connections."""
    lines = [[load(key).name, f"{each / 1024:.1f} KiB"] for key, each in results["peers"].items()]
    return f"**Memory for each of {results['connections']:,} idle TLS connections**\n\n{markdown(['relay', 'resident'], lines)}"


def footer(results: dict) -> str:
    """What was measured on what."""
    machine = ", ".join(f"{name}: {value}" for name, value in results["machine"].items())
    versions = ", ".join(f"{load(key).name} {version}" for key, version in results["versions"].items())
    proofs = ", ".join(f"{load(key).name} {count:,}" for key, count in results["proven"].items())
    syncs = ", ".join(f"{load(key).name} {count}" for key, count in results["synced"].items())
    return "\n".join([
        f"Made by `{results['command']}`; {results['runs']} interleaved runs, median (lowest–highest).",
        f"Machine: {machine}.",
        f"Versions: {versions}.",
        f"Bodies compared by hash at the sink, all whole: {proofs}.",
        *([f"Of {WATCHED} messages that came one at a time, synced between the 354 and the 250: {syncs}."] if syncs else []),
    ])  # fmt: skip


def markdown(headings: list[str], lines: list[list[str]]) -> str:
    rows = [headings, ["---"] * len(headings), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def number(value: float) -> str:
    return f"{value:,.0f}"


def milliseconds(seconds: Figure) -> str:
    return f"{seconds.middle * 1000:.2f} ms"


def spread(figure: Figure) -> str:
    return f"{number(figure.low)}–{number(figure.high)}"
