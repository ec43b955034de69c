import { describe, expect, it } from "vitest";
import { captionClasses, gatherLabeled } from "./labeled-images.js";

const digits = {
  images: { data: Uint8Array.of(1, 2, 3, 4), count: 2, height: 1, width: 2, channels: 1, maxValue: 255 },
  labels: Uint8Array.of(7, 9),
};

describe("gatherLabeled", () => {
  it("copies the examples asked for, in that order", () => {
    const gathered = gatherLabeled(digits, [1, 0, 1]);
    expect([...gathered.labels]).toEqual([9, 7, 9]);
    expect([...gathered.images.data]).toEqual([3, 4, 1, 2, 3, 4]);
  });
});

describe("captionClasses", () => {
  const names = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"];

  it("gives each image its class's name, without a copy", () => {
    const { images, captions } = captionClasses(digits, names);
    expect(captions).toEqual(["ya", "wo"]);
    expect(images).toBe(digits.images);
  });

  it("refuses a label without a name", () => {
    expect(() => captionClasses(digits, names.slice(0, 9))).toThrow("image 1 has class 9, and there are 9 names");
  });
});
