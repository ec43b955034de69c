import "@mmgen/nn/gradients";
import {
  CheckpointError,
  ConfigError,
  DataError,
  Random,
  readSafetensors,
  ShapeError,
  VocabularyError,
  writeSafetensors,
} from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { parameterCount, TinyTransformer, type TransformerBatch, type TransformerOptions } from "../index.js";

const small: TransformerOptions = { vocabularySize: 11, contextLength: 8, width: 12, heads: 2, layers: 2 };
const variants: [string, Partial<TransformerOptions>][] = [
  ["learned positions", {}],
  ["sinusoidal positions", { positions: "sinusoidal" }],
  ["rotary positions", { positions: "rotary" }],
  ["tied weights, tanh", { tiedWeights: true, gelu: "tanh" }],
  ["not causal, odd feed-forward width", { causal: false, feedForwardWidth: 7 }],
  ["no biases", { bias: false }],
  ["RMS norms, SwiGLU", { normalization: "rms", feedForward: "swiglu" }],
  [
    "norms of queries and keys, places on a plane",
    { queryKeyNorm: true, heads: 3, positions: "rotary-2d", grid: { height: 2, width: 3, start: 1 } },
  ],
];

beforeAll(() => tf.setBackend("cpu"));

function create(changes: Partial<TransformerOptions> = {}, seed = 1): TinyTransformer {
  return TinyTransformer.create({ ...small, ...changes }, { random: Random.fromSeed(seed) });
}

function drawBatch(count: number, length: number, seed = 2): TransformerBatch {
  const random = Random.fromSeed(seed);
  const draw = () => Int32Array.from({ length: count * length }, () => random.integer(small.vocabularySize));
  return { inputs: { data: draw(), count, length }, targets: { data: draw(), count, length } };
}

const evaluation = { training: false, random: Random.fromSeed(3) };

/** Downloads the loss and its gradients by checkpoint name. */
function lossAndGradients(model: TinyTransformer, batch: TransformerBatch, training = false) {
  return tf.tidy(() => {
    const { value, grads } = tf.variableGrads(
      () => model.loss(batch, { training, random: Random.fromSeed(4) }).total,
      [...model.parameters.values()],
    );
    const gradients = new Map(
      [...model.parameters].map(([name, variable]) => [name, grads[variable.name]!.dataSync() as Float32Array]),
    );
    return { loss: value.dataSync()[0]!, gradients } as never;
  }) as { loss: number; gradients: Map<string, Float32Array> };
}

describe("TinyTransformer", () => {
  for (const [name, changes] of variants) {
    it(`has as many parameters as counted, and one gradient each: ${name}`, () => {
      using model = create(changes);
      const sizes = [...model.parameters.values()].map(({ size }) => size);
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(parameterCount({ ...small, ...changes }));
      const { loss, gradients } = lossAndGradients(model, drawBatch(3, 8));
      // Initial weights predict nearly uniform probabilities.
      expect(loss).toBeCloseTo(Math.log(11), 1);
      for (const [weight, gradient] of gradients) {
        expect(Math.max(...gradient.map(Math.abs)), weight).toBeGreaterThan(0);
      }
    });

    it(`has the gradients of finite differences: ${name}`, () => {
      using model = create(changes);
      const random = Random.fromSeed(5);
      // Initial weights are so small that most gradients are nearly 0, and biases 0 and scales 1 hide mistakes.
      for (const variable of model.parameters.values()) {
        tf.tidy(() => variable.assign(tf.tensor(random.normals(variable.size, 0.5), variable.shape)));
      }
      const batch = drawBatch(2, 5);
      const { gradients } = lossAndGradients(model, batch);
      const step = 2e-2;
      const sizes: number[] = [];
      for (const [weight, variable] of model.parameters) {
        // A random direction of length 1 through all values of the weight tests them at once.
        const drawn = random.normals(variable.size);
        const direction = tf.div(tf.tensor(drawn, variable.shape), Math.hypot(...drawn));
        const start = tf.clone(variable);
        const lossAt = (distance: number) =>
          tf.tidy(() => {
            variable.assign(tf.add(start, tf.mul(direction, distance)));
            return model.loss(batch, evaluation).total.dataSync()[0]!;
          });
        // Four-point difference: the error is of the order of step⁴.
        const [near, far] = [step, 2 * step].map((distance) => lossAt(distance) - lossAt(-distance));
        const numeric = (8 * near! - far!) / (12 * step);
        variable.assign(start);
        const values = direction.dataSync();
        const analytic = gradients.get(weight)!.reduce((sum, gradient, i) => sum + gradient * values[i]!, 0);
        // A float32 loss near 3 is accurate to about 3e-7, and four of them over the step to about 2e-5.
        expect(Math.abs(analytic - numeric), `${weight}: ${analytic}, ${numeric}`).toBeLessThan(5e-5);
        sizes.push(Math.abs(analytic));
        tf.dispose([direction, start]);
      }
      expect(Math.max(...sizes)).toBeGreaterThan(0.05); // a thousand times the tolerance, otherwise the test would be meaningless
    });

    it(`is the same after saving and loading: ${name}`, async () => {
      using model = create({ ...changes, dropout: 0.25 });
      using loaded = TinyTransformer.fromSafetensors(await model.toSafetensors());
      expect(loaded.config).toEqual(model.config);
      const { inputs } = drawBatch(2, 8);
      expect(await loaded.logits(inputs)).toEqual(await model.logits(inputs));
    });
  }

  it("initializes as GPT-2 does", () => {
    using model = create({ width: 64, layers: 8 });
    const deviation = (name: string) => Math.sqrt(tf.moments(model.parameters.get(name)!).variance.dataSync()[0]!);
    // 4096 draws or more: five standard errors are under 6 %.
    expect(Math.abs(deviation("transformer.h.3.attn.c_attn.weight") / 0.02 - 1)).toBeLessThan(0.06);
    expect(Math.abs(deviation("transformer.h.3.attn.c_proj.weight") / (0.02 / 4) - 1)).toBeLessThan(0.06);
    expect(Math.abs(deviation("transformer.h.3.mlp.c_proj.weight") / (0.02 / 4) - 1)).toBeLessThan(0.06);
    expect([...model.parameters.get("transformer.h.3.mlp.c_fc.bias")!.dataSync()].every((value) => value === 0)).toBe(
      true,
    );
    expect([...model.parameters.get("transformer.ln_f.weight")!.dataSync()].every((value) => value === 1)).toBe(true);
  });

  it("attends to later ids only when not causal", async () => {
    const { inputs } = drawBatch(1, 6);
    const changed = { ...inputs, data: Int32Array.from(inputs.data) };
    changed.data[5] = (changed.data[5]! + 1) % 11;
    for (const causal of [true, false]) {
      using model = create({ causal });
      const [before, after] = [await model.logits(inputs), await model.logits(changed)];
      const same = before.subarray(0, 5 * 11).every((value, i) => value === after[i]);
      expect(same).toBe(causal);
    }
  });

  it("applies dropout in training only, from the given random stream", () => {
    using model = create({ dropout: 0.5 });
    const batch = drawBatch(3, 8);
    const lossOf = (training: boolean, seed: number) =>
      tf.tidy(() => model.loss(batch, { training, random: Random.fromSeed(seed) }).total.dataSync()[0]!);
    expect(lossOf(false, 1)).toBe(lossOf(false, 2));
    expect(lossOf(true, 1)).toBe(lossOf(true, 1));
    expect(lossOf(true, 1)).not.toBe(lossOf(true, 2));
  });

  it("applies loss weights, and returns the loss of each target", async () => {
    using model = create();
    const batch = drawBatch(2, 4);
    const losses = await model.lossPerPosition(batch);
    const lossOf = (weights?: Float32Array) =>
      tf.tidy(() => model.loss(weights ? { ...batch, weights } : batch, evaluation).metrics.natsPerId!.dataSync()[0]!);
    expect(lossOf()).toBeCloseTo(losses.reduce((sum, loss) => sum + loss, 0) / 8, 5);
    expect(lossOf(Float32Array.of(0, 0, 3, 0, 0, 1, 0, 0))).toBeCloseTo(0.75 * losses[2]! + 0.25 * losses[5]!, 5);
    expect(lossOf(new Float32Array(8))).toBe(0);
    const weightOf = (weights?: Float32Array) => {
      let weight: number | undefined;
      tf.tidy(() => {
        weight = model.loss(weights ? { ...batch, weights } : batch, evaluation).targetWeight;
      });
      return weight;
    };
    expect([weightOf(), weightOf(Float32Array.of(0, 0, 3, 0, 0, 1, 0, 0)), weightOf(new Float32Array(8))]).toEqual([
      8, 4, 0,
    ]);
  });

  it("overfits one batch", () => {
    using model = create();
    const batch = drawBatch(2, 8);
    const optimizer = tf.train.adam(0.01);
    for (let step = 0; step < 60; step++) {
      optimizer.minimize(() => model.loss(batch, evaluation).total, false, [...model.parameters.values()]);
    }
    expect(lossAndGradients(model, batch).loss).toBeLessThan(0.1);
    optimizer.dispose();
  });

  it("leaks no tensors over loss, gradients, logits and dispose", async () => {
    const empty = tf.memory().numTensors;
    const model = create({ dropout: 0.1, positions: "rotary" });
    const before = tf.memory().numTensors;
    const batch = { ...drawBatch(2, 8), weights: new Float32Array(16).fill(1) };
    lossAndGradients(model, batch, true);
    await model.logits(batch.inputs);
    await model.lossPerPosition(batch);
    await model.toSafetensors();
    expect(tf.memory().numTensors).toBe(before);
    const { total, metrics, aux } = model.loss(batch, { training: true, random: Random.fromSeed(1) });
    expect(tf.memory().numTensors).toBe(before + 2);
    tf.dispose([total, metrics, aux]);
    model.dispose();
    model.dispose();
    expect(tf.memory().numTensors).toBe(empty);
    expect(() => model.forward(tf.zeros([1, 1], "int32"))).toThrow("disposed");
  });

  it("stays usable when created in a tidy", async () => {
    const model = tf.tidy(() => create({ positions: "sinusoidal" }) as never) as TinyTransformer;
    expect(await model.logits(drawBatch(1, 3).inputs)).toHaveLength(33);
    model.dispose();
  });

  it("refuses batches that do not fit the model", () => {
    using model = create();
    const batch = drawBatch(2, 8);
    const lossOf = (changes: Partial<TransformerBatch>) => () => model.loss({ ...batch, ...changes }, evaluation);
    expect(lossOf({ targets: drawBatch(2, 7).targets })).toThrow(ShapeError);
    expect(lossOf(drawBatch(2, 9))).toThrow("rows of 9 ids exceed the model's contextLength 8");
    const outside = { ...batch.inputs, data: new Int32Array(16).fill(11) };
    expect(lossOf({ inputs: outside })).toThrow(VocabularyError);
    expect(lossOf({ targets: outside })).toThrow("id 11 at index 0 is outside the model's vocabulary [0, 11)");
    expect(lossOf({ weights: new Float32Array(3) })).toThrow(ShapeError);
    expect(lossOf({ weights: new Float32Array(16).fill(-1) })).toThrow(DataError);
  });
});

describe("TinyTransformer.fromSafetensors", () => {
  it("uses nanoGPT's names and PyTorch's layouts", async () => {
    using model = create();
    const { tensors, metadata } = readSafetensors(await model.toSafetensors());
    expect(tensors.get("transformer.h.1.attn.c_attn.weight")!.shape).toEqual([36, 12]); // [out, in]
    expect(tensors.get("transformer.wpe.weight")!.shape).toEqual([8, 12]);
    expect(tensors.get("lm_head.weight")!.shape).toEqual([11, 12]);
    expect(JSON.parse(metadata.config!)).toEqual(model.config);
  });

  it("uses Llama's names where nanoGPT has none", () => {
    using model = create({ normalization: "rms", feedForward: "swiglu", queryKeyNorm: true, bias: false, layers: 1 });
    expect([...model.weights].map(([name, { shape }]) => [name, ...shape])).toEqual([
      ["transformer.wte.weight", 11, 12],
      ["transformer.wpe.weight", 8, 12],
      ["transformer.h.0.ln_1.weight", 12],
      ["transformer.h.0.attn.c_attn.weight", 36, 12],
      ["transformer.h.0.attn.c_proj.weight", 12, 12],
      ["transformer.h.0.attn.q_norm.weight", 6],
      ["transformer.h.0.attn.k_norm.weight", 6],
      ["transformer.h.0.ln_2.weight", 12],
      ["transformer.h.0.mlp.gate_proj.weight", 32, 12],
      ["transformer.h.0.mlp.up_proj.weight", 32, 12],
      ["transformer.h.0.mlp.down_proj.weight", 12, 32],
      ["transformer.ln_f.weight", 12],
      ["lm_head.weight", 11, 12],
    ]);
  });

  it("refuses truncated, foreign and edited files, and leaks no tensors", async () => {
    using model = create();
    const bytes = await model.toSafetensors();
    const before = tf.memory().numTensors;
    const content = readSafetensors(bytes);
    const rewritten =
      (metadata: Record<string, string>, tensors = content.tensors) =>
      () =>
        TinyTransformer.fromSafetensors(writeSafetensors({ tensors, metadata }));
    expect(() => TinyTransformer.fromSafetensors(bytes.subarray(0, bytes.length - 4))).toThrow(CheckpointError);
    expect(rewritten({})).toThrow('Expected a file of kind "mmgen.tiny-transformer", got one without a kind');
    const { config, ...header } = content.metadata as { config: string };
    expect(rewritten({ ...header, config: "{" })).toThrow("configuration is not JSON");
    expect(rewritten({ ...header, config: "null" })).toThrow("configuration cannot be used");
    expect(rewritten({ ...header, config: config.replace('"heads":2', '"heads":5') })).toThrow(CheckpointError);
    expect(rewritten({ ...header, config: config.replace('"layers":2', '"layers":1000000000') })).toThrow(
      "The file is damaged or was edited",
    );
    const renamed = new Map([...content.tensors].map(([name, tensor]) => [name.replace("wte", "other"), tensor]));
    expect(rewritten({ ...header, config }, renamed)).toThrow("missing weights: transformer.wte.weight");
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("configuration", () => {
  it("is checked before anything is allocated", () => {
    const before = tf.memory().numTensors;
    const cases: [Partial<TransformerOptions> & Record<string, unknown>, string][] = [
      [{ heads: 5 }, "width: must be divisible by heads; got width 12 and heads 5"],
      [{ layers: 0 }, "layers: expected a whole number of at least 1, got 0 (number)"],
      [{ vocabularySize: 2.5 }, "vocabularySize"],
      [{ dropout: 1 }, "dropout: expected a number of at least 0 and below 1, got 1"],
      [{ gelu: "relu" as never }, 'gelu: expected "exact" or "tanh", got "relu" (string)'],
      [{ positions: "rotary", heads: 4 }, "must be even, got 3"],
      [{ positions: "sinusoidal", width: 9, heads: 3 }, "must be even, got 9"],
      [{ causal: 1 as never }, "causal: expected true or false"],
      [{ bias: "none" as never }, 'bias: expected true or false, got "none" (string)'],
      [{ head: 4 }, 'head: there is no such field; did you mean "heads"?'],
    ];
    for (const [changes, message] of cases) {
      expect(() => create(changes)).toThrow(ConfigError);
      expect(() => create(changes)).toThrow(message);
    }
    expect(tf.memory().numTensors).toBe(before);
  });
});
