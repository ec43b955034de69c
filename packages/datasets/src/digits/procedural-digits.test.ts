import { describe, expect, it } from "vitest";
import { proceduralDigits } from "./procedural-digits.js";

const digits = proceduralDigits({ count: 2000, seed: 9 });

function image(index: number, of = digits): Uint8Array {
  return of.images.data.subarray(index * 784, (index + 1) * 784);
}

describe("proceduralDigits", () => {
  it("draws digit i of a seed identically in every range that contains it", () => {
    const part = proceduralDigits({ count: 50, seed: 9, start: 700 });
    expect(part.labels).toEqual(digits.labels.slice(700, 750));
    expect(part.images.data).toEqual(digits.images.data.slice(700 * 784, 750 * 784));
    expect(proceduralDigits({ count: 50, seed: 10 }).images.data).not.toEqual(digits.images.data.slice(0, 50 * 784));
  });

  it("draws no image twice, and all ten digits about equally often", () => {
    const seen = new Set(Array.from({ length: 2000 }, (_, i) => Buffer.from(image(i)).toString("latin1")));
    expect(seen.size).toBe(2000);
    const counts = new Array(10).fill(0);
    for (const label of digits.labels) {
      counts[label] += 1;
    }
    // 200 expected of each, standard deviation 13.4.
    expect(Math.min(...counts)).toBeGreaterThan(200 - 5 * 13.4);
    expect(Math.max(...counts)).toBeLessThan(200 + 5 * 13.4);
  });

  it("keeps ink within 20 × 20 pixels about the center of mass, as MNIST does", () => {
    for (let i = 0; i < 2000; i++) {
      const pixels = image(i);
      let mass = 0;
      const center = [0, 0];
      const low = [28, 28];
      const high = [-1, -1];
      pixels.forEach((value, at) => {
        [at % 28, Math.floor(at / 28)].forEach((place, axis) => {
          center[axis]! += value * place;
          if (value > 64) {
            low[axis] = Math.min(low[axis]!, place);
            high[axis] = Math.max(high[axis]!, place);
          }
        });
        mass += value;
      });
      for (const axis of [0, 1]) {
        expect(high[axis]! - low[axis]! + 1).toBeLessThanOrEqual(20);
        // Whole-pixel moves: half a pixel off, and more only where the box would leave the image.
        expect(Math.abs(center[axis]! / mass - 14)).toBeLessThan(1.6);
      }
      expect(mass / 255).toBeGreaterThan(10);
    }
  });

  it("draws each digit more like itself than like the others", () => {
    // Nearest mean image, the weakest of classifiers: images whose class did not matter would score 0.1.
    const means = Array.from({ length: 10 }, () => new Float64Array(784));
    for (let i = 0; i < 1500; i++) {
      const mean = means[digits.labels[i]!]!;
      image(i).forEach((value, at) => {
        mean[at]! += value / 150;
      });
    }
    let right = 0;
    for (let i = 1500; i < 2000; i++) {
      const distances = means.map((mean) => image(i).reduce((sum, value, at) => sum + (value - mean[at]!) ** 2, 0));
      right += distances.indexOf(Math.min(...distances)) === digits.labels[i] ? 1 : 0;
    }
    expect(right / 500).toBeGreaterThan(0.6);
  });

  it("draws at least 5000 a second of processor time", () => {
    const before = process.cpuUsage();
    proceduralDigits({ count: 2000, seed: 1 });
    const { user, system } = process.cpuUsage(before);
    // Some 30 000 where this was written; processor time, as the machine may be busy with other things.
    expect(2000 / ((user + system) / 1e6)).toBeGreaterThan(5000);
  });

  it("refuses counts that are not whole numbers", () => {
    expect(() => proceduralDigits({ count: -1, seed: 1 })).toThrow(
      "count: expected a whole number of at least 0, got -1",
    );
    expect(() => proceduralDigits({ count: 1, seed: 1, start: 0.5 })).toThrow(
      "start: expected a whole number of at least 0, got 0.5",
    );
    expect(proceduralDigits({ count: 0, seed: 1 }).labels).toHaveLength(0);
  });
});
