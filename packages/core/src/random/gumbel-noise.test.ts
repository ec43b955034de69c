import { describe, expect, it } from "vitest";
import { ConfigError } from "../errors/errors.js";
import { gumbelDraws, gumbelNoise, gumbelOfDraw } from "./gumbel-noise.js";
import { approximateGumbel, gumbelError } from "./gumbel-table.js";
import { Random } from "./random.js";

describe("gumbelNoise", () => {
  it("is a pure function of seed, position and size: order of calls and buffers do not matter", () => {
    const first = gumbelNoise(7, 3, 32);
    gumbelNoise(8, 3, 32);
    gumbelNoise(7, 4, 32);
    expect(gumbelNoise(7, 3, 32)).toEqual(first);
    const out = new Float32Array(32).fill(9);
    expect(gumbelNoise(7, 3, 32, out)).toBe(out);
    expect(out).toEqual(first);
  });

  it("gives a smaller vocabulary the front of a larger one's noise, and leaves the rest of the buffer", () => {
    const out = new Float32Array(10).fill(-5);
    gumbelNoise(1, 0, 4, out);
    expect(out.subarray(0, 4)).toEqual(gumbelNoise(1, 0, 10).subarray(0, 4));
    expect([...out.subarray(4)]).toEqual([-5, -5, -5, -5, -5, -5]);
  });

  it("takes seeds as unsigned 32-bit integers and differs in each of seed and position", () => {
    expect(gumbelNoise(-1, 0, 8)).toEqual(gumbelNoise(2 ** 32 - 1, 0, 8));
    const seen = new Set<string>();
    for (let seed = 0; seed < 50; seed++) {
      for (let position = 0; position < 50; position++) {
        seen.add(gumbelNoise(seed, position, 2).join());
      }
    }
    expect(seen.size).toBe(2500);
  });

  it.each([-1, 0.5, 2 ** 21, Number.NaN])("refuses position %s", (position) => {
    expect(() => gumbelNoise(0, position, 4)).toThrow(ConfigError);
  });

  it("is standard Gumbel: mean γ, variance π²/6, finite", () => {
    const values = Array.from({ length: 100 }, (_, position) => [...gumbelNoise(5, position, 500)]).flat();
    const mean = values.reduce((sum, value) => sum + value) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    // Deviation of the mean √(1.645 / 50 000) = 0.0057, of the variance √(kurtosis term 4.4 · 1.645²/ 50 000) = 0.0155.
    expect(Math.abs(mean - 0.5772)).toBeLessThan(0.029);
    expect(Math.abs(variance - Math.PI ** 2 / 6)).toBeLessThan(0.078);
    expect(values.every(Number.isFinite)).toBe(true);
  });

  it("makes the argmax a draw from the softmax, over positions as over seeds", () => {
    const logits = [0, 1, 2, -1];
    const weights = logits.map(Math.exp);
    const total = weights.reduce((sum, weight) => sum + weight);
    const draw = (seed: number, position: number) => {
      const scores = gumbelNoise(seed, position, 4).map((noise, i) => noise + logits[i]!);
      return scores.indexOf(Math.max(...scores));
    };
    const count = 20_000;
    for (const drawOne of [(i: number) => draw(3, i), (i: number) => draw(i, 3)]) {
      const counts = [0, 0, 0, 0];
      for (let i = 0; i < count; i++) {
        counts[drawOne(i)]! += 1;
      }
      counts.forEach((seen, i) => {
        const share = weights[i]! / total;
        expect(Math.abs(seen / count - share)).toBeLessThan(5 * Math.sqrt((share * (1 - share)) / count));
      });
    }
  });
});

describe("the table behind the noise", () => {
  // Every octave towards both ends, and the ends of intervals.
  const random = Random.fromSeed(9);
  const draws = Array.from({ length: 64_000 }, (_, i) => {
    const distance = (random.uint32() >>> (i % 32)) & (i % 5 === 0 ? -(2 ** 20) : -1);
    return (i % 64 < 32 ? distance : ~distance) >>> 0;
  });

  it("is as near to the exact noise as it says", () => {
    let inTable = 0;
    let worst = 0;
    for (const draw of [0, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, ...draws]) {
      const approximate = approximateGumbel(draw);
      if (!Number.isNaN(approximate)) {
        inTable++;
        worst = Math.max(worst, Math.abs(approximate - gumbelOfDraw(draw)));
      }
    }
    expect(inTable).toBeGreaterThan(16_000);
    expect(worst).toBeLessThan(1e-12);
    expect(gumbelError).toBeGreaterThan(1e-12);
  });

  it("leaves the noise as it is without a table, to the last bit", () => {
    const positions = Array.from({ length: 200 }, (_, i) => i);
    const noise = positions.flatMap((position) => [...gumbelNoise(3, position, 300)]);
    const exact = positions.flatMap((position) => Array.from(gumbelDraws(3, position, 300), gumbelOfDraw));
    expect(noise).toEqual([...Float32Array.from(exact)]);
  });
});

describe("gumbelDraws", () => {
  it("are what the noise is made of, id by id", () => {
    const out = new Uint32Array(40).fill(9);
    expect(gumbelDraws(7, 3, 32, out)).toBe(out);
    expect(Float32Array.from(out.subarray(0, 32), gumbelOfDraw)).toEqual(gumbelNoise(7, 3, 32));
    expect([...out.subarray(32)]).toEqual(new Array(8).fill(9));
    expect(() => gumbelDraws(7, -1, 1)).toThrow(ConfigError);
  });

  it("map to finite noise that grows with the draw, at both ends too", () => {
    const draws = [0, 1, 2 ** 16, 2 ** 31, 2 ** 32 - 2, 2 ** 32 - 1];
    const noise = draws.map(gumbelOfDraw);
    expect(noise.every(Number.isFinite)).toBe(true);
    expect(noise).toEqual([...noise].sort((a, b) => a - b));
  });
});
