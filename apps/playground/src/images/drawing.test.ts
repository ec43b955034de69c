import { describe, expect, it } from "vitest";
import { Drawing, type Rgb } from "./drawing.js";

const black: Rgb = [0, 0, 0];
const red: Rgb = [255, 0, 0];
const blue: Rgb = [0, 0, 255];
const gray = { channels: 1, maxValue: 255 };

const inked = (drawing: Drawing) =>
  Array.from({ length: drawing.height * drawing.width }, (_, i) => i).filter((i) => drawing.pixels[i * 3] === 255);

describe("Drawing", () => {
  it("has lines without gaps, however far the pointer moved, and nothing beside the image", () => {
    const drawing = new Drawing({ height: 8, width: 8 }, black);
    drawing.line([0.5, 2.5], [7.5, 2.5], 0.6, red);
    expect(inked(drawing)).toEqual([16, 17, 18, 19, 20, 21, 22, 23]);
    drawing.clear();
    drawing.line([-5, -5], [30, 0.5], 0.4, red);
    expect(inked(drawing).every((place) => place < 8)).toBe(true);
    expect(drawing.toImage(gray).data.length).toBe(64);
  });

  it("moves what was drawn to the middle, and keeps all of it", () => {
    const drawing = new Drawing({ height: 8, width: 8 }, black);
    drawing.line([1, 1], [1, 1], 1, red);
    expect(inked(drawing)).toEqual([0, 1, 8, 9]);
    expect(inked(drawing.centered())).toEqual([27, 28, 35, 36]);

    const wide = new Drawing({ height: 4, width: 4 }, black);
    wide.line([0.5, 0.5], [3.5, 0.5], 0.4, red);
    wide.line([0.5, 3.5], [0.5, 3.5], 0.4, red);
    expect(inked(wide.centered())).toEqual(inked(wide));
    expect(inked(new Drawing({ height: 4, width: 4 }, black).centered())).toEqual([]);
  });

  it("changes its ground and keeps what was drawn", () => {
    const drawing = new Drawing({ height: 1, width: 2 }, black);
    drawing.line([0.5, 0.5], [0.5, 0.5], 0.4, red);
    drawing.setGround(blue);
    expect([...drawing.toImage({ channels: 3, maxValue: 3 }).data]).toEqual([3, 0, 0, 0, 0, 3]);
  });

  it("takes over pictures, in as many levels and channels as a model has", () => {
    const drawing = new Drawing({ height: 1, width: 2 }, black);
    drawing.setRgba([255, 128, 0, 255, 90, 90, 90, 255]);
    expect(drawing.toImage({ channels: 3, maxValue: 3 })).toEqual({
      ...{ data: Uint8Array.of(3, 2, 0, 1, 1, 1), count: 1, height: 1, width: 2, channels: 3, maxValue: 3 },
    });
    expect([...drawing.toImage(gray).data]).toEqual([128, 90]);
  });
});
