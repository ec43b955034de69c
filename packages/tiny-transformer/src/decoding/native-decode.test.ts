import { expect, it } from "vitest";
import { divideSteps } from "./native-decode.js";

it("divides steps into equal iterations, with few steps left and none lost", () => {
  expect([56, 57, 63, 10, 1, 0].map(divideSteps)).toEqual([
    { iterations: 7, unrolled: 8 },
    { iterations: 7, unrolled: 8 },
    { iterations: 9, unrolled: 7 },
    { iterations: 2, unrolled: 5 },
    { iterations: 0, unrolled: 8 },
    { iterations: 0, unrolled: 8 },
  ]);
  for (let steps = 0; steps < 300; steps++) {
    const { iterations, unrolled } = divideSteps(steps);
    const rest = steps - iterations * unrolled;
    expect(rest).toBeGreaterThanOrEqual(0);
    expect(rest).toBeLessThan(iterations === 0 ? 16 : 5);
  }
});
