import { describe, expect, it } from "vitest";
import { gatherLabeled, joinIdx } from "./labeled-images.js";

const images = { shape: [2, 1, 2], data: Uint8Array.of(1, 2, 3, 4) };
const labels = { shape: [2], data: Uint8Array.of(7, 9) };

describe("joinIdx", () => {
  it("joins images and labels one for one", () => {
    const joined = joinIdx(images, labels);
    expect(joined.images).toMatchObject({ count: 2, height: 1, width: 2, channels: 1, maxValue: 255 });
    expect([...joined.labels]).toEqual([7, 9]);
  });

  it("refuses swapped files, other counts and other classes", () => {
    expect(() => joinIdx(labels, images)).toThrow(/swapped/);
    expect(() => joinIdx(images, { shape: [1], data: Uint8Array.of(7) })).toThrow("2 images and 1 labels");
    expect(() => joinIdx(images, { shape: [2], data: Uint8Array.of(7, 10) })).toThrow("label 10 at index 1");
  });
});

describe("gatherLabeled", () => {
  it("copies the examples asked for, in that order", () => {
    const gathered = gatherLabeled(joinIdx(images, labels), [1, 0, 1]);
    expect([...gathered.labels]).toEqual([9, 7, 9]);
    expect([...gathered.images.data]).toEqual([3, 4, 1, 2, 3, 4]);
  });
});
