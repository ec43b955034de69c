import { expect, it } from "vitest";
import { everyNth, mirrorImages, nextCodes, repeatCodes } from "./data.js";
import { grayed } from "./plots.js";

const context = { epoch: 0, training: false, random: undefined as never };

it("puts the start before codes, and each code as the target of those before it", async () => {
  const codes = { data: Int32Array.of(1, 2, 3, 4, 5, 6, 7, 0), count: 2, height: 2, width: 2 };
  const batch = await nextCodes({ codebookSize: 8 }, codes).batch(Int32Array.of(1, 0), context);
  expect([...batch.inputs.data]).toEqual([8, 5, 6, 7, 8, 1, 2, 3]);
  expect([...batch.targets.data]).toEqual([5, 6, 7, 0, 1, 2, 3, 4]);
});

it("repeats codes row by row, which every so many images take apart again", () => {
  const codes = { data: Int32Array.of(1, 2, 3, 4), count: 2, height: 1, width: 2 };
  expect([...repeatCodes(codes, 2).data]).toEqual([1, 2, 1, 2, 3, 4, 3, 4]);
  const images = { data: Uint8Array.of(1, 2, 3, 4), count: 4, height: 1, width: 1, channels: 1, maxValue: 255 };
  expect([...everyNth(images, 2, 1).data]).toEqual([2, 4]);
});

it("mirrors images left to right, all channels of a pixel together", () => {
  const images = {
    data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    count: 2,
    height: 1,
    width: 2,
    channels: 2,
    maxValue: 9,
  };
  expect([...mirrorImages(images).data]).toEqual([3, 4, 1, 2, 7, 8, 5, 6]);
});

it("grays the pixels of masked codes and no others", () => {
  const images = { data: new Uint8Array(16).fill(9), count: 1, height: 4, width: 4, channels: 1, maxValue: 255 };
  const { data } = grayed(images, { height: 2, width: 2 }, Uint8Array.of(0, 1, 0, 0));
  expect([...data]).toEqual([9, 9, 128, 128, 9, 9, 128, 128, ...new Array(8).fill(9)]);
});
