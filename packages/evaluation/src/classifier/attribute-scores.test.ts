import { ShapeError } from "@mmgen/core";
import { describe, expect, it } from "vitest";
import { attributeAgreement, attributeExamples, confusionCounts } from "./attribute-scores.js";

describe("attributeAgreement", () => {
  it("counts each attribute, and all of them together", () => {
    const expected = { digit: [1, 2, 3, 4], color: [5, 5, 5, 5] };
    const found = { digit: Int32Array.of(1, 2, 0, 4), color: Int32Array.of(5, 6, 6, 5) };
    expect(attributeAgreement(expected, found)).toEqual({
      count: 4,
      accuracy: { digit: 0.75, color: 0.5 },
      allRight: 0.5,
    });
  });

  it("refuses labels of another count", () => {
    expect(() => attributeAgreement({ digit: [1] }, { digit: [1, 2] })).toThrow(ShapeError);
    expect(() => attributeAgreement({ digit: [] }, { digit: [] })).toThrow(/at least one/);
    expect(() => attributeAgreement({ a: [1], b: [1] }, { a: [1] } as never)).toThrow(/b: expected 1/);
  });
});

describe("confusionCounts", () => {
  it("has a row for each expected class and a column for each found one", () => {
    const rows = confusionCounts([0, 1, 1, 2], [0, 2, 1, 2], 3).map((row) => [...row]);
    expect(rows).toEqual([
      [1, 0, 0],
      [0, 1, 1],
      [0, 0, 1],
    ]);
    expect(() => confusionCounts([3], [0], 3)).toThrow(ShapeError);
    expect(() => confusionCounts([1, 1], [0], 3)).toThrow(ShapeError);
  });
});

describe("attributeExamples", () => {
  it("gathers images with their labels", async () => {
    const images = { data: Uint8Array.of(1, 2, 3), count: 3, height: 1, width: 1, channels: 1, maxValue: 3 };
    const examples = attributeExamples(images, { shape: [7, 8, 9] });
    const batch = await examples.batch(Int32Array.of(2, 0), undefined as never);
    expect([...batch.images.data]).toEqual([3, 1]);
    expect([...Array.from(batch.labels.shape)]).toEqual([9, 7]);
    expect(() => attributeExamples(images, { shape: [1] })).toThrow(/expected 3 classes/);
  });
});
