import type { TrainingObserver } from "@mmgen/training";
import { minutes } from "./figures.js";
import type { Narrator } from "./narrator.js";

/**
 * Stops a run as Ctrl-C would once so many steps of a training have been taken, and says how long all of it would take.
 *
 * @param steps - At least 1, counted from where the training starts or goes on.
 */
export function stopAfter(
  steps: number,
  interrupt: AbortController,
  narrator: Pick<Narrator, "line" | "currentStage">,
): TrainingObserver {
  let taken = 0;
  let seconds = 0;
  return {
    onStart: () => {
      taken = 0;
      seconds = 0;
    },
    onStep: (record, { totalSteps }) => {
      taken++;
      seconds += record.seconds;
      if (taken === steps && record.step < totalSteps) {
        const perStep = seconds / taken;
        const left = minutes(perStep * (totalSteps - record.step));
        narrator.line(
          `${narrator.currentStage ?? "Training"}: ${taken} ${taken === 1 ? "step" : "steps"} at ${(1000 * perStep).toFixed(0)} ms; ` +
            `all ${totalSteps} would take about ${minutes(perStep * totalSteps)}, ${left} of it still to come.`,
        );
        interrupt.abort();
      }
    },
  };
}
