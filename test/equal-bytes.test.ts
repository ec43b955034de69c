import { expect, it } from "vitest";

it("typed arrays are equal where their type and all of their values are, also within other things", () => {
  const numbers = () => Float32Array.of(1, Number.NaN, -0);
  expect({ of: new Map([["a", numbers()]]) }).toEqual({ of: new Map([["a", numbers()]]) });
  const other = { of: new Map([["a", Float32Array.of(1, Number.NaN, 0)]]) };
  expect({ of: new Map([["a", numbers()]]) }).not.toEqual(other);
  expect(Uint8Array.of(1, 2).subarray(1)).toEqual(Uint8Array.of(2));
  for (const different of [Uint8Array.of(1), Uint8Array.of(1, 3), Int8Array.of(1, 2), [1, 2]]) {
    expect(Uint8Array.of(1, 2)).not.toEqual(different);
  }
});

it("files of weights are compared in milliseconds", () => {
  const bytes = new Uint8Array(2 ** 22).fill(3);
  const start = performance.now();
  expect(bytes).toEqual(bytes.slice());
  expect(performance.now() - start).toBeLessThan(500);
});
