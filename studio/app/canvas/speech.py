"""The drawing in words, for a screen reader."""

from __future__ import annotations

from studio.app.canvas import texts
from studio.project import graph, registry, tags
from studio.project.analysis import Analysis
from studio.project.values import Comment, Edge, Network, Node


def describe(
    network: Network,
    analysis: Analysis,
    selection: tuple[str, ...],
    comment: str | None = None,
    edge: Edge | None = None,
) -> str:
    """What is selected and how it is connected, in one sentence or two."""
    note = next((c for c in network.comments if c.name == comment), None)
    if not selection and note is not None:
        return describe_note(note)
    if not selection and edge is not None:
        return describe_wire(network, analysis, edge)
    if not selection:
        count = len(network.nodes)
        faults = len(analysis.problems)
        text = f"Network of {count} node{'s' if count != 1 else ''}, nothing selected"
        return f"{text}, {faults} problem{'s' if faults != 1 else ''}" if faults else text
    nodes = {node.name: node for node in network.nodes}
    if len(selection) > 1:
        return f"{len(selection)} nodes selected: {', '.join(selection[:8])}"
    node = nodes.get(selection[0])
    return "" if node is None else describe_node(network, analysis, node)


def describe_node(network: Network, analysis: Analysis, node: Node) -> str:
    """ "stage2, residual stage, 64, stride 1, ×2, output 128 by 16 by 16, connected to pool"."""
    kind = registry.lookup(node.kind)
    report = analysis.nodes.get(node.name)
    parts = [node.name, f"unknown kind {node.kind}"]
    if kind is not None:
        own = f"your block {kind.title_of(node.settings)}"
        parts[1] = own if kind.own_title is not None else kind.title.lower()
    if node.tag:
        parts.append(f"tagged {tags.title(node.tag)}")
    if kind is not None and "repeats" in node.settings:
        parts.append(f"{node.settings['repeats']} blocks")
    if report is not None and report.output is not None:
        parts.append(f"output {texts.spoken_shape(report.output)}")
    into = graph.incoming(network)[node.name]
    sources = [edge.source for edge in into]
    targets = [edge.target for edge in graph.outgoing(network)[node.name]]
    most = kind.max_inputs if kind is not None else 1
    if most > 1 and len(into) > 1:
        parts += [f"input {e.port + 1} of {len(into)} from {e.source}" for e in into]
    elif sources:
        parts.append(f"fed by {' and '.join(sources)}")
    elif most:
        parts.append("fed by nothing")
    if kind is None or not kind.ends:
        to = " and ".join(targets) if targets else "nothing"
        parts.append(f"connected to {to}")
    text = ", ".join(parts)
    if report is not None and report.problems:
        text += ". Problem: " + report.problems[0].message
    return text


def describe_wire(network: Network, analysis: Analysis, edge: Edge) -> str:
    """ "wire from conv2 to join, input 2 of 3, carries 64 by 16 by 16"."""
    report = analysis.nodes.get(edge.source)
    count = sum(other.target == edge.target for other in network.edges)
    text = f"wire from {edge.source} to {edge.target}"
    if count > 1:
        text += f", input {edge.port + 1} of {count}"
    if report is not None and report.output is not None:
        text += f", carries {texts.spoken_shape(report.output)}"
    return text


def describe_note(note: Comment) -> str:
    """The text of a note."""
    return f"Note: {note.text}" if note.text else "Empty note"


_PAST = {
    "Add": "Added", "Align": "Aligned", "Color": "Colored", "Connect": "Connected", "Cut": "Cut",
    "Delete": "Deleted", "Disconnect": "Disconnected", "Distribute": "Distributed",
    "Duplicate": "Duplicated", "Edit": "Edited", "Group": "Grouped", "Insert": "Inserted",
    "Move": "Moved", "Order": "Ordered", "Paste": "Pasted", "Rename": "Renamed",
    "Repeat": "Repeated", "Tag": "Tagged", "Tidy": "Tidied", "Ungroup": "Ungrouped",
    "Untag": "Untagged",
}  # fmt: skip


def done(label: str, problems: int, before: int) -> str:
    """What a step did: "Deleted stage2, 1 problem"; problems only where their number changed."""
    verb, _, rest = label.partition(" ")
    text = f"{_PAST.get(verb, verb)} {rest}".strip()
    if problems == before:
        return text
    return f"{text}, {problems or 'no'} problem{'s' if problems != 1 else ''}"


def tooltip(analysis: Analysis, node: Node) -> str:
    """All that a card may be too small to say, with exact numbers; plain lines."""
    kind = registry.lookup(node.kind)
    report = analysis.nodes.get(node.name)
    lines = [f"{node.name} · {kind.title_of(node.settings) if kind is not None else node.kind}"]
    if report is not None:
        if report.output is not None:
            lines.append(f"output {texts.shape(report.output)}")
        lines.append(f"{report.parameters:,} parameters")
        if report.macs:
            lines.append(f"{report.macs:,} multiply-adds, {texts.share(report.share)}")
        if report.receptive_field is not None:
            height, width = report.receptive_field
            lines.append(f"sees {height} × {width} pixels of the input")
        lines += [
            texts.sentence(p.message.removeprefix(f"{node.name}: "), ()) for p in report.problems
        ]
    return "\n".join(lines)
