import { describe, it } from "vitest";
import { generate } from "../autoregressive/generate.js";
import { fakeModel, historyLogits, positionGrammar } from "../autoregressive/models.fixture.js";
import { countIds, expectFrequencies } from "./frequencies.fixture.js";
import { idProbabilities } from "./sample-id.js";
import type { SamplingOptions } from "./sampling-options.js";

const rows = 20_000;
const vocabularySize = 12;
const logits = historyLogits(vocabularySize, 2);
const prompt = { data: new Int32Array(rows).fill(5), count: rows, length: 1 };

describe("sampled frequencies match the exact probabilities", () => {
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
    const counts = (column: number, ofRow: (row: number) => boolean) =>
      countIds(
        data.filter((_, i) => i % 3 === column && ofRow((i - column) / 3)),
        vocabularySize,
      );
    const expectDraws = (ids: number[], drawn: number[]) =>
      expectFrequencies(drawn, idProbabilities(Float32Array.from(logits(ids)), { ...options, seen: ids }), 2);
    const first = counts(1, () => true);
    expectDraws([5], first);
    const commonest = first.indexOf(Math.max(...first));
    expectDraws(
      [5, commonest],
      counts(2, (row) => data[row * 3 + 1] === commonest),
    );
  });

  it("under a grammar, over the positions of one seed", async () => {
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
    expectFrequencies(countIds(data.subarray(1), 4), idProbabilities(Float32Array.from(flat()), { legal: [0, 1, 3] }));
  });

  it("with guidance", async () => {
    const scale = 1.7;
    const model = fakeModel(vocabularySize, cached(logits));
    const guidance = { prompt: { data: new Int32Array(rows).fill(8), count: rows, length: 1 }, scale };
    const { data } = await generate({ model, prompt, guidance, steps: 1, seed: 6 });
    const [conditioned, without] = [logits([5]), logits([8])];
    const mixed = Float32Array.from(conditioned, (value, id) => without[id]! + (value - without[id]!) * scale);
    expectFrequencies(
      countIds(
        data.filter((_, i) => i % 2 === 1),
        vocabularySize,
      ),
      idProbabilities(mixed),
      2,
    );
  });
});

/** Caches logits by ids: many rows are equal. */
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
