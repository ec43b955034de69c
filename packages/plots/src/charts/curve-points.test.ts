import { expect, it } from "vitest";
import { movingAverage, thinOut } from "./curve-points.js";

it("movingAverage equals the mean of each centered window, cut off at the ends", () => {
  // By hand, window 3: the first stands alone, the last window holds two.
  expect([...movingAverage([1, 2, 6, 4, 8], 3)]).toEqual([1, 3, 4, 6, 6]);
  expect([...movingAverage([1, 2, 6, 4, 8], 1)]).toEqual([1, 2, 6, 4, 8]);
});

it("movingAverage leaves a straight line unchanged up to half a window from its end", () => {
  const line = Float64Array.from({ length: 50 }, (_, i) => 3 * i);
  // Running sums of whole numbers are exact.
  expect([...movingAverage(line, 15)].slice(0, -7)).toEqual([...line].slice(0, -7));
});

it("movingAverage ignores what is not finite", () => {
  expect([...movingAverage([1, Number.NaN, 3], 3)]).toEqual([1, 2, 3]);
  expect([...movingAverage([Number.POSITIVE_INFINITY], 3)]).toEqual([Number.NaN]);
});

it("thinOut keeps the extremes of every stretch, in order, and no more points than the limit", () => {
  const y = Float64Array.from({ length: 10_000 }, (_, i) => Math.sin(i / 40));
  y[5003] = 9;
  y[7001] = -9;
  const x = Float64Array.from(y, (_, i) => i);
  const points = thinOut(x, y, 500);
  expect(points.length).toBeLessThanOrEqual(500);
  expect(points.length).toBeGreaterThan(400);
  expect(points).toContainEqual({ x: 5003, y: 9 });
  expect(points).toContainEqual({ x: 7001, y: -9 });
  expect(points.every((point, i) => i === 0 || point.x > points[i - 1]!.x)).toBe(true);
});

it("thinOut keeps a short curve whole but for values that are not finite", () => {
  expect(thinOut([1, 2, 3], [5, Number.NaN, 7], 10)).toEqual([
    { x: 1, y: 5 },
    { x: 3, y: 7 },
  ]);
});
