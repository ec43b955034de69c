import { expect, it } from "vitest";
import { toRgba } from "./show-images.js";

it("gives a canvas its pixels, of the image asked for, in color and in gray", () => {
  const data = Uint8Array.of(0, 1, 3, 3, 0, 0);
  const color = { data, count: 2, height: 1, width: 1, channels: 3, maxValue: 3 };
  expect([...toRgba(color, 0)]).toEqual([0, 85, 255, 255]);
  expect([...toRgba(color, 1)]).toEqual([255, 0, 0, 255]);
  const gray = { data: Uint8Array.of(51), count: 1, height: 1, width: 1, channels: 1, maxValue: 255 };
  expect([...toRgba(gray, 0)]).toEqual([51, 51, 51, 255]);
});
