import { describe, expect, it } from "vitest";
import { ConfigError } from "../errors/errors.js";
import { counterWords } from "./counter-words.js";
import { gumbelNoise, gumbelNoiseOf } from "./gumbel-noise.js";
import { fillNoise, plainNoise } from "./noise-program.js";
import { ownWordProgram } from "./word-program.js";

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

  it.each([-1, 0.5, 2 ** 32, Number.NaN])("refuses position %s", (position) => {
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
  it("stands for the middle of its interval, and large words for themselves", () => {
    const exact = (word: number) => Math.fround(-Math.log(-Math.log((word + 0.5) / 2 ** 32)));
    const expected: number[] = [];
    const noise: number[] = [];
    let large = 0;
    for (let position = 0; position < 40; position++) {
      const [first, second] = counterWords(
        { first: 5, second: position },
        0,
        new Uint32Array(2),
      ) as unknown as number[];
      for (const word of counterWords({ first: first!, second: second! }, 0, new Uint32Array(400))) {
        const isLarge = word >= 2 ** 32 - 2 ** 22;
        large += isLarge ? 1 : 0;
        expected.push(exact(isLarge ? word : word - (word % 2 ** 16) + 2 ** 15 - 0.5));
      }
      noise.push(...gumbelNoise(5, position, 400));
    }
    expect(noise).toEqual(expected);
    expect(large).toBeGreaterThan(5);
  });

  it("is read alike with and without WebAssembly, over several fillings of its memory", () => {
    const key = { first: 0x89abcdef, second: 0x76543210 };
    const plain = new Float32Array(2 ** 15 + 333);
    plainNoise(key, plain.length, plain);
    expect(ownWordProgram(1)).toBeDefined();
    for (const count of [1, 16, 17, 170, 2 ** 14, 2 ** 14 + 1, plain.length]) {
      const noise = new Float32Array(count + 1).fill(-9);
      fillNoise(key, count, noise);
      expect(noise.subarray(0, count)).toEqual(plain.subarray(0, count));
      expect(noise[count]).toBe(-9);
    }
  });

  it("draws unlikely ids as often as it should", () => {
    // A common id, one of once in a thousand and fifty of once in 100 000.
    const logits = Float32Array.from({ length: 52 }, (_, id) => Math.log(id === 0 ? 1 : id === 1 ? 1e-3 : 1e-5));
    const count = 100_000;
    const seen = [0, 0, 0];
    const noise = new Float32Array(52);
    for (let seed = 0; seed < count; seed++) {
      gumbelNoise(seed, 11, 52, noise);
      let best = 0;
      for (let id = 1; id < 52; id++) {
        best = logits[id]! + noise[id]! > logits[best]! + noise[best]! ? id : best;
      }
      seen[Math.min(best, 2)]!++;
    }
    const total = 1 + 1e-3 + 5e-4;
    for (const [i, weight] of [1, 1e-3, 5e-4].entries()) {
      const share = weight / total;
      expect(Math.abs(seen[i]! / count - share)).toBeLessThan(5 * Math.sqrt((share * (1 - share)) / count));
    }
  });
});

describe("gumbelNoiseOf", () => {
  it("is the noise of the ids, in their order", () => {
    const noise = gumbelNoise(7, 3, 32);
    const out = new Float32Array(4).fill(9);
    expect(gumbelNoiseOf(7, 3, Int32Array.of(31, 0, 8), out)).toBe(out);
    expect([...out]).toEqual([noise[31], noise[0], noise[8], 9]);
    expect(() => gumbelNoiseOf(7, -1, Int32Array.of(1), out)).toThrow(ConfigError);
  });
});
