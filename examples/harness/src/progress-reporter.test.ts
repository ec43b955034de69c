import { describe, expect, it } from "vitest";
import { stopAfter } from "./progress-reporter.js";

const run = { totalSteps: 100 };
const record = (step: number, seconds: number) => ({ step, seconds });

function watched(steps: number) {
  const lines: string[] = [];
  const interrupt = new AbortController();
  const observer = stopAfter(steps, interrupt, { currentStage: "Transformer", log: (line) => lines.push(line) });
  return { lines, interrupt, observer };
}

describe("stopAfter", () => {
  it("prints the time of a step and of the whole training, and stops", () => {
    const { lines, interrupt, observer } = watched(2);
    observer.onStart();
    observer.onStep(record(1, 0.5), run);
    expect(interrupt.signal.aborted).toBe(false);
    observer.onStep(record(2, 1.5), run);
    expect(interrupt.signal.aborted).toBe(true);
    expect(lines).toEqual([
      "Transformer: 2 steps at 1000 ms; all 100 would take about 1 min 40 s, 1 min 38 s of it still to come.",
    ]);
  });

  it("counts from where a training resumes, and anew for the next", () => {
    const { lines, interrupt, observer } = watched(2);
    observer.onStart();
    observer.onStep(record(1, 9), run);
    observer.onStart();
    observer.onStep(record(41, 1), run);
    expect(interrupt.signal.aborted).toBe(false);
    observer.onStep(record(42, 1), run);
    expect(lines[0]).toMatch(/2 steps at 1000 ms.* 58 s of it/);
  });

  it("lets a training end at its last step", () => {
    const { lines, interrupt, observer } = watched(1);
    observer.onStart();
    observer.onStep(record(100, 1), run);
    expect([lines, interrupt.signal.aborted]).toEqual([[], false]);
  });
});
