import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCaption } from "./captions.js";
import { colourDigits } from "./colour-digits.js";
import { gatherLabelled, type LabelledImages } from "./labelled-images.js";
import { palette, paletteIndex } from "./palette.js";
import { proceduralDigits } from "./procedural-digits.js";

const digits = proceduralDigits({ count: 300, seed: 5 });
const styles = ["digit-and-background", "digit-on-black"] as const;

describe("colourDigits", () => {
  it.each(styles)("%s: gives pixels of at least half ink the digit's colour, the others the background's", (style) => {
    const coloured = colourDigits(digits, { seed: 1, style });
    for (let pixel = 0; pixel < digits.images.data.length; pixel++) {
      const picture = Math.floor(pixel / 784);
      const colours = digits.images.data[pixel]! >= 128 ? coloured.digitColours : coloured.backgroundColours;
      const { rgb } = palette[colours[picture]!]!;
      const got = coloured.images.data.subarray(3 * pixel, 3 * pixel + 3);
      if (got[0] !== rgb[0] || got[1] !== rgb[1] || got[2] !== rgb[2]) {
        expect.fail(`pixel ${pixel}: expected ${rgb}, got ${got}`);
      }
    }
    expect(coloured.images).toMatchObject({ count: 300, height: 28, width: 28, channels: 3, maxValue: 3 });
  });

  it.each(styles)("%s: says in the caption what the picture shows", (style) => {
    const coloured = colourDigits(digits, { seed: 2, style });
    coloured.captions.forEach((caption, i) => {
      expect(parseCaption(caption)).toEqual({
        digit: digits.labels[i],
        digitColour: coloured.digitColours[i],
        backgroundColour: coloured.backgroundColours[i],
      });
      expect(coloured.digitColours[i]).not.toBe(coloured.backgroundColours[i]);
    });
  });

  it("keeps the background black in the style that says so", () => {
    const { backgroundColours } = colourDigits(digits, { seed: 3, style: "digit-on-black" });
    expect(new Set(backgroundColours)).toEqual(new Set([paletteIndex("plain black")]));
  });

  it("depends on seed and index alone, not on the batch", () => {
    const whole = colourDigits(digits, { seed: 4 });
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(299), { minLength: 1, maxLength: 20 }), (indices) => {
        const part = colourDigits(gatherLabelled(digits, indices), { seed: 4, indices });
        expect(part.captions).toEqual(indices.map((index) => whole.captions[index]));
      }),
      { numRuns: 30 },
    );
    expect(colourDigits(digits, { seed: 6 }).captions).not.toEqual(whole.captions);
  });

  it("draws ordered pairs of colours uniformly", () => {
    const count = 60_000;
    const dots: LabelledImages = {
      images: { data: new Uint8Array(count), count, height: 1, width: 1, channels: 1, maxValue: 255 },
      labels: new Uint8Array(count),
    };
    const { digitColours, backgroundColours } = colourDigits(dots, { seed: 7 });
    const counts = new Map<number, number>();
    for (let i = 0; i < count; i++) {
      const pair = digitColours[i]! * 32 + backgroundColours[i]!;
      counts.set(pair, (counts.get(pair) ?? 0) + 1);
    }
    const expected = count / (32 * 31);
    expect(counts.size).toBe(32 * 31);
    const chiSquare = [...counts.values()].reduce((sum, seen) => sum + (seen - expected) ** 2 / expected, 0);
    // 991 degrees of freedom: mean 991, standard deviation 44.5; five of these above.
    expect(chiSquare).toBeLessThan(991 + 5 * 44.5);
  });

  it("refuses coloured pictures and counts at odds", () => {
    const coloured = colourDigits(digits, { seed: 1 });
    expect(() => colourDigits({ images: coloured.images, labels: digits.labels }, { seed: 1 })).toThrow("1 channel");
    expect(() => colourDigits(digits, { seed: 1, indices: [1, 2] })).toThrow("300 labels and 2 indices");
    expect(() => colourDigits({ ...digits, labels: new Uint8Array(2) }, { seed: 1 })).toThrow("2 labels");
    expect(() => colourDigits(digits, { seed: 1, style: "grey" as never })).toThrow('got "grey"');
  });
});
