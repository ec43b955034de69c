import vm from "node:vm";
import { describe, expect, it } from "vitest";
import { ShapeError } from "../errors/errors.js";
import {
  checkCodeBatch,
  checkImageBatch,
  checkTokenBatch,
  concatImages,
  gatherImages,
  type ImageBatch,
  mirrorImages,
  sliceImages,
} from "./batches.js";

const images: ImageBatch = {
  data: Uint8Array.from({ length: 3 * 2 * 2 }, (_, i) => i % 4),
  count: 3,
  height: 2,
  width: 2,
  channels: 1,
  maxValue: 3,
};

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

describe("sliceImages", () => {
  it("is a view of the images asked for", () => {
    const slice = sliceImages(images, 1, 3);
    expect(slice).toMatchObject({ count: 2, height: 2, maxValue: 3 });
    expect(slice.data).toEqual(images.data.subarray(4, 12));
    expect(slice.data.buffer).toBe(images.data.buffer);
    expect(sliceImages(images, 3, 3).count).toBe(0);
  });

  it.each([
    [-1, 2],
    [0, 4],
    [2, 1],
    [0, 1.5],
  ])("refuses %d to %d of 3", (start, end) => {
    expect(() => sliceImages(images, start, end)).toThrow(ShapeError);
  });
});

describe("gatherImages", () => {
  it("copies in the order asked for, repeats included", () => {
    const gathered = gatherImages(images, [2, 0, 2]);
    expect([...gathered.data]).toEqual([
      ...images.data.subarray(8),
      ...images.data.subarray(0, 4),
      ...images.data.subarray(8),
    ]);
    expect(gathered.data.buffer).not.toBe(images.data.buffer);
    expect(gatherImages(images, Int32Array.of(1)).count).toBe(1);
  });

  it.each([-1, 3, 0.5, Number.NaN])("refuses index %s", (index) => {
    expect(() => gatherImages(images, [index])).toThrow(ShapeError);
  });
});

describe("concatImages", () => {
  it("copies all images in order", () => {
    const all = concatImages([sliceImages(images, 2, 3), sliceImages(images, 0, 0), images]);
    expect(all).toMatchObject({ count: 4, height: 2, width: 2, channels: 1, maxValue: 3 });
    expect([...all.data]).toEqual([...images.data.subarray(8), ...images.data]);
  });

  it("refuses none, and those of another size or range", () => {
    expect(() => concatImages([])).toThrow(ShapeError);
    const wide = { ...images, count: 1, height: 1, width: 12 };
    expect(() => concatImages([images, wide])).toThrow("batch 1 has height 1, the first 2");
    expect(() => concatImages([images, { ...images, maxValue: 4 }])).toThrow(/maxValue 4, the first 3/);
    expect(() => concatImages([images, { ...images, count: 4 }])).toThrow(/batches\[1\]: expected 16 values/);
  });
});

describe("mirrorImages", () => {
  it("mirrors each row left to right, all channels of a pixel together", () => {
    const data = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    const wide = { data, count: 1, height: 2, width: 3, channels: 2, maxValue: 12 };
    const mirrored = mirrorImages(wide);
    expect([...mirrored.data]).toEqual([5, 6, 3, 4, 1, 2, 11, 12, 9, 10, 7, 8]);
    expect(mirrorImages(mirrored)).toEqual(wide);
    expect(data[0]).toBe(1);
  });

  it("takes an empty batch, and refuses one of another length", () => {
    expect(mirrorImages({ ...images, data: new Uint8Array(0), count: 0 }).count).toBe(0);
    expect(() => mirrorImages({ ...images, count: 4 })).toThrow(ShapeError);
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
