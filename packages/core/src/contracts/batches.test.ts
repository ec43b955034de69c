import vm from "node:vm";
import { describe, expect, it } from "vitest";
import { ShapeError } from "../errors/errors.js";
import { checkCodeBatch, checkImageBatch, checkTokenBatch } from "./batches.js";
import { images } from "./images.fixture.js";

describe("checkImageBatch", () => {
  it("takes what is right, an empty batch included", () => {
    expect(() => checkImageBatch(images)).not.toThrow();
    expect(() => checkImageBatch({ ...images, data: new Uint8Array(0), count: 0 })).not.toThrow();
  });

  it.each([
    ["another length", { count: 4 }, /expected 16 values \(count 4 × height 2 × width 2 × channels 1\), got 12/],
    ["a negative side", { height: -2 }, /height must be a whole number/],
    ["a fraction", { width: 1.5 }, /width must be a whole number/],
    ["a level above maxValue", { maxValue: 2 }, /level 3 at index 3 is above maxValue 2/],
    ["maxValue 0", { maxValue: 0 }, /maxValue must be a whole number from 1 to 255/],
    ["maxValue 256", { maxValue: 256 }, /maxValue must be a whole number from 1 to 255/],
  ])("refuses %s", (_, change, message) => {
    const check = () => checkImageBatch({ ...images, ...change });
    expect(check).toThrow(ShapeError);
    expect(check).toThrow(message);
  });
});

describe("checkCodeBatch and checkTokenBatch", () => {
  it("take ids in range and no other", () => {
    const codes = { data: Int32Array.of(0, 1, 2, 3), count: 1, height: 2, width: 2 };
    expect(() => checkCodeBatch(codes, 4)).not.toThrow();
    expect(() => checkCodeBatch(codes, 3)).toThrow("codes: 3 at index 3 is outside [0, 3).");
    expect(() => checkCodeBatch({ ...codes, width: 3 }, 4)).toThrow(ShapeError);
    const ids = { data: Int32Array.of(5, -1), count: 2, length: 1 };
    expect(() => checkTokenBatch(ids, 6)).toThrow("ids: -1 at index 1 is outside [0, 6).");
    expect(() => checkTokenBatch({ ...ids, length: 2 }, 6)).toThrow("expected 4 values (count 2 × length 2), got 2");
  });
});

describe("arrays of another type", () => {
  const shape = { count: 1, height: 1, width: 2, channels: 1, maxValue: 255 };

  it.each([
    [
      "levels from 0 to 1",
      new Float32Array([0, 0.5]),
      /data must be a Uint8Array, got \[0, 0\.5\] \(Float32Array of 2\)\./,
    ],
    ["a plain array", [0, 1], /got \[0, 1\] \(array\).*Uint8Array\.from\(data\)/],
    ["a canvas's", new Uint8ClampedArray(2), /got \[0, 0\] \(Uint8ClampedArray of 2\)/],
    ["nothing", undefined, /expected \{ data: Uint8Array, count, height, width, channels \}, got/],
  ])("are refused with what turns them into levels: %s", (_, data, message) => {
    expect(() => checkImageBatch({ ...shape, data: data as never })).toThrow(message);
  });

  it("are taken from another realm", () => {
    const data = vm.runInNewContext("new Uint8Array(2)") as Uint8Array;
    expect(data).not.toBeInstanceOf(Uint8Array);
    expect(() => checkImageBatch({ ...shape, data })).not.toThrow();
  });

  it("are refused as ids and codes", () => {
    const message = /data must be an Int32Array, got \[0, 1\] \(array\)\. Convert .*Int32Array\.from\(data\)/;
    expect(() => checkTokenBatch({ data: [0, 1] as never, count: 1, length: 2 }, 3)).toThrow(message);
    expect(() => checkCodeBatch({ data: [0, 1] as never, count: 1, height: 1, width: 2 }, 3)).toThrow(message);
  });
});
