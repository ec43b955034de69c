import { describe, expect, it } from "vitest";
import { ShapeError } from "../errors/errors.js";
import type { CodeBatch } from "./batches.js";
import { images } from "./images.fixture.js";
import {
  concatCodes,
  concatImages,
  gatherCodes,
  gatherImages,
  mirrorImages,
  sliceCodes,
  sliceImages,
} from "./parts-of-batches.js";

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

describe("codes", () => {
  const codes: CodeBatch = { data: Int32Array.of(0, 1, 2, 3, 4, 5), count: 3, height: 1, width: 2 };

  it("are sliced, gathered and joined as images are", () => {
    expect(sliceCodes(codes, 1, 3)).toEqual({ ...codes, data: Int32Array.of(2, 3, 4, 5), count: 2 });
    expect(sliceCodes(codes, 1, 3).data.buffer).toBe(codes.data.buffer);
    expect(gatherCodes(codes, [2, 2, 0])).toEqual({ ...codes, data: Int32Array.of(4, 5, 4, 5, 0, 1) });
    expect(concatCodes([sliceCodes(codes, 2, 3), codes])).toEqual({
      ...codes,
      ...{ data: Int32Array.of(4, 5, 0, 1, 2, 3, 4, 5), count: 4 },
    });
  });

  it("are refused out of range, or of other sizes", () => {
    expect(() => sliceCodes(codes, 2, 4)).toThrow(ShapeError);
    expect(() => gatherCodes(codes, [3])).toThrow(/gatherCodes: index .*3.* is outside the batch of 3 images/);
    expect(() => concatCodes([])).toThrow(ShapeError);
    expect(() => concatCodes([codes, { ...codes, height: 2, width: 1 }])).toThrow("batch 1 has height 2, the first 1");
  });
});
