import { describe, expect, it } from "vitest";
import { Ink } from "./ink.js";

const places = (ink: Ink) => [...ink.pixels.keys()].filter((place) => ink.pixels[place] === 1);

describe("Ink", () => {
  it("is a line without gaps, however far the pointer moved", () => {
    const ink = new Ink(8);
    ink.line([0.5, 2.5], [7.5, 2.5], 0.6);
    expect(places(ink)).toEqual([16, 17, 18, 19, 20, 21, 22, 23]);
    ink.clear();
    expect(places(ink)).toEqual([]);
  });

  it("moves its center of mass to the middle, and keeps all of it", () => {
    const ink = new Ink(8);
    ink.line([1, 1], [1, 1], 1);
    expect(places(ink)).toEqual([0, 1, 8, 9]);
    expect(places(ink.centered())).toEqual([27, 28, 35, 36]);

    const wide = new Ink(4);
    wide.line([0.5, 0.5], [3.5, 0.5], 0.4);
    wide.line([0.5, 3.5], [0.5, 3.5], 0.4);
    expect(places(wide.centered())).toEqual(places(wide));
    expect(places(new Ink(4).centered())).toEqual([]);
  });

  it("takes two colors", () => {
    const ink = new Ink(2);
    ink.line([0.5, 0.5], [0.5, 0.5], 0.4);
    const image = ink.colored([3, 0, 1], [0, 2, 0], 3);
    expect(image).toMatchObject({ count: 1, height: 2, width: 2, channels: 3, maxValue: 3 });
    expect([...image.data]).toEqual([3, 0, 1, 0, 2, 0, 0, 2, 0, 0, 2, 0]);
  });
});
