import type { TrainingObserver } from "@mmgen/training";
import { minutes } from "./figures.js";

/** Stops a run as Ctrl-C would once so many steps of a training have been taken, and says how long all of it would take. */
export function stopAfter(steps: number, interrupt: AbortController, log: (line: string) => void): TrainingObserver {
  let taken = 0;
  let since = 0;
  return {
    onStart: () => {
      taken = 0;
      since = performance.now();
    },
    onStep: ({ step }, run) => {
      taken++;
      if (taken === steps && step < run.totalSteps) {
        const perStep = (performance.now() - since) / 1000 / taken;
        log(
          `${taken} steps at ${(1000 * perStep).toFixed(0)} ms: all ${run.totalSteps} would take about ${minutes(perStep * run.totalSteps)}, ${minutes(perStep * (run.totalSteps - step))} of it still to come.`,
        );
        interrupt.abort();
      }
    },
  };
}
