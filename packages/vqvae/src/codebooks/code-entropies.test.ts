import "@mmgen/nn/gradients";
import { Random } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { codeEntropies } from "./code-entropies.js";
import { rowMask } from "./row-mask.js";

beforeAll(() => tf.setBackend("cpu"));

/** By the definition, in float64: mean H(p) and H(mean p). */
function plainly(scores: readonly (readonly number[])[], temperature: number): [sample: number, codebook: number] {
  const entropy = (p: readonly number[]) =>
    -p.reduce((sum, share) => sum + (share > 0 ? share * Math.log(share) : 0), 0);
  const each = scores.map((row) => {
    const max = Math.max(...row);
    const odds = row.map((score) => Math.exp((score - max) / temperature));
    const total = odds.reduce((a, b) => a + b);
    return odds.map((odd) => odd / total);
  });
  const mean = each[0]!.map((_, code) => each.reduce((sum, p) => sum + p[code]!, 0) / each.length);
  return [each.reduce((sum, p) => sum + entropy(p), 0) / each.length, entropy(mean)];
}

const draw = (vectors: number, codes: number, seed = 1) =>
  Array.from({ length: vectors }, (_, i) => Array.from(Random.fromSeed(10 * seed + i).normals(codes)));

describe("entropies of codes", () => {
  it.each([0.01, 0.5, 3])("are those of their definition at temperature %d", (temperature) => {
    const scores = draw(12, 7);
    const { loss, sampleEntropy, codebookEntropy } = codeEntropies(tf.tensor2d(scores), {
      temperature,
      mask: undefined,
    });
    const [sample, codebook] = plainly(scores, temperature);
    expect(sampleEntropy.dataSync()[0]).toBeCloseTo(sample, 5);
    expect(codebookEntropy.dataSync()[0]).toBeCloseTo(codebook, 5);
    expect(loss.dataSync()[0]).toBeCloseTo(sample - codebook, 5);
  });

  it("have the gradient of finite differences of the definition, under a mask too", () => {
    const scores = draw(5, 4, 2);
    const keep = [1, 1, 0, 1, 0];
    const of = (rows: readonly (readonly number[])[]) => {
      const [sample, codebook] = plainly(
        rows.filter((_, i) => keep[i] === 1),
        0.5,
      );
      return sample - codebook;
    };
    const mask = rowMask(tf.tensor1d(keep));
    const gradient = tf
      .grad((x) => codeEntropies(x as tf.Tensor2D, { temperature: 0.5, mask }).loss)(tf.tensor2d(scores))
      .arraySync() as number[][];
    scores.forEach((row, i) => {
      row.forEach((_, code) => {
        const moved = (step: number) =>
          of(scores.map((each, j) => each.map((score, c) => (j === i && c === code ? score + step : score))));
        const numeric = (moved(1e-4) - moved(-1e-4)) / 2e-4;
        expect(gradient[i]![code]!).toBeCloseTo(numeric, 5);
      });
    });
  });
});
