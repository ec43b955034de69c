import type { RunDescription, StepRecord } from "@mmgen/training";
import { describe, expect, it } from "vitest";
import { stopAfter } from "./stop-after.js";

const run: RunDescription = { step: 0, totalSteps: 100, stepsPerEpoch: 50, batchSize: 8 };
const record = (step: number, seconds: number): StepRecord => ({
  ...{ step, seconds, epoch: 1, loss: 1, gradientNorm: 1, learningRate: 1, metrics: {} },
});

function watched(steps: number) {
  const lines: string[] = [];
  const interrupt = new AbortController();
  const observer = stopAfter(steps, interrupt, { currentStage: "Transformer", line: (line) => lines.push(line) });
  return { lines, interrupt, observer };
}

describe("stopAfter", () => {
  it("tells of the steps' own time and of the training they belong to, and stops", () => {
    const { lines, interrupt, observer } = watched(2);
    observer.onStart?.(run);
    observer.onStep?.(record(1, 0.5), run);
    expect(interrupt.signal.aborted).toBe(false);
    observer.onStep?.(record(2, 1.5), run);
    expect(interrupt.signal.aborted).toBe(true);
    expect(lines).toEqual([
      "Transformer: 2 steps at 1000 ms; all 100 would take about 1 min 40 s, 1 min 38 s of it still to come.",
    ]);
  });

  it("counts from where a training goes on, and anew for the next", () => {
    const { lines, interrupt, observer } = watched(2);
    observer.onStart?.(run);
    observer.onStep?.(record(1, 9), run);
    observer.onStart?.({ ...run, step: 40 });
    observer.onStep?.(record(41, 1), run);
    expect(interrupt.signal.aborted).toBe(false);
    observer.onStep?.(record(42, 1), run);
    expect(lines[0]).toMatch(/2 steps at 1000 ms.* 58 s of it/);
  });

  it("lets a training end that has no step more", () => {
    const { lines, interrupt, observer } = watched(1);
    observer.onStart?.({ ...run, step: 99 });
    observer.onStep?.(record(100, 1), run);
    expect([lines, interrupt.signal.aborted]).toEqual([[], false]);
  });
});
