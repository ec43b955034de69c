import "@mmgen/nn/gradients";
import { ConfigError, Random } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { createQuantizer, type QuantizerOptions } from "./create-quantizer.js";
import { VectorQuantizer, type VectorQuantizerOptions } from "./vector-quantizer.js";

beforeAll(() => tf.setBackend("cpu"));

const create = (options: VectorQuantizerOptions) => new VectorQuantizer(options).initializeWeights(Random.fromSeed(1));

/** Of the latents and of every variable, by name. */
function gradientsOf(quantizer: VectorQuantizer, latents: tf.Tensor2D, loss: () => tf.Scalar) {
  const { value, grads } = tf.variableGrads(loss, [latents as tf.Variable, ...quantizer.parameters.values()]);
  const named = [...quantizer.parameters].map(([name, variable]) => [name, grads[variable.name]!] as const);
  return { value, latents: grads[(latents as tf.Variable).name]!, ...Object.fromEntries(named) } as Record<
    string,
    tf.Tensor
  >;
}

function expectClose(found: tf.Tensor, expected: readonly number[], name: string): void {
  // float32 against float64.
  [...found.dataSync()].forEach((value, i) => {
    expect(Math.abs(value - expected[i]!), `${name}[${i}]`).toBeLessThan(2e-5);
  });
}

describe("an index codebook", () => {
  it("has the published losses, and their gradients as PyTorch has them", () => {
    const quantizer = create({ codebookSize: 5, codeDimension: 2, codebook: "index", entropyTemperature: 0.5 });
    const rows = [0.5, 0.2, -0.3, 0.8, 0.1, -0.9, 0.6, -0.4, -0.2, -0.1];
    quantizer.parameters.get("codebook")!.assign(tf.tensor2d(rows, [5, 2]));
    const z = tf.variable(tf.tensor2d([0.3, -1.2, 1.1, 0.4, -0.5, 0.9, 0.2, 0.1], [4, 2]));
    const weights = tf.tensor2d([1, -2, 0.5, 0.25, -1.5, 1, 2, 0.75], [4, 2]);
    const { loss, metrics } = quantizer.quantize(z);
    const metric = (name: string) => metrics[name]!.dataSync()[0]!;
    expect(loss.dataSync()[0]).toBeCloseTo(0.174139, 5);
    expect(metric("sampleEntropy")).toBeCloseTo(1.234994, 5);
    expect(metric("codebookEntropy")).toBeCloseTo(1.577212, 5);
    // All three compare z with its row: (1 + 1 + 0.25) of it is the published sum.
    for (const name of ["index", "commitment", "codebook"]) {
      expect(metric(name)).toBeCloseTo(0.19125 / 2.25, 5);
    }
    const gradients = gradientsOf(quantizer, z as tf.Tensor as tf.Tensor2D, () => {
      const { loss, quantized } = quantizer.quantize(z);
      return tf.add(loss, tf.mul(0.1, tf.sum(tf.mul(quantized, weights))));
    });
    const ofLatents = [0.10623, -0.17213, 0.28433, 0.1003, -0.116174, 0.076212, -0.121719, -0.040068];
    expectClose(gradients.latents!, ofLatents, "∂z");
    const ofRows = [0.147323, 0.066085, -0.092994, 0.101377, 0.049541, -0.128164, 0.000578, -0.017213];
    expectClose(gradients.codebook!, [...ofRows, 0.001801, 0.009165], "∂E");
  });

  it("starts normal, with the published weights and without revival, unless told otherwise", () => {
    const { config } = create({ codebook: "index" });
    expect(config).toMatchObject({ start: "normal", commitmentWeight: 1, codebookWeight: 0.25, deadCodeThreshold: 0 });
    expect(config).toMatchObject({ entropyWeight: 0.05, entropyTemperature: 0.01 });
    expect(create({ codebook: "index", start: "k-means", entropyWeight: 0 }).config).toMatchObject({
      start: "k-means",
      entropyWeight: 0,
    });
  });
});

describe("a SimVQ codebook", () => {
  const options = { codebookSize: 6, codeDimension: 3, codebook: "simvq" } as const;

  it("has the rows of a fixed matrix times a learned one, which alone has a gradient", () => {
    const quantizer = create(options);
    expect([...quantizer.parameters.keys()]).toEqual(["projection.weight"]);
    expect(quantizer.buffers.has("codebook")).toBe(true);
    const fixed = quantizer.buffers.get("codebook")!;
    const w = quantizer.parameters.get("projection.weight")!;
    const before = [...fixed.dataSync()];
    const z = tf.variable(tf.tensor2d(Random.fromSeed(3).normals(24), [8, 3]));
    const [rows, latents] = [
      tf.matMul(fixed as tf.Tensor as tf.Tensor2D, w as tf.Tensor as tf.Tensor2D, false, true),
      z,
    ].map((each) => each.arraySync() as number[][]) as [number[][], number[][]];
    const distances = latents.map((latent) => rows.map((row) => row.reduce((d, e, i) => d + (e - latent[i]!) ** 2, 0)));
    const nearest = distances.map((each) => each.indexOf(Math.min(...each)));
    const { codes, quantized, aux } = quantizer.quantize(z);
    expect([...codes.dataSync()]).toEqual(nearest);
    expectClose(
      quantized,
      nearest.flatMap((code) => rows[code]!),
      "q",
    );
    // ∂W of mean ‖sg[z] − e‖², e = W·E[code]: Σ 2 (e − z) ⊗ E[code] over the number of values.
    const gradients = gradientsOf(quantizer, z as tf.Tensor as tf.Tensor2D, () => quantizer.quantize(z).loss);
    const base = fixed.arraySync() as number[][];
    const slopes = Array.from({ length: 9 }, (_, i) => {
      const [output, input] = [Math.floor(i / 3), i % 3];
      return nearest.reduce(
        (sum, code, n) => sum + (2 * (rows[code]![output]! - latents[n]![output]!) * base[code]![input]!) / 24,
        0,
      );
    });
    expectClose(gradients["projection.weight"]!, slopes, "∂W");
    quantizer.afterStep(aux, Random.fromSeed(1));
    expect([...fixed.dataSync()]).toEqual(before);
  });

  it("draws the fixed rows from N(0, 1/dimension)", () => {
    const rows = create({ ...options, codebookSize: 500, codeDimension: 16 }).buffers.get("codebook")!;
    const values = Array.from(rows.dataSync());
    const variance = values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
    // 8000 draws: the variance of a variance is 2/8000 of its square.
    expect(16 * variance).toBeGreaterThan(0.93);
    expect(16 * variance).toBeLessThan(1.07);
  });
});

describe("the entropy loss of an ordinary codebook", () => {
  it.each(["euclidean", "cosine"] as const)(
    "is that of p = softmax(−‖z − e‖² / T), with gradients by finite differences: %s",
    (distance) => {
      const size = { codebookSize: 5, codeDimension: 3, distance, codebook: "gradient", start: "normal" } as const;
      const quantizer = create({
        ...size,
        commitmentWeight: 0,
        codebookWeight: 0,
        entropyWeight: 0.1,
        entropyTemperature: 0.4,
      });
      const z = tf.variable(tf.tensor2d(Random.fromSeed(3).normals(12), [4, 3]));
      const codebook = quantizer.parameters.get("codebook")!;
      const unit = (rows: number[][]) =>
        distance === "cosine" ? rows.map((row) => row.map((x) => x / Math.hypot(...row))) : rows;
      const of = (latents: number[][], rows: number[][]) => {
        const [a, b] = [unit(latents), unit(rows)];
        const shares = a.map((latent) => {
          const odds = b.map((row) => Math.exp(-row.reduce((d, e, i) => d + (e - latent[i]!) ** 2, 0) / 0.4));
          const total = odds.reduce((x, y) => x + y);
          return odds.map((odd) => odd / total);
        });
        const entropy = (p: readonly number[]) => -p.reduce((sum, share) => sum + share * Math.log(share), 0);
        const mean = b.map((_, code) => shares.reduce((sum, p) => sum + p[code]!, 0) / shares.length);
        return 0.1 * (shares.reduce((sum, p) => sum + entropy(p), 0) / shares.length - entropy(mean));
      };
      const [latents, rows] = [z, codebook].map((each) => each.arraySync() as number[][]) as [number[][], number[][]];
      const gradients = gradientsOf(quantizer, z as tf.Tensor as tf.Tensor2D, () => quantizer.quantize(z).loss);
      expect(gradients.value!.dataSync()[0]).toBeCloseTo(of(latents, rows), 5);
      const moved = (matrix: number[][], at: number, step: number) =>
        matrix.map((row, i) => row.map((x, j) => (i * 3 + j === at ? x + step : x)));
      const numeric = (fn: (step: number) => number) => (fn(1e-4) - fn(-1e-4)) / 2e-4;
      expectClose(
        gradients.latents!,
        Array.from({ length: 12 }, (_, at) => numeric((step) => of(moved(latents, at, step), rows))),
        "∂z",
      );
      expectClose(
        gradients.codebook!,
        Array.from({ length: 15 }, (_, at) => numeric((step) => of(latents, moved(rows, at, step)))),
        "∂E",
      );
    },
  );
});

describe("ways of learning that do not go together", () => {
  it.each<[options: QuantizerOptions, message: string]>([
    [{ codebook: "simvq", start: "k-means" }, 'start: the rows of a "simvq" codebook are fixed random ones'],
    [
      { codebook: "simvq", deadCodeThreshold: 0.3 },
      'deadCodeThreshold: the rows of a "simvq" codebook move all together',
    ],
    [
      { codebook: "index", gradientEstimator: "rotation" },
      'gradientEstimator: an "index" codebook has a gradient of its own',
    ],
    [
      { type: "product", codebook: "index", gradientEstimator: "rotation" },
      'an "index" codebook has a gradient of its own',
    ],
    [{ type: "residual", codebook: "index" }, 'codebook: "index" is not for a residual quantizer'],
    [{ codebook: "indices" as "index" }, 'did you mean "index"?'],
    [{ entropyTemperature: 0 }, "entropyTemperature: expected a number above 0, got 0"],
  ])("%j are refused", (options, message) => {
    expect(() => createQuantizer(options)).toThrow(ConfigError);
    expect(() => createQuantizer(options)).toThrow(message);
  });
});
