"""What the canvas can do to a network: each a labeled, undoable edit of the workspace's value.

The functions in ``studio.project.edits`` decide what is allowed; here several of them become one
step of the user's, placed where there is room.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

from msgspec.structs import replace

from studio.app.canvas import placing, texts
from studio.app.workspace import Workspace
from studio.project import arrange, comments, edits, graph, grouping, registry, tags
from studio.project.analysis import analyze
from studio.project.edits import EditRefused
from studio.project.grouping import can_ungroup
from studio.project.problems import Fix, InsertBefore, SetData, SetRecipe, SetRecipes
from studio.project.registry import PaletteEntry
from studio.project.values import Comment, Edge, Flow, Network


class Editor:
    """Edits the network of one workspace. A refusal is told by the workspace's ``refused``."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    @property
    def network(self) -> Network:
        return self.workspace.level.network

    # Adding -------------------------------------------------------------------------------------

    def add(self, entry: PaletteEntry, x: float, y: float, feed: str | None = None) -> str | None:
        """Add a node centered at (x, y), fed by the node ``feed`` where one is given.

        The name it got, or None where it was refused.
        """
        return self._add(entry, *placing.free_place(self.network, x, y, entry), feed)

    def _add(self, entry: PaletteEntry, x: float, y: float, feed: str | None) -> str | None:
        made: list[str] = []

        def edit(network: Network) -> Network:
            result, name = edits.add_node(network, entry.kind, entry.settings, x, y)
            made.append(name)
            return edits.connect(result, feed, name) if feed is not None else result

        return self._added(entry, edit, made)

    def insert(self, entry: PaletteEntry, edge: Edge, x: float, y: float) -> str | None:
        """Add a node into a wire, making room for it where the wire is short."""
        made: list[str] = []

        def edit(network: Network) -> Network:
            result, name = edits.add_node(network, entry.kind, entry.settings, x, y)
            made.append(name)
            result = edits.insert_on_edge(result, edge, name)
            return placing.make_room(result, edge, name)

        return self._added(entry, edit, made)

    def add_after_selection(self, entry: PaletteEntry, x: float, y: float) -> str | None:
        """Add a node behind the one selected node, into its wire where it has exactly one.

        With nothing selected it goes unconnected to (x, y).
        """
        selection = self.workspace.selection
        kind = registry.lookup(entry.kind)
        last = next((n for n in self.network.nodes if n.name in selection[-1:]), None)
        if last is None or kind is None or kind.max_inputs == 0:
            return self.add(entry, x, y)
        outward = graph.outgoing(self.network)[last.name]
        if len(outward) == 1 and not kind.ends:
            return self.insert(entry, outward[0], last.x, last.y)
        if (last_kind := registry.lookup(last.kind)) is not None and last_kind.ends:
            inward = graph.incoming(self.network)[last.name]
            if inward:
                return self.insert(entry, inward[0], last.x, last.y)
            return self.add(entry, x, y)
        below = placing.below(self.network, last, entry)
        return self._add(entry, *below, last.name)  # a place already found free

    def _added(self, entry: PaletteEntry, edit: placing.Edit, made: list[str]) -> str | None:
        kind = registry.lookup(entry.kind)
        title = kind.title_of(entry.settings) if kind is not None else entry.title
        # "VGG block" keeps its capitals, "Batch norm" reads better without.
        words = title if kind is not None and kind.is_block else title.lower()
        if not self.workspace.edit_network(f"Add {words}", edit):
            return None
        self.workspace.select((made[-1],))
        return made[-1]

    # Wires --------------------------------------------------------------------------------------

    def refusal(self, source: str, target: str, port: int | None) -> str:
        """Why this wire is not allowed, as a sentence; "" where it is."""
        try:
            edits.check_connect(self.network, source, target, port)
        except EditRefused as error:
            return texts.sentence(str(error), (node.name for node in self.network.nodes))
        return ""

    def suits(self, source: str, target: str) -> bool:
        """Whether this wire is allowed, and ``target`` can take the shape that it brings."""
        try:
            network = edits.connect(self.network, source, target)
        except EditRefused:
            return False
        problems = analyze(network).nodes[target].problems
        return not any(problem.code in ("shape", "setting") for problem in problems)

    def connect(self, source: str, target: str, port: int | None = None) -> bool:
        """Draw a wire."""
        return self.workspace.edit_network(
            f"Connect {source} to {target}",
            lambda network: edits.connect(network, source, target, port),
        )

    def reconnect(self, edge: Edge, target: str, port: int | None = None) -> bool:
        """Take a wire's end to another input."""

        def edit(network: Network) -> Network:
            return edits.connect(edits.disconnect(network, edge), edge.source, target, port)

        return self.workspace.edit_network(f"Connect {edge.source} to {target}", edit)

    def disconnect(self, edge: Edge) -> bool:
        """Cut a wire."""
        return self.workspace.edit_network(
            f"Disconnect {edge.source} from {edge.target}",
            lambda network: edits.disconnect(network, edge),
        )

    def disconnect_all(self, wires: list[Edge]) -> bool:
        """Cut several wires as one step."""
        if not wires:
            return False

        def edit(network: Network) -> Network:
            # From the last port down: cutting one moves the later ports of a merge up.
            for edge in sorted(wires, key=lambda edge: -edge.port):
                network = edits.disconnect(network, edge)
            return network

        return self.workspace.edit_network(f"Cut {len(wires)} wires", edit)

    def connect_chain(self, names: tuple[str, ...]) -> bool:
        """Wire the selected nodes one after the other, along the flow."""
        down = self.network.flow == "down"
        places = {n.name: (n.y, n.x) if down else (n.x, n.y) for n in self.network.nodes}
        order = sorted(names, key=lambda name: places[name])
        pairs = list(pairwise(order))
        if not pairs:
            return False

        def edit(network: Network) -> Network:
            for source, target in pairs:
                network = edits.connect(network, source, target)
            return network

        label = (
            f"Connect {order[0]} to {order[1]}"
            if len(order) == 2
            else f"Connect {len(order)} nodes"
        )
        return self.workspace.edit_network(label, edit)

    # Nodes --------------------------------------------------------------------------------------

    def move(self, places: Mapping[str, tuple[float, float]], merge: str = "") -> bool:
        """Put nodes at new centers."""
        return self.workspace.edit_network(
            f"Move {_nodes(places)}", lambda network: edits.move_nodes(network, places), merge
        )

    def move_into(self, edge: Edge, name: str, x: float, y: float) -> bool:
        """Put an unconnected node that lies on the canvas into a wire."""

        def edit(network: Network) -> Network:
            result = edits.move_nodes(network, {name: (x, y)})
            return placing.make_room(edits.insert_on_edge(result, edge, name), edge, name)

        return self.workspace.edit_network(f"Insert {name}", edit)

    def remove(self, names: Iterable[str], label: str = "Delete") -> bool:
        """Take nodes away and join the ends that they leave."""
        gone = tuple(names)
        if not gone:
            return False
        return self.workspace.edit_network(
            f"{label} {_nodes(gone)}", lambda network: edits.remove_nodes(network, gone)
        )

    def rename(self, old: str, new: str) -> bool:
        """Give a node another name; the selection stays on it."""
        selection = self.workspace.selection
        if old == new:
            return True
        done = self.workspace.edit_network(
            f"Rename {old} to {new}", lambda network: edits.rename(network, old, new)
        )
        if done:
            self.workspace.select(tuple(new if name == old else name for name in selection))
        return done

    def duplicate_comment(self, name: str) -> bool:
        """Add a copy of a note beside it."""
        note = comments.find(self.network, name)
        return self.paste(Network(comments=(note,)), None, "Duplicate a note")

    def duplicate(self, names: tuple[str, ...]) -> bool:
        """Add a copy of the nodes and the wires among them, beside the originals."""
        return self.paste(edits.part(self.network, names), None, f"Duplicate {_nodes(names)}")

    def paste(self, part: Network, center: tuple[float, float] | None, label: str = "") -> bool:
        """Add a copy of ``part`` around ``center``, or beside where it came from."""
        made: list[tuple[str, ...]] = []

        def edit(network: Network) -> Network:
            dx, dy = placing.offset(network, part, center)
            result, names = edits.paste(network, part, dx, dy)
            if not names and not part.comments:
                raise EditRefused("a network has one input and one output; they are not doubled")
            made.append(names)
            for comment in part.comments:
                moved = replace(comment, x=comment.x + dx, y=comment.y + dy)
                result, _ = comments.add(result, moved)
            return result

        label = label or f"Paste {_nodes(part.nodes) if part.nodes else 'a note'}"
        if not self.workspace.edit_network(label, edit):
            return False
        self.workspace.select(made[-1])
        return True

    def group(self, names: tuple[str, ...]) -> bool:
        """Make one block of the nodes, and keep it among the user's own."""
        shelf = self.workspace.shelf
        made: list[str] = []

        def edit(network: Network) -> Network:
            grouped, name = grouping.group(network, names)
            title, color = shelf.naming(grouped.node(name).settings["inside"])
            grouped, name = grouping.group(network, names, title, color)
            made.append(name)
            return placing.spread(grouped, (name,), placing.area(network, names))

        if not self.workspace.edit_network(
            f"Group {_nodes(names)}", edit, select=lambda: made[-1:]
        ):
            return False
        shelf.keep(self.network.node(made[-1]).settings)
        return True

    def retitle(self, name: str, title: str) -> str | None:
        """Give a group another title; the name it has then, or None where it was refused.

        Titles set in a row, as they are typed, are one step.
        """
        made: list[str] = []

        def edit(network: Network) -> Network:
            result, new = grouping.retitle(network, name, title)
            made.append(new)
            return result

        done = self.workspace.edit_network(
            f"Set title of {name}", edit, merge="retitle", select=lambda: made[-1:]
        )
        return made[-1] if done else None

    def ungroup(self, names: tuple[str, ...]) -> bool:
        """Put the insides of the blocks among these nodes in their place."""
        blocks = [n.name for n in self.network.nodes if n.name in names and can_ungroup(n)]
        made: list[str] = []

        def edit(network: Network) -> Network:
            made.clear()
            for name in blocks or names[:1]:
                apart, inner = grouping.ungroup(network, name)
                network = placing.spread(apart, inner, placing.area(network, (name,)))
                made.extend(inner)
            return network

        return self.workspace.edit_network(f"Ungroup {_nodes(blocks)}", edit, select=lambda: made)

    # Notes --------------------------------------------------------------------------------------

    def add_comment(self, x: float, y: float) -> str | None:
        """Put an empty note with its corner at (x, y); its name."""
        made: list[str] = []

        def edit(network: Network) -> Network:
            result, name = comments.add(network, Comment("note", x=x, y=y))
            made.append(name)
            return result

        return made[-1] if self.workspace.edit_network("Add a note", edit) else None

    def write_comment(self, name: str, text: str, *, fresh: bool = False) -> bool:
        """Give a note its text; that of a fresh one is part of the step that added it."""
        if fresh:
            return self.workspace.amend(lambda network: comments.write(network, name, text))
        return self.workspace.edit_network(
            "Edit a note", lambda network: comments.write(network, name, text)
        )

    def place_comment(self, to: Comment, merge: str = "") -> bool:
        """Put a note where ``to`` lies, in its size."""
        return self.workspace.edit_network(
            "Move a note",
            lambda network: comments.place(network, to.name, to.x, to.y, to.width, to.height),
            merge,
        )

    def paint_comment(self, name: str, color: str) -> bool:
        """Give a note another color."""
        return self.workspace.edit_network(
            "Color a note", lambda network: comments.paint(network, name, color)
        )

    def remove_comment(self, name: str) -> bool:
        """Take a note away."""
        return self.workspace.edit_network(
            "Delete a note", lambda network: comments.remove(network, name)
        )

    # Order --------------------------------------------------------------------------------------

    def set_tag(self, names: tuple[str, ...], tag: str) -> bool:
        """Mark nodes; "" takes their marks away."""
        label = f"Tag {_nodes(names)}" if tag else f"Untag {_nodes(names)}"
        return self.workspace.edit_network(label, lambda n: tags.set_tag(n, names, tag))

    def align(self, names: tuple[str, ...], line: arrange.Line) -> bool:
        """Bring cards into one line."""
        return self.workspace.edit_network(
            f"Align {_nodes(names)}", lambda network: arrange.align(network, names, line)
        )

    def distribute(self, names: tuple[str, ...], axis: arrange.Axis) -> bool:
        """Give cards equal gaps."""
        return self.workspace.edit_network(
            f"Distribute {_nodes(names)}",
            lambda network: arrange.distribute(network, names, axis),
        )

    def repeat(self, names: tuple[str, ...], times: int) -> bool:
        """Make one stage of the nodes that holds them ``times`` times; a stage takes the number."""
        made: list[str] = []

        def edit(network: Network) -> Network:
            result, name = grouping.repeat(network, names, times)
            made.append(name)
            return placing.spread(result, (name,), placing.area(network, names))

        return self.workspace.edit_network(
            f"Repeat {_nodes(names)}", edit, select=lambda: made[-1:]
        )

    def apply_fix(self, fix: Fix) -> bool:
        """Do what a problem's fix offers; what it adds gets a place where it covers nothing."""

        if isinstance(fix.mend, SetRecipe | SetRecipes | SetData):
            return self.workspace.apply(fix.text, lambda project: edits.mend(project, fix))

        def edit(network: Network) -> Network:
            result = edits.apply_fix(network, fix)
            if not isinstance(fix.mend, InsertBefore):
                return result
            known = {node.name for node in network.nodes}
            fresh = [node.name for node in result.nodes if node.name not in known]
            return placing.settle(result, fresh)

        return self.workspace.edit_network(fix.text, edit)

    def set_flow(self, flow: Flow) -> bool:
        """Let the network run down or to the right, and lay it out for that."""
        label = "Flow down" if flow == "down" else "Flow to the right"
        return self.workspace.edit_network(label, lambda n: edits.set_flow(n, flow))

    def tidy(self) -> bool:
        """Lay the whole network out along its flow."""
        return self.workspace.edit_network("Tidy up", placing.tidy)


def _nodes(names: Iterable[object]) -> str:
    listed = list(names)
    if len(listed) == 1:
        only = listed[0]
        return str(getattr(only, "name", only))
    return f"{len(listed)} nodes"
