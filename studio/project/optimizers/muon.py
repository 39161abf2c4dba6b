"""Muon: the velocity of a whole matrix, made orthogonal."""

from __future__ import annotations

from studio.project.optimizers.kind import DECAY_NORMS, OptimizerKind, Rule, decoupled
from studio.project.settings import Choice, Flag, Integer, Real, Values


def _muon(values: Values) -> Rule:
    lines = ["v ← γ v + (1 − γ) ∇L"]
    if values["nesterov"]:
        lines.append("n = γ v + (1 − γ) ∇L")
    lines.append(f"O = U Vᵀ where {'n' if values['nesterov'] else 'v'} = U S Vᵀ")
    if values["scale"] == "original":
        lines.append("s = √max(1, rows / columns)")
    else:
        lines.append("s = 0.2 √max(rows, columns)")
    decay = "α λ W − " if values["weight_decay"] else ""
    return Rule((*lines, f"W ← W − {decay}α s O"))


MUON = OptimizerKind(
    kind="muon",
    title="Muon",
    help="Steps by whole matrices. A velocity is mostly made of few directions; a Newton-Schulz "
    "iteration brings its singular values near 1, so that rare directions are learned as fast "
    "as common ones. A convolution counts as a matrix with one row for each output channel. "
    "Biases and norms are no matrices: AdamW steps these, in the same optimizer. Jordan's adds "
    "gradients up, v ← γ v + ∇L; torch's averages them, and the direction is the same.",
    rule=_muon,
    source="Jordan et al. 2024; Liu et al. 2025 for the scale s that matches AdamW",
    settings=(
        Real(name="momentum", title="Momentum γ", default=0.95, minimum=0.0, maximum=0.9999,
             help="The share of the velocity that is kept."),
        Flag(name="nesterov", title="Nesterov", default=True,
             help="Looks ahead along the velocity: (1 − γ) ∇L + γ v is made orthogonal."),
        Integer(name="ns_steps", title="Iterations", default=5, minimum=1, maximum=20,
                help="Rounds of the Newton-Schulz iteration. Five bring all singular values to "
                "about 0.7 to 1.2, which is enough."),
        Choice(name="scale", title="Scale s", default="original",
               choices=(("original", "√(rows / columns)"), ("match_rms_adamw", "as AdamW's")),
               help="How far a step goes: √max(1, rows / columns), Jordan's; or 0.2 √(the longer "
               "side), with which AdamW's learning rate and decay serve."),
        Flag(name="ends", title="Ends by AdamW", default=True,
             help="Leaves the first and the last layer to AdamW. Their inputs and outputs are "
             "pixels and classes, whose directions are not alike."),
        Real(name="adam_share", title="AdamW's rate", default=0.05, minimum=0.0, maximum=10.0,
             above=True, logarithmic=True, unit="of α",
             help="The learning rate of what AdamW steps, as a share of Muon's."),
        Real(name="beta1", title="AdamW's γ₁", default=0.9, minimum=0.0, maximum=0.9999,
             help="The share of the running average of gradients that AdamW keeps."),
        Real(name="beta2", title="AdamW's γ₂", default=0.999, minimum=0.0, maximum=0.999999,
             help="The share of the running average of squared gradients that AdamW keeps."),
        decoupled(0.01),
        DECAY_NORMS,
    ),
    rate=0.02,
    slots=lambda values: 1,
    scratch=3.6,
    by_matrix=True,
)  # fmt: skip
