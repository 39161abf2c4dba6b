"""Weights to start from: found, read, held against the network, and loaded whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from studio.engine.architectures import AUXILIARY, current_name, recognize, same_values
from studio.engine.download import Watch, fetch, torchvision_weights, watch_nothing
from studio.engine.weights_file import WeightsFile, read_weights, show
from studio.project import pretrained
from studio.project.analysis import analyze
from studio.project.heads import weights as head_weights
from studio.project.heads import without as without_heads
from studio.project.values import Network, Project
from studio.runs.api import WeightsReport, WorkFailed

_IMAGENET_CLASSES = 1000

_ADVICE = "Choose the weights of this network, or start from random weights."


def load_weights(
    module: nn.Module, project: Project, watch: Watch = watch_nothing
) -> WeightsReport:
    """Fill ``module``, built from ``project``, with the weights that its recipe starts from.

    Raises WorkFailed naming the first tensor that does not fit; the module is then as it was.
    ``watch`` is told of a download, and may end it by raising.
    """
    fitted, report = _fitted(module, project, watch)
    module.load_state_dict(fitted, strict=False)
    return report


def check_weights(
    module: nn.Module, project: Project, watch: Watch = watch_nothing
) -> WeightsReport:
    """What ``load_weights`` would do to ``module``, which may be on the meta device."""
    return _fitted(module, project, watch)[1]


def _fitted(
    module: nn.Module, project: Project, watch: Watch
) -> tuple[dict[str, Tensor], WeightsReport]:
    """The tensors to load by the module's names, and the report on them."""
    source = project.recipe.weights
    classes: tuple[str, ...] = ()
    if fault := pretrained.fault(source):
        raise WorkFailed(f"{fault[:1].upper()}{fault[1:]}.")
    if source.startswith(pretrained.PREFIX):
        source = pretrained.title(source)
        path = fetch(source, watch)
        classes = tuple(torchvision_weights(source).meta["categories"])
    else:
        path = Path(source).expanduser()
    file = read_weights(path)
    title = pretrained.title(project.recipe.weights)
    match = _match(module, project.network, file.tensors, title)
    match = _with_heads(match, module, project.network, file.tensors, title)
    whole = not match.fresh
    return match.taken, WeightsReport(
        source=source if classes else str(path),
        sha256=file.sha256,
        taken=len(match.taken),
        tensors=len(match.taken) + len(match.fresh),
        fresh=match.fresh,
        normalization=_normalization(file, match, project.network),
        classes=(classes or file.classes) if whole else (),
        text=_in_words(match, title, analyze(project.network).classes or 0),
    )


@dataclass(frozen=True)
class _Match:
    """The tensors ``taken``, by the network's names and of its shapes; the names of its head that
    are not, and those of the file that the network has no place for. ``classes`` are the file's."""

    taken: dict[str, Tensor]
    fresh: tuple[str, ...]
    dropped: tuple[str, ...]
    classes: int


def _match(module: nn.Module, network: Network, found: Mapping[str, Tensor], title: str) -> _Match:
    """Which tensor of a file is which of the network's; raises WorkFailed where some is none."""
    heads = _head_names(network)
    own = {name: v for name, v in module.state_dict().items() if not name.startswith(heads)}
    network = without_heads(network)
    given = {current_name(name): value for name, value in found.items()}
    names = _names(network, own, given)
    head = _head(module, heads)
    taken: dict[str, Tensor] = {}
    fresh: list[str] = []
    for name, wanted in own.items():
        value = given.get(names[name])
        if value is None and name.endswith(".num_batches_tracked"):
            value = torch.zeros((), dtype=torch.long)  # torch did not write it before 1.0
        if value is not None and same_values(wanted.shape, value.shape):
            taken[name] = _checked(value, wanted, names[name], title)
        elif value is not None and name in head and _other_classes(wanted, value):
            fresh.append(name)
        else:
            raise _misfit(title, name, names[name], wanted, value)
    places = set(names.values())
    extra = [name for name in given if name not in places]
    for name in extra:
        if not AUXILIARY.match(name):
            raise WorkFailed(
                f"{title} does not fit the network: {name} ({show(given[name].shape)}) in it is "
                "for a layer that the network does not have.",
                _ADVICE,
            )
    classes = {len(given[names[name]]) for name in head}
    if fresh and (len(fresh) < len(head) or len(classes) > 1):
        # Weight and bias for different numbers of classes are no head of any network.
        raise _misfit(title, fresh[0], names[fresh[0]], own[fresh[0]], given[names[fresh[0]]])
    return _Match(taken, tuple(fresh), tuple(extra), max(classes, default=0))


def _head_names(network: Network) -> tuple[str, ...]:
    """What the names of tensors of auxiliary classifiers begin with."""
    return tuple(f"{name}." for name in head_weights(analyze(network)))


def _with_heads(
    match: _Match, module: nn.Module, network: Network, found: Mapping[str, Tensor], title: str
) -> _Match:
    """``match`` with what the file has for the network's auxiliary classifiers; those that it
    lacks, or that tell other classes apart, stay as they start."""
    taken, heads = dict(match.taken), _head_names(network)
    for name, wanted in module.state_dict().items():
        value = found.get(name) if name.startswith(heads) else None
        if value is not None and same_values(wanted.shape, value.shape):
            taken[name] = _checked(value, wanted, name, title)
    dropped = tuple(name for name in match.dropped if name not in taken)
    return replace(match, taken=taken, dropped=dropped)


def _other_classes(wanted: Tensor, value: Tensor) -> bool:
    return value.ndim == wanted.ndim and value.shape[1:] == wanted.shape[1:]


def _names(
    network: Network, own: Mapping[str, Tensor], given: Mapping[str, Tensor]
) -> dict[str, str]:
    """What each tensor of the network is called in the file: as here, or as torchvision has it."""
    same = {name: name for name in own}
    if all(name in given for name in own if not name.endswith(".num_batches_tracked")):
        return same
    architecture = recognize(network, own)
    if architecture is None:
        return same
    theirs = architecture.names
    return max((theirs, same), key=lambda names: sum(name in given for name in names.values()))


def _head(module: nn.Module, heads: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the tensors of the last layer, where that is a linear one; ``heads`` begin
    the names of auxiliary classifiers."""
    layers = [
        (name, layer)
        for name, layer in module.named_modules()
        if layer._parameters and not name.startswith(heads)
    ]
    if not layers or not isinstance(layers[-1][1], nn.Linear):
        return ()
    name, layer = layers[-1]
    return tuple(f"{name}.{part}" for part, value in layer.named_parameters())


def _checked(value: Tensor, wanted: Tensor, name: str, title: str) -> Tensor:
    """``value`` in the shape and type of the network's tensor; raises WorkFailed for NaN."""
    if wanted.is_floating_point() != value.is_floating_point() or value.is_complex():
        raise WorkFailed(
            f"{title} does not fit the network: {name} is of type "
            f"{str(value.dtype).removeprefix('torch.')} in it, and the network's of "
            f"{str(wanted.dtype).removeprefix('torch.')}.",
            _ADVICE,
        )
    value = value.to(wanted.dtype).reshape(wanted.shape)
    if not bool(value.isfinite().all()):
        raise WorkFailed(
            f"{title} cannot be used: {name} has values in it that are no finite numbers.",
            "Choose weights of a training that did not diverge, or start from random ones.",
        )
    return value


def _misfit(title: str, name: str, theirs: str, wanted: Tensor, value: Tensor | None) -> WorkFailed:
    also = f" ({theirs} there)" if theirs != name else ""
    found = "is not in it" if value is None else f"is {show(value.shape)} in it"
    return WorkFailed(
        f"{title} does not fit the network: {name}{also} {found}, and the network's is "
        f"{show(wanted.shape)}.",
        _ADVICE,
    )


def _normalization(file: WeightsFile, match: _Match, network: Network) -> str:
    """The normalization that the weights want: as the file says, else what torchvision trains
    with, where they have ImageNet's classes and the network is an architecture of torchvision."""
    if file.normalization or match.classes != _IMAGENET_CLASSES:
        return file.normalization
    name = pretrained.matching(analyze(network))
    return pretrained.PRETRAINED[name].normalization if name else ""


def _in_words(match: _Match, title: str, classes: int) -> str:
    total = len(match.taken) + len(match.fresh)
    if match.fresh:
        said = (
            f"{len(match.taken):,} of the network's {total:,} tensors are those of {title}; the "
            f"last layer ({' and '.join(match.fresh)}) starts at random, since {title} tells "
            f"{match.classes:,} classes apart and the network {classes:,}."
        )
    else:
        said = f"All {total:,} tensors of the network are those of {title}."
    if match.dropped:
        said += (
            f" The auxiliary heads in it ({len(match.dropped):,} tensors) are left out: they serve "
            "its training alone, and the network has none."
        )
    return said
