import { ConfigError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { constantSchedule, cosineSchedule, linearSchedule } from "./schedules.js";

describe("schedules", () => {
  it("keeps a constant rate", () => {
    const schedule = constantSchedule(0.3);
    expect([0, 1, 1e6].map(schedule)).toEqual([0.3, 0.3, 0.3]);
  });

  it("climbs to the full rate at the end of the warm-up and never starts at nothing", () => {
    const schedule = cosineSchedule({ learningRate: 1, totalSteps: 100, warmUpSteps: 4 });
    expect([0, 1, 2, 3, 4].map(schedule)).toEqual([0.25, 0.5, 0.75, 1, 1]);
  });

  it("falls along half a cosine to zero and stays there", () => {
    const schedule = cosineSchedule({ learningRate: 2, totalSteps: 120, warmUpSteps: 20 });
    expect(schedule(70)).toBeCloseTo(1, 12);
    expect(schedule(45)).toBeCloseTo(1 + Math.SQRT1_2, 12);
    expect(schedule(120)).toBe(0);
    expect(schedule(1000)).toBe(0);
  });

  it("falls to a final rate when there is one", () => {
    const schedule = cosineSchedule({
      learningRate: 1e-3,
      totalSteps: 5000,
      warmUpSteps: 100,
      finalLearningRate: 1e-4,
    });
    expect(schedule(2550)).toBeCloseTo(5.5e-4, 12);
    expect(schedule(5000)).toBe(1e-4);
  });

  it("falls in a straight line", () => {
    const schedule = linearSchedule({ learningRate: 1, totalSteps: 10, warmUpSteps: 2, finalLearningRate: 0.2 });
    expect(schedule(2)).toBeCloseTo(1, 12);
    expect(schedule(6)).toBeCloseTo(0.6, 12);
    expect(schedule(10)).toBe(0.2);
  });

  it("describes itself as data", () => {
    expect(cosineSchedule({ learningRate: 1, totalSteps: 9 }).configuration).toEqual({
      kind: "cosine",
      learningRate: 1,
      totalSteps: 9,
      warmUpSteps: 0,
      floor: 0,
    });
  });

  it("refuses numbers out of range and unknown options", () => {
    expect(() => constantSchedule(Number.NaN)).toThrow(ConfigError);
    expect(() => cosineSchedule({ learningRate: 1, totalSteps: 0 })).toThrow(/totalSteps/);
    expect(() => cosineSchedule({ learningRate: 1, totalSteps: 5, warmUpSteps: 6 })).toThrow(/warmUpSteps/);
    expect(() => linearSchedule({ learningRate: 1, totalSteps: 5, finalLearningRate: 2 })).toThrow(/finalLearningRate/);
    const misspelled = { learningRate: 1, totalSteps: 5, warmupSteps: 2 } as never;
    expect(() => cosineSchedule(misspelled)).toThrow(/warmupSteps: .* did you mean "warmUpSteps"\?/);
  });
});
