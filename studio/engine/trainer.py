"""The training loop. It is meant to be read; what it calls says by its name what it does."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec
import torch
from torch import nn, optim

from studio.engine.averaging import Averaging
from studio.engine.checkpoint import Place, not_finite, random_states, snapshot
from studio.engine.clipping import clip
from studio.engine.evaluation import measure
from studio.engine.feed import Feed
from studio.engine.keeper import Keeper
from studio.engine.loss import Loss, hits
from studio.engine.mixing import Mixing
from studio.engine.module import training_logits
from studio.engine.optimizers import set_learning_rate
from studio.engine.precision import Precision
from studio.engine.recorder import Diverged, Recorder, Stopwatch
from studio.engine.team import ALONE, Team, Wishes
from studio.project import live, schedules
from studio.project.values import Recipe
from studio.runs.api import EpochDone, PausedChanged, RecipeChanged, Stage
from studio.runs.control import RunControl
from studio.runs.metrics import MetricsWriter
from studio.runs.system import SystemMonitor

COMMIT_INTERVAL = 1.0
"""Seconds between two writes of the curves to disk."""

PAUSE_WORD = 20.0
"""Seconds between two words of a paused run to the others of its team."""


@dataclass
class Trainer:
    """All that the loop works with. ``place`` is how far it is, and moves at every checkpoint."""

    recipe: Recipe
    module: nn.Module
    optimizer: optim.Optimizer
    precision: Precision
    feed: Feed
    loss: Loss
    mixing: Mixing
    device: torch.device
    control: RunControl
    recorder: Recorder
    metrics: MetricsWriter
    keeper: Keeper
    monitor: SystemMonitor
    watch: Stopwatch
    warn: Callable[[str], None]
    note: Callable[[Place, str], None]
    """Told of every state ("running", "paused") and of every epoch that ends."""
    auxiliary: tuple[float, ...] = ()
    """The loss weights of the network's auxiliary classifiers, in its order."""
    averaging: Averaging | None = None
    compiled: nn.Module | None = None
    """``module`` with a compiled forward, where the recipe asks for it and it can be done."""
    fixed: Sequence[nn.Module] = ()
    """The norms of frozen nodes, whose statistics stay as they are."""
    team: Team = ALONE
    """The processes that train together."""
    place: Place = field(default_factory=Place)
    _committed_at: float = field(default=0.0, init=False)
    _curves_problem: str = field(default="", init=False)

    def train(self) -> str:
        """Train to the last epoch, or until asked to stop: "completed" or "stopped".

        Raises Diverged when the loss is no longer a number.
        """
        recipe, optimizer, feed, mixing = self.recipe, self.optimizer, self.feed, self.mixing
        recorder = self.recorder
        precision, averaging, criterion = self.precision, self.averaging, self.loss
        team = self.team
        module = team.wrap(self.module if self.compiled is None else self.compiled, self.device)
        parameters = [p for p in self.module.parameters() if p.requires_grad]
        step = self.place.step

        while (epoch := self.place.epochs_done) < self.recipe.epochs:
            self._begin_epoch()
            first = step - epoch * feed.steps_per_epoch  # above 0 where a run is resumed
            for batch in feed.parts(epoch, first):
                images, targets = mixing(batch.images, batch.labels, epoch, batch.number)
                with precision.autocast(), team.exchanging(module, batch.completes):
                    outputs, *others = training_logits(module, images)
                    loss = total = criterion(outputs, targets)
                    for weight, other in zip(self.auxiliary, others, strict=True):
                        total = total + weight * criterion(other, targets)
                # Mostly the step's only batch, and then a call less.
                precision.backward(total if batch.weight == 1 else batch.weight * total)
                recorder.see(loss, hits(outputs, targets), batch)
                if not batch.completes:
                    continue  # its gradients wait for those of the step's other batches

                rate = self._rate(step)
                set_learning_rate(optimizer, rate)
                precision.unscale(optimizer)
                recorder.record(step, epoch + 1, rate)
                clip(parameters, recipe)
                precision.step(optimizer)
                optimizer.zero_grad()
                if averaging:
                    averaging.update(step)
                step += 1

                # Nothing above waits for the device; what is below does so now and then.
                due = team.agree(step, self._wishes())
                if due.publish:
                    self._publish()
                if due.keep:
                    self._keep(step)
                if due.asked:
                    self._answer(step)
                if due.pause:
                    self._pause(step)
                if due.stop:
                    self._keep(step)
                    return "stopped"

            if not self._finish_epoch(epoch, step):
                self._keep(step)
                return "stopped"
            if team.share(self.control.last_epoch) and self.place.epochs_done < self.recipe.epochs:
                return "stopped"
        return "completed"

    def _wishes(self) -> Wishes:
        """What is due by the clock, and what the user has asked for."""
        control = self.control
        return Wishes(
            publish=self.recorder.due,
            keep=self.keeper.due,
            asked=control.asked,
            pause=control.paused,
            stop=control.stopping,
        )

    def _rate(self, step: int) -> float:
        """The learning rate of ``step``, in this epoch."""
        per_epoch, lowered = self.feed.steps_per_epoch, self.place.plateau.factor
        return schedules.rate(self.recipe, step, per_epoch, lowered)

    def _evaluated(self, step: int) -> nn.Module:
        """The network as it is validated after ``step`` steps: averaged, where that has begun."""
        averaging = self.averaging
        return averaging.module if averaging and averaging.begun(step - 1) else self.module

    def _begin_epoch(self) -> None:
        place = self.place
        self.module.train()
        for norm in self.fixed:
            norm.eval()
        self.recorder.begin_epoch(place.loss_sum, place.correct, place.images)
        self._epoch_start = self.watch() - place.epoch_seconds

    def _finish_epoch(self, epoch: int, step: int) -> bool:
        """Validate, tell, and keep a checkpoint; False where asked to stop before it is done."""
        self.recorder.drain()
        self.team.align(self._evaluated(step))
        measured = measure(
            self._evaluated(step),
            self.feed.split("validation", max(32, self.recipe.batch_size // self.team.size)),
            # In a team no one leaves the others alone with their images.
            lambda: self.control.stopping and self.team.size == 1,
            self.precision.autocast,
            self.team,
        )
        if measured is None:
            return False
        loss, accuracy = measured
        recorder, before = self.recorder, self.place
        best = before.best_epoch == 0 or accuracy > before.best_accuracy
        done = EpochDone(
            epoch=epoch + 1,
            step=step,
            train_loss=recorder.loss_sum / recorder.images,
            train_accuracy=recorder.correct / recorder.images,
            validation_loss=loss,
            validation_accuracy=accuracy,
            learning_rate=self._rate(step - 1),
            seconds=self.watch() - self._epoch_start,
            best=best,
        )
        self.place = Place(
            step=step,
            epochs_done=epoch + 1,
            seconds=self.watch(),
            best_epoch=epoch + 1 if best else before.best_epoch,
            best_accuracy=accuracy if best else before.best_accuracy,
            recipe=before.recipe,
            plateau=schedules.after_epoch(self.recipe, before.plateau, loss, accuracy),
        )
        self._save(best)
        self.metrics.epoch(done)
        self.commit()
        self.control.post(done)
        self.note(self.place, "running")
        return True

    def _keep(self, step: int) -> None:
        """Keep a checkpoint inside an epoch, with the sums its means are made of."""
        self.recorder.drain()
        recorder = self.recorder
        self.place = msgspec.structs.replace(
            self.place,
            step=step,
            loss_sum=recorder.loss_sum,
            correct=recorder.correct,
            images=recorder.images,
            seconds=self.watch(),
            epoch_seconds=self.watch() - self._epoch_start,
        )
        self._save(best=False)

    def _save(self, best: bool) -> None:
        self.commit()  # first, so that a resumed run finds the curves up to its checkpoint
        if bad := not_finite(self.module):  # it must not replace a good one
            what = "a running statistic" if "running_" in bad else "a weight"
            raise Diverged(max(0, self.place.step - 1), what)  # the last step made it so
        evaluated = self._evaluated(self.place.step)
        average = evaluated if evaluated is not self.module else None
        random = self.team.gather(random_states(self.device))
        saved = snapshot(self.place, self.module, self.optimizer, self.precision, random, average)
        self.keeper.keep(saved, best)

    def _answer(self, step: int) -> None:
        """Do what was asked for: another course from here on, a checkpoint."""
        wanted = self.team.share(self.control.take_change())
        if wanted is not None and (news := live.differences(self.recipe, wanted)):
            self.recipe = live.take_over(self.recipe, wanted)
            self.place = msgspec.structs.replace(self.place, recipe=self.recipe)
            text = ", ".join(news)
            self.metrics.changed(step, text, self.recipe)
            total = self.recipe.epochs * self.feed.steps_per_epoch
            self.control.post(RecipeChanged(step, self.recipe, total, text))
            self._keep(step)
            self.note(self.place, "running")
        if self.team.share(self.control.take_keep()):
            self._keep(step)
            if self.keeper.set_aside(step):
                self.control.post(Stage(f"A checkpoint of step {step:,} is kept"))

    def _pause(self, step: int) -> None:
        self._keep(step)
        self.control.post(PausedChanged(True))
        self.metrics.event(step, "paused")
        self.note(self.place, "paused")
        # In a team the others wait in `share` for the one that was asked to pause, and would take
        # it for lost if it were not heard of for long.
        while self.team.share(self.control.paused):
            self.watch.leave_out(self.control.wait_while_paused(PAUSE_WORD))
        self.control.post(PausedChanged(False))
        self.metrics.event(step, "resumed")
        self.note(self.place, "running")

    def _publish(self) -> None:
        self.recorder.publish()
        if time.perf_counter() - self._committed_at > COMMIT_INTERVAL:
            self.commit()

    def commit(self) -> None:
        """Write the curves to disk; they wait in memory where it does not take them."""
        self.metrics.system(self.monitor.take())
        problem = self.metrics.commit()
        if problem and not self._curves_problem:
            self.warn(f"{problem} Training goes on, and writing is tried again.")
        self._curves_problem = problem
        self._committed_at = time.perf_counter()
