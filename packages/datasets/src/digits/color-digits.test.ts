import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCaption } from "../captions/digit-captions.js";
import { gatherLabeled, type LabeledImages } from "../captions/labeled-images.js";
import { palette, paletteIndex } from "../captions/palette.js";
import { colorDigits } from "./color-digits.js";
import { proceduralDigits } from "./procedural-digits.js";

const digits = proceduralDigits({ count: 300, seed: 5 });
const styles = ["digit-and-background", "digit-on-black"] as const;

describe("colorDigits", () => {
  it.each(styles)("%s: gives pixels of at least half ink the digit's color, the others the background's", (style) => {
    const colored = colorDigits(digits, { seed: 1, style });
    for (let pixel = 0; pixel < digits.images.data.length; pixel++) {
      const image = Math.floor(pixel / 784);
      const colors = digits.images.data[pixel]! >= 128 ? colored.digitColors : colored.backgroundColors;
      const { rgb } = palette[colors[image]!]!;
      const got = colored.images.data.subarray(3 * pixel, 3 * pixel + 3);
      if (got[0] !== rgb[0] || got[1] !== rgb[1] || got[2] !== rgb[2]) {
        expect.fail(`pixel ${pixel}: expected ${rgb}, got ${got}`);
      }
    }
    expect(colored.images).toMatchObject({ count: 300, height: 28, width: 28, channels: 3, maxValue: 3 });
  });

  it.each(styles)("%s: names the drawn colors in the caption", (style) => {
    const colored = colorDigits(digits, { seed: 2, style });
    colored.captions.forEach((caption, i) => {
      expect(parseCaption(caption)).toEqual({
        digit: digits.labels[i],
        digitColor: colored.digitColors[i],
        backgroundColor: colored.backgroundColors[i],
      });
      expect(colored.digitColors[i]).not.toBe(colored.backgroundColors[i]);
    });
  });

  it("keeps the background black in style digit-on-black", () => {
    const { backgroundColors } = colorDigits(digits, { seed: 3, style: "digit-on-black" });
    expect(new Set(backgroundColors)).toEqual(new Set([paletteIndex("plain black")]));
  });

  it("depends on seed and index alone, not on the batch", () => {
    const whole = colorDigits(digits, { seed: 4 });
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(299), { minLength: 1, maxLength: 20 }), (indices) => {
        const part = colorDigits(gatherLabeled(digits, indices), { seed: 4, indices });
        expect(part.captions).toEqual(indices.map((index) => whole.captions[index]));
      }),
      { numRuns: 30 },
    );
    expect(colorDigits(digits, { seed: 6 }).captions).not.toEqual(whole.captions);
  });

  it("draws ordered pairs of colors uniformly", () => {
    const count = 60_000;
    const dots: LabeledImages = {
      images: { data: new Uint8Array(count), count, height: 1, width: 1, channels: 1, maxValue: 255 },
      labels: new Uint8Array(count),
    };
    const { digitColors, backgroundColors } = colorDigits(dots, { seed: 7 });
    const counts = new Map<number, number>();
    for (let i = 0; i < count; i++) {
      const pair = digitColors[i]! * 32 + backgroundColors[i]!;
      counts.set(pair, (counts.get(pair) ?? 0) + 1);
    }
    const expected = count / (32 * 31);
    expect(counts.size).toBe(32 * 31);
    const chiSquare = [...counts.values()].reduce((sum, seen) => sum + (seen - expected) ** 2 / expected, 0);
    // 991 degrees of freedom: mean 991, standard deviation 44.5; five of these above.
    expect(chiSquare).toBeLessThan(991 + 5 * 44.5);
  });

  it("refuses colored images and counts that differ", () => {
    const colored = colorDigits(digits, { seed: 1 });
    expect(() => colorDigits({ images: colored.images, labels: digits.labels }, { seed: 1 })).toThrow("1 channel");
    expect(() => colorDigits(digits, { seed: 1, indices: [1, 2] })).toThrow("300 labels and 2 indices");
    expect(() => colorDigits({ ...digits, labels: new Uint8Array(2) }, { seed: 1 })).toThrow("2 labels");
    expect(() => colorDigits(digits, { seed: 1, style: "gray" as never })).toThrow('got "gray"');
  });
});
