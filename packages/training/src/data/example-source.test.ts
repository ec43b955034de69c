import { ConfigError, Random, ShapeError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { windowExamples } from "./example-source.js";

const ids = Int32Array.from({ length: 10 }, (_, i) => i);
const context = { epoch: 0, training: true, random: Random.fromSeed(1) };

describe("windowExamples", () => {
  it("gives every window with the ids that follow", async () => {
    const { count, batch } = windowExamples(ids, { length: 4 });
    expect(count).toBe(6);
    const { inputs, targets } = await batch(Int32Array.of(0, 5), context);
    expect(inputs).toEqual({ data: Int32Array.of(0, 1, 2, 3, 5, 6, 7, 8), count: 2, length: 4 });
    expect(targets).toEqual({ data: Int32Array.of(1, 2, 3, 4, 6, 7, 8, 9), count: 2, length: 4 });
  });

  it("leaves ids out between windows of a larger stride, and the rest that fills none", async () => {
    const { count, batch } = windowExamples(ids, { length: 2, stride: 3 });
    expect(count).toBe(3);
    expect((await batch(Int32Array.of(2), context)).targets.data).toEqual(Int32Array.of(7, 8));
  });

  it("refuses a text shorter than a window, and other ids and options", () => {
    expect(windowExamples(ids, { length: 9 }).count).toBe(1);
    expect(() => windowExamples(ids, { length: 10 })).toThrow(ShapeError);
    expect(() => windowExamples([1, 2, 3] as never, { length: 1 })).toThrow(/ids: expected an Int32Array/);
    expect(() => windowExamples(ids, { size: 4 } as never)).toThrow(ConfigError);
  });
});
