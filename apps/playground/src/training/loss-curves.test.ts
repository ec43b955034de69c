import { describe, expect, it } from "vitest";
import { curveShape, timeSpan } from "./loss-curves.js";

const pointsOf = (path: string) =>
  path
    .split(/[ML]/u)
    .slice(1)
    .map((point) => point.split(" ").map(Number) as [number, number]);

describe("a loss curve", () => {
  const box = { width: 100, height: 50, steps: 101 };

  it("goes from left to right, low losses at the bottom", () => {
    const { every, range } = curveShape(
      [3, 2, 1].map((loss, i) => ({ step: 50 * i + 1, loss })),
      box,
    );
    expect(pointsOf(every).map(([x]) => x)).toEqual([0, 50, 100]);
    expect(pointsOf(every).at(-1)![1]).toBe(50);
    expect(range[0]).toBe(1);
  });

  it("stays in its box where the first losses are far above, and shows the others apart", () => {
    const points = Array.from({ length: 101 }, (_, i) => ({ step: i + 1, loss: i === 0 ? 1000 : 2 - i / 100 }));
    const { every, range } = curveShape(points, box);
    expect(range[1]).toBeLessThan(3);
    const heights = pointsOf(every).map(([, y]) => y);
    expect(Math.min(...heights)).toBeGreaterThanOrEqual(0);
    expect(heights.at(-1)! - heights[1]!).toBeGreaterThan(40);
  });

  it("has few points however many steps there are, each the mean of those it stands for", () => {
    const points = Array.from({ length: 5000 }, (_, i) => ({ step: i + 1, loss: i % 2 }));
    const { every, smooth } = curveShape(points, { ...box, steps: 5000 });
    expect(pointsOf(every).length).toBeLessThanOrEqual(240);
    // Means of 21 losses that go up and down are near one half.
    for (const [, y] of pointsOf(smooth).slice(20)) {
      expect(Math.abs(y - 25)).toBeLessThan(2);
    }
  });

  it("of one step, or of losses that are all the same, is a line", () => {
    expect(pointsOf(curveShape([{ step: 1, loss: 2 }], { ...box, steps: 1 }).every)).toEqual([[0, 50]]);
    expect(
      curveShape(
        [1, 2].map((step) => ({ step, loss: 3 })),
        box,
      ).range,
    ).toEqual([3, 4]);
  });
});

describe("a time span", () => {
  it("is said in seconds, minutes or hours", () => {
    expect([0.2, 42, 100, 3500, 9000].map(timeSpan)).toEqual(["1 s", "42 s", "2 min", "58 min", "2.5 h"]);
  });
});
