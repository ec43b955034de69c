import { describe, expect, it } from "vitest";
import { generate } from "./generate.js";
import { idProbabilities } from "./sample-id.js";
import type { SamplingOptions } from "./sampling-options.js";
import { fakeModel, historyLogits, positionGrammar } from "./test-models.js";

/** Pearson's statistic of counts against probabilities, over the ids that can be drawn. */
function chiSquare(
  counts: readonly number[],
  probabilities: ArrayLike<number>,
): { statistic: number; freedom: number } {
  const draws = counts.reduce((sum, count) => sum + count);
  let [statistic, freedom] = [0, -1];
  counts.forEach((count, id) => {
    const expected = draws * probabilities[id]!;
    if (expected === 0) {
      expect(count).toBe(0);
    } else {
      statistic += (count - expected) ** 2 / expected;
      freedom++;
    }
  });
  return { statistic, freedom };
}

/** The value that chi-square exceeds once in 10 000 draws (Wilson and Hilferty; z = 3.719). */
const bound = (freedom: number) => freedom * (1 - 2 / (9 * freedom) + 3.719 * Math.sqrt(2 / (9 * freedom))) ** 3;

const rows = 20_000;
const vocabularySize = 12;
const logits = historyLogits(vocabularySize, 2);
const prompt = { data: new Int32Array(rows).fill(5), count: rows, length: 1 };

describe("sampled frequencies are the exact probabilities", () => {
  it.each<[string, SamplingOptions]>([
    ["plain", {}],
    ["temperature 2", { temperature: 2 }],
    ["temperature 0.5 and top-k 6", { temperature: 0.5, topK: 6 }],
    ["top-p 0.8", { topP: 0.8 }],
    ["min-p 0.2", { minP: 0.2 }],
    ["typical 0.7", { typicalP: 0.7 }],
    ["repetition penalty 1.5", { repetitionPenalty: 1.5 }],
    ["all together", { repetitionPenalty: 1.2, temperature: 1.5, topK: 9, topP: 0.95, minP: 0.02, typicalP: 0.9 }],
  ])("%s", async (_, options) => {
    // Two steps: the second id's frequencies are compared for the rows whose first id was the most frequent one.
    const model = fakeModel(vocabularySize, cached(logits));
    const { data } = await generate({ model, prompt, steps: 2, seed: 1, ...options });
    const count = (first: number | undefined, column: number) => {
      const counts = new Array<number>(vocabularySize).fill(0);
      for (let row = 0; row < rows; row++) {
        if (first === undefined || data[row * 3 + 1] === first) {
          counts[data[row * 3 + column]!]! += 1;
        }
      }
      return counts;
    };
    const expectDraws = (ids: number[], counts: number[]) => {
      const exact = idProbabilities(Float32Array.from(logits(ids)), { ...options, seen: ids });
      const { statistic, freedom } = chiSquare(counts, exact);
      expect(freedom).toBeGreaterThanOrEqual(2);
      expect(statistic).toBeLessThan(bound(freedom));
    };
    const first = count(undefined, 1);
    expectDraws([5], first);
    const commonest = first.indexOf(Math.max(...first));
    expectDraws([5, commonest], count(commonest, 2));
  });

  it("under a grammar, over positions of one seed as over seeds of one position", async () => {
    const steps = 5000;
    const flat = () => [0, 1, 2, 0.5];
    const model = fakeModel(4, flat, { contextLength: steps + 1 });
    const grammar = positionGrammar(4, new Array(steps + 1).fill([0, 1, 3]));
    const { data } = await generate({
      model: { ...model, prefill: constantPrefill(flat()) },
      prompt: { data: Int32Array.of(0), count: 1, length: 1 },
      grammar,
      seed: 3,
    });
    const counts = [0, 0, 0, 0];
    for (const id of data.subarray(1)) {
      counts[id]! += 1;
    }
    const { statistic, freedom } = chiSquare(counts, idProbabilities(Float32Array.from(flat()), { legal: [0, 1, 3] }));
    expect(statistic).toBeLessThan(bound(freedom));
  });
});

/** Rows repeat, so their logits are worked out once. */
function cached(logitsOf: (ids: readonly number[]) => ArrayLike<number>) {
  const known = new Map<string, ArrayLike<number>>();
  return (ids: readonly number[]) => {
    const key = ids.join();
    const logits = known.get(key) ?? logitsOf(ids);
    known.set(key, logits);
    return logits;
  };
}

function constantPrefill(values: readonly number[]) {
  return async () => {
    const logits = Float32Array.from(values);
    return { logits, length: 1, step: async () => logits, dispose: () => {} };
  };
}
