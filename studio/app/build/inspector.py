"""The inspector: the settings of what is selected, what they lead to, and why one would."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QImage, QKeyEvent, QShowEvent
from PySide6.QtWidgets import QApplication, QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from studio.app.build import facts
from studio.app.build.facts import FactRows
from studio.app.build.field_picture import FieldPicture
from studio.app.build.name_field import NameField
from studio.app.build.problem_list import ProblemList
from studio.app.canvas.editor import Editor
from studio.app.forms import SettingsForm
from studio.app.number_field import Each
from studio.app.tabbing import follow_layout, stops
from studio.app.theme.style import hairline, set_role
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import S1, S2, S3, S4
from studio.app.workspace import Workspace
from studio.project import edits, registry
from studio.project.kinds import Kind
from studio.project.problems import Fix, Problem
from studio.project.seeing import look
from studio.project.settings import Setting, Values
from studio.project.several import matter_to_all, read, shared_settings
from studio.project.values import Node

WIDTH = 304

_FormFor = tuple[tuple[str, ...], tuple[str, ...]]
"""The names of the nodes that a form edits, and their kinds."""


class Inspector(QFrame):
    """Shows one node, several, or the network; follows each change of the value."""

    node_wanted = Signal(str)
    """A node to select and bring into view."""
    left = Signal()
    """Escape was pressed: the keyboard goes back to where the node was selected."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "panel")
        self.setAccessibleName("Inspector")
        sized(self, lambda w: w.setMinimumWidth(px(264)))
        self._workspace = workspace
        self._editor = Editor(workspace)
        self._findings: tuple[Problem, ...] = ()
        self._form: SettingsForm | None = None
        self._form_for: _FormFor = ((), ())
        self._keeps_form = False
        self.name = NameField(self)
        self.name.renamed.connect(self._rename)
        self.title = _label("", "heading", self)
        sized(self, lambda w: w.title.setFixedHeight(w.name.sizeHint().height()))
        self.kind_line = _label("", "muted", self)
        # A title may hold what looks like markup.
        self.kind_line.setTextFormat(Qt.TextFormat.PlainText)
        self.problems = ProblemList(self)
        self.problems.fix_wanted.connect(self._fix)
        self.problems.node_wanted.connect(self.node_wanted)
        self._place_for_form = QVBoxLayout()
        self._line = hairline(parent=self)
        self.heading = _label("", "section", self)
        self.facts = FactRows(self)
        self.field = FieldPicture(self)
        self.field.hide()
        self._second_line = hairline(parent=self)
        self._why = _label("", "section", self)
        self.help = _label("", "muted", self)
        self.formula = _label("", "", self)
        style = self.formula.font()
        style.setItalic(True)
        self.formula.setFont(style)
        self.formula.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.source = _label("", "small", self)
        self._build()
        workspace.changed.connect(self._follow)
        workspace.selection_changed.connect(self._follow)
        self._follow()

    def _build(self) -> None:
        inside = QWidget(self)
        column = QVBoxLayout(inside)
        column.setContentsMargins(S4, S3, S4, S4)
        column.setSpacing(S1)
        column.addWidget(self.name)
        column.addWidget(self.title)
        column.addWidget(self.kind_line)
        column.addSpacing(S2)
        column.addWidget(self.problems)
        column.addSpacing(S1)
        column.addLayout(self._place_for_form)
        column.addSpacing(S2)
        column.addWidget(self._line)
        column.addSpacing(S2)
        column.addWidget(self.heading)
        column.addSpacing(S1)
        column.addWidget(self.facts)
        column.addSpacing(S1)
        column.addWidget(self.field)
        column.addSpacing(S3)
        column.addWidget(self._second_line)
        column.addSpacing(S2)
        for widget in (self._why, self.help, self.formula, self.source):
            column.addWidget(widget)
        column.addStretch(1)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inside)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)

    @property
    def form(self) -> SettingsForm | None:
        """The form of the selected node, where it has settings."""
        return self._form

    def set_findings(self, findings: tuple[Problem, ...]) -> None:
        """Problems beyond the network: those of the recipe and the data."""
        if findings != self._findings:
            self._findings = findings
            self._follow()

    def _own_findings(self) -> tuple[Problem, ...]:
        """They are about the network and none of its blocks' insides."""
        return () if self._workspace.level.path else self._findings

    def set_sample(self, image: QImage | None) -> None:
        """An image of the data, over which the receptive field is drawn."""
        self.field.set_sample(image)

    @Slot()
    def _follow(self) -> None:
        selection = self._workspace.selection
        nodes = {node.name: node for node in self._workspace.level.network.nodes}
        if len(selection) == 1 and selection[0] in nodes:
            self._show_node(nodes[selection[0]])
        else:
            self._show_several([nodes[name] for name in selection if name in nodes])
        follow_layout(self)

    def focus_settings(self) -> None:
        """Give the keyboard to the first setting; to the name where the node has none."""
        within = self._form if self._form is not None else self
        first = next((stop for stop in stops(within) if not stop.isHidden()), None)
        if first is not None:
            first.setFocus(Qt.FocusReason.TabFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def _show_several(self, nodes: Sequence[Node]) -> None:
        """The network, or what the selected nodes share and are together."""
        analysis = self._workspace.level.analysis
        selection = [node.name for node in nodes]
        self._set_form(nodes, shared_settings(nodes))
        self.field.show_view(None, None)
        self.name.hide()
        self.title.show()
        some = bool(nodes)
        level = self._workspace.level
        whole = level.titles[-1] if level.path else "Network"
        self.title.setText(f"{len(nodes)} nodes" if some else whole)
        count = len(self._workspace.level.network.nodes)
        self.kind_line.setText(
            ", ".join(selection[:12]) + (" …" if len(selection) > 12 else "")
            if some
            else f"{count} node{'s' if count != 1 else ''}. Select one to see its settings."
            if count
            else "Empty. Drag a block from the palette onto the canvas."
        )
        chosen = set(selection)
        known = (*analysis.problems, *self._own_findings())
        self.problems.show_problems(
            [p for p in known if not some or p.node in chosen], analysis.nodes
        )
        self.heading.setText("Together" if some else "Totals")
        self.facts.show_facts(
            facts.of_selection(analysis, selection) if some else facts.of_network(analysis)
        )
        self._show_why(None)

    def _show_node(self, node: Node) -> None:
        kind = registry.lookup(node.kind)
        report = self._workspace.level.analysis.nodes[node.name]
        self.title.hide()
        self.name.show()
        self.name.show_name(node.name)
        self.name.setReadOnly(not self._workspace.level.editable)
        source = f" · {kind.source.split(',')[0]}" if kind is not None and kind.source else ""
        title = kind.title if kind is not None else f"Unknown kind “{node.kind}”"
        if kind is not None and kind.own_title is not None:
            title = f"Your block “{kind.title_of(node.settings)}”"
        self.kind_line.setText(title + source)
        self._set_form([node], kind.settings if kind is not None else ())
        own = (*report.problems, *(p for p in self._own_findings() if p.node == node.name))
        self.problems.show_problems(own, self._workspace.level.analysis.nodes, at=node.name)
        self.heading.setText("This block" if kind is not None and kind.is_block else "This layer")
        inside = bool(self._workspace.level.path)
        self.facts.show_facts(facts.of_node(report, inside=inside))
        self._show_field(node)
        self._show_why(kind, read(node, kind)[0] if kind is not None else {})

    def _show_field(self, node: Node) -> None:
        analysis = self._workspace.level.analysis
        shape = analysis.input_shape
        if node.kind in ("input", "output") or shape is None or not self.isVisible():
            self.field.show_view(None, None)
            return
        self.field.show_view(lambda position: look(analysis, node.name, position), shape[1:])

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._follow()

    def _show_why(self, kind: Kind | None, values: Values = MappingProxyType({})) -> None:
        formula, source = kind.formula_and_source(values) if kind is not None else ("", "")
        for widget in (self._second_line, self._why, self.help):
            widget.setVisible(kind is not None)
        self.formula.setVisible(bool(formula))
        self.source.setVisible(bool(source))
        if kind is not None:
            self._why.setText(f"Why {_with_article(kind)}")
            self.help.setText(kind.help)
            self.formula.setText(formula)
            self.source.setText(source)

    # The form -----------------------------------------------------------------------------------

    def _set_form(self, nodes: Sequence[Node], settings: Sequence[Setting]) -> None:
        """A form of ``settings``; the one that stands is kept while the nodes and kinds stay."""
        wanted = tuple(node.name for node in nodes), tuple(node.kind for node in nodes)
        if self._keeps_form and wanted[1] == self._form_for[1]:
            self._form_for = wanted
        if wanted != self._form_for:
            self._form_for = wanted
            self._drop_form()
            if settings:
                self._form = SettingsForm(settings, self)
                self._form.edited.connect(self._edited)
                self._form.committed.connect(self._committed)
                self._place_for_form.addWidget(self._form)
        self._line.setVisible(self._form is not None)
        if self._form is not None:
            self._fill_form(self._form, nodes, settings)

    def _drop_form(self) -> None:
        if self._form is None:
            return
        typing = QApplication.focusWidget()
        if typing is not None and self._form.isAncestorOf(typing):
            self.left.emit()  # or the focus would jump to the window's first button
        self._place_for_form.removeWidget(self._form)
        self._form.hide()
        self._form.deleteLater()
        self._form = None

    def _fill_form(
        self, form: SettingsForm, nodes: Sequence[Node], settings: Sequence[Setting]
    ) -> None:
        owners: dict[str, Values] = {}
        errors: dict[str, str] = {}
        for node in nodes:
            if (kind := registry.lookup(node.kind)) is not None:
                owners[node.name], own = read(node, kind)
                name = f"in {node.name}, " if len(nodes) > 1 else ""
                errors = {key: f"{name}{error}" for key, error in own.items()} | errors
        if len(nodes) == 1:
            form.set_values(owners[nodes[0].name])
        else:
            form.set_several(owners, matter_to_all(nodes, settings))
        form.set_errors(errors)
        form.setEnabled(self._workspace.level.editable)

    @Slot(str, object)
    def _edited(self, name: str, value: object) -> None:
        nodes, kinds = self._form_for
        kind = registry.lookup(kinds[0]) if kinds else None
        if kind is None:
            return
        if name == "title" and kind.own_title is not None:
            self._retitle(nodes[0], str(value))
            return
        title = next(s.title for s in kind.settings if s.name == name)
        values = value.values if isinstance(value, Each) else (value,) * len(nodes)
        which = nodes[0] if len(nodes) == 1 else f"{len(nodes)} nodes"
        self._workspace.edit_network(
            f"Set {title[:1].lower() + title[1:]} of {which}",
            lambda network: edits.set_each(network, name, dict(zip(nodes, values, strict=True))),
            merge=f"set:{','.join(nodes)}:{name}",
        )

    def _retitle(self, node: str, title: str) -> None:
        """A group's name may follow its title; the form under the user's hands stays."""
        self._keeps_form = True
        self._editor.retitle(node, title)
        self._keeps_form = False

    @Slot(str)
    def _committed(self, name: str) -> None:
        self._workspace.end_merge()

    @Slot(str)
    def _rename(self, new: str) -> None:
        nodes = self._form_for[0]
        if len(nodes) == 1 and not self._editor.rename(nodes[0], new):
            self.name.show_name(nodes[0])

    @Slot(object)
    def _fix(self, fix: Fix) -> None:
        self._editor.apply_fix(fix)


def _with_article(kind: Kind) -> str:
    title = kind.title[:1].lower() + kind.title[1:] if kind.title[1:2].islower() else kind.title
    vowel = title[:1].lower() in "aeio"
    return f"{'an' if vowel else 'a'} {title}"


def _label(text: str, role: str, parent: QWidget) -> QLabel:
    label = QLabel(text, parent)
    label.setWordWrap(True)
    if role:
        set_role(label, role)
    return label
