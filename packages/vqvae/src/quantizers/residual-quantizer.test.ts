import { Random } from "@mmgen/core";
import { variable } from "@mmgen/nn";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { ResidualQuantizer, type ResidualQuantizerOptions } from "./residual-quantizer.js";

beforeAll(() => tf.setBackend("cpu"));

const random = Random.fromSeed(8);
const [count, dimension, stages, codebookSize] = [30, 3, 3, 4];
const z = Array.from({ length: count }, () => Array.from(random.normals(dimension)));
const books = Array.from({ length: stages }, (_, stage) =>
  Array.from({ length: codebookSize }, () => Array.from(random.normals(dimension, 1 / (1 + stage)))),
);
const flat = (tensor: tf.Tensor) => [...tensor.dataSync()];
const squared = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + (x - b[i]!) ** 2, 0);

function make(options: ResidualQuantizerOptions = {}) {
  const size = { type: "residual", stages, codebookSize, codeDimension: dimension, deadCodeThreshold: 0 } as const;
  const quantizer = new ResidualQuantizer({ ...size, ...options }).initializeWeights(Random.fromSeed(1));
  const weights = new Map([...quantizer.parameters, ...quantizer.buffers]);
  books.forEach((rows, stage) => {
    tf.tidy(() => weights.get(`stages.${stage}.codebook`)?.assign(tf.tensor2d(rows)));
  });
  return { quantizer, weights };
}

/** Codes, sum, and the mean square left over after each stage, in plain arithmetic. */
function plainly() {
  const left = new Array(stages).fill(0);
  const codes = z.map((latent) => {
    let residual = latent;
    return books.map((rows, stage) => {
      const distances = rows.map((row) => squared(row, residual));
      const code = distances.indexOf(Math.min(...distances));
      left[stage] += distances[code]! / (count * dimension);
      residual = residual.map((value, i) => value - rows[code]![i]!);
      return code;
    });
  });
  const sums = codes.map((row) =>
    row.reduce((sum, code, stage) => sum.map((v, i) => v + books[stage]![code]![i]!), new Array(dimension).fill(0)),
  );
  return { codes, sums, left };
}

describe("residual quantizer", () => {
  it("codes what each stage leaves over, and adds the rows up", () => {
    const { quantizer } = make();
    const { codes, sums } = plainly();
    const found = quantizer.codes(tf.tensor2d(z));
    expect(found.arraySync()).toEqual(codes);
    const { quantized } = quantizer.quantize(tf.tensor2d(z));
    for (const vectors of [quantized, quantizer.vectors(found)]) {
      flat(vectors).forEach((value, i) => {
        expect(value).toBeCloseTo(sums.flat()[i], 5);
      });
    }
  });

  it("has the mean of the stages' losses, and each gradient where it belongs", () => {
    const { quantizer, weights } = make({ codebook: "gradient" });
    const { codes, left } = plainly();
    const mean = left.reduce((a, b) => a + b) / stages;
    const input = variable(() => tf.tensor2d(z));
    const books_ = books.map((_, stage) => weights.get(`stages.${stage}.codebook`)!);
    const { metrics } = quantizer.quantize(input as never);
    expect(metrics.commitment!.dataSync()[0]).toBeCloseTo(mean, 5);
    expect(metrics.codebook!.dataSync()[0]).toBeCloseTo(mean, 5);
    const { value, grads } = tf.variableGrads(() => quantizer.quantize(input as never).loss, [input, ...books_]);
    expect(value.dataSync()[0]).toBeCloseTo(1.25 * mean, 5);
    // The latents' gradient is β times that of the mean of the squares left over, the rows before held constant.
    const scale = 2 / (count * dimension * stages);
    const ofInput = flat(grads[input.name]!);
    const ofBooks = books_.map((book) => flat(grads[book.name]!));
    const expectedBooks = books_.map(() => new Array(codebookSize * dimension).fill(0));
    z.forEach((latent, row) => {
      const expected = new Array(dimension).fill(0);
      let residual = latent;
      codes[row]!.forEach((code, stage) => {
        residual = residual.map((v, i) => v - books[stage]![code]![i]!);
        residual.forEach((v, i) => {
          expected[i] += 0.25 * scale * v;
          expectedBooks[stage]![code * dimension + i] -= scale * v;
        });
      });
      expected.forEach((gradient, i) => {
        expect(ofInput[row * dimension + i]).toBeCloseTo(gradient, 6);
      });
    });
    ofBooks.flat().forEach((gradient, i) => {
      expect(gradient).toBeCloseTo(expectedBooks.flat()[i], 6);
    });
  });

  it("passes the decoder's gradient on once, however many stages", () => {
    const { quantizer } = make();
    const input = variable(() => tf.tensor2d(z));
    const factors = tf.tensor2d(random.normals(count * dimension), [count, dimension]);
    const decoded = () => tf.sum(tf.mul(quantizer.quantize(input as never).quantized, factors)) as tf.Scalar;
    expect(flat(tf.variableGrads(decoded, [input]).grads[input.name]!)).toEqual(flat(factors));
  });

  it("starts each stage from the clusters of what is left over, so that errors fall, and keeps no tensor", async () => {
    const { quantizer, weights } = make();
    const vectors = tf.tensor2d(random.normals(600), [200, 3]);
    const before = tf.memory().numTensors;
    await quantizer.initialize(vectors, Random.fromSeed(3));
    expect(tf.memory().numTensors).toBe(before);
    const errors = [0, 1, 2].map((stage) =>
      tf.tidy(() => {
        const codes = tf.slice(quantizer.codes(vectors) as tf.Tensor2D, [0, 0], [-1, stage + 1]) as tf.Tensor2D;
        const columns = tf.unstack(codes, 1);
        const sum = columns
          .map((column, i) => tf.gather(weights.get(`stages.${i}.codebook`)!, column as tf.Tensor1D))
          .reduce((a, b) => tf.add(a, b));
        return tf.mean(tf.squaredDifference(vectors, sum)).dataSync()[0]!;
      }),
    );
    // Four clusters of a normal in three dimensions leave about half its variance, and so at each stage.
    expect(errors[0]).toBeLessThan(0.75);
    expect(errors[1]).toBeLessThan(0.75 * errors[0]!);
    expect(errors[2]).toBeLessThan(0.75 * errors[1]!);
    const rows = flat(weights.get("stages.2.codebook")!);
    await quantizer.initialize(vectors, Random.fromSeed(4));
    expect(flat(weights.get("stages.2.codebook")!)).toEqual(rows);
    const { aux } = quantizer.quantize(vectors);
    quantizer.afterStep(aux, Random.fromSeed(5));
    expect(flat(weights.get("stages.2.codebook")!)).not.toEqual(rows);
  });

  it("refuses an angle: what is left over has a length", () => {
    expect(() => new ResidualQuantizer({ type: "residual", distance: "cosine" } as never)).toThrow(
      'distance: "residual" has no such field',
    );
    expect(() => new ResidualQuantizer({ type: "residual", stages: 0 })).toThrow("stages");
  });
});
