import { registerOnnxBackend } from "@mmgen/backend-onnx";
import {
  AbortedError,
  type DecodePlan,
  type Grammar,
  GrammarError,
  Random,
  type SequenceModel,
  ShapeError,
  VocabularyError,
} from "@mmgen/core";
import { type GuidanceScale, generate, idProbabilities, rowSeeds, type SamplingOptions } from "@mmgen/samplers";
import { TinyTransformer, type TransformerOptions } from "@mmgen/tiny-transformer";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { countIds, expectFrequencies } from "../packages/samplers/src/processors/frequencies.fixture.js";
import { inBlocks, pauseBetweenBlocks } from "../packages/tiny-transformer/src/decoding/decode-plan.js";
import { giveConstantLogits } from "./fixtures/constant-logits.fixture.js";
import { runnerOf } from "./fixtures/plan-runner.fixture.js";

const config: TransformerOptions = { vocabularySize: 23, contextLength: 40, width: 24, heads: 3, layers: 2 };

beforeAll(() => registerOnnxBackend());
beforeEach(async () => {
  await tf.setBackend("onnx");
});

/** A model whose logits differ enough for every processor to bite. */
function create(changes: Partial<TransformerOptions> = {}): TinyTransformer {
  const model = TinyTransformer.create({ ...config, ...changes }, { random: Random.fromSeed(1) });
  tf.tidy(() => {
    for (const variable of model.parameters.values()) {
      variable.assign(tf.mul(variable, variable.rank === 2 ? 8 : 1));
    }
  });
  return model;
}

/** The same model without a decode of its own: the sampler then chooses every id. */
const byStep = (model: TinyTransformer): SequenceModel => ({
  vocabularySize: model.vocabularySize,
  contextLength: model.contextLength,
  prefill: (ids) => model.prefill(ids),
});

const prompt = { data: Int32Array.of(1, 2, 3, 4, 1, 2, 20, 21, 22, 5), count: 5, length: 2 };

/** After an even id only ids of at least 11, after an odd one only those below: states differ from row to row. */
function evenAndOdd(size = config.vocabularySize): Grammar {
  const allowed = new Uint8Array(3 * size).fill(1);
  const next = Int32Array.from({ length: 3 * size }, (_, entry) => 1 + ((entry % size) % 2));
  for (let id = 0; id < size; id++) {
    allowed[size + id] = id >= 11 ? 1 : 0;
    allowed[2 * size + id] = id < 11 ? 1 : 0;
  }
  return { vocabularySize: size, stateCount: 3, start: 0, allowed, next };
}
const legalPrompt = { data: Int32Array.of(2, 11, 1, 3, 4, 22), count: 3, length: 2 };

describe("a transformer's own decode", () => {
  const settings: [string, SamplingOptions][] = [
    ["greedy", { temperature: 0 }],
    ["temperature 1", { temperature: 1 }],
    ["temperature 0.7, top-k 5", { temperature: 0.7, topK: 5 }],
    ["top-p 0.8", { temperature: 1, topP: 0.8 }],
    ["temperature 1.3, top-k 9, top-p 0.7", { temperature: 1.3, topK: 9, topP: 0.7 }],
  ];
  for (const [name, sampling] of settings) {
    it(`chooses what the sampler chooses step by step, across chunks: ${name}`, async () => {
      using model = create();
      for (const steps of [1, 2, 17, 38]) {
        const options = { prompt, steps, seeds: rowSeeds(steps, prompt.count), ...sampling };
        const own = await generate({ model, ...options });
        expect(own).toEqual(await generate({ model: byStep(model), ...options }));
        expect(own.length).toBe(2 + steps);
      }
    });

    it(`keeps to the grammar as the sampler does: ${name}`, async () => {
      using model = create();
      const grammar = evenAndOdd();
      const options = { prompt: legalPrompt, steps: 38, seeds: rowSeeds(7, 3), grammar, ...sampling };
      expect(await generate({ model, ...options })).toEqual(await generate({ model: byStep(model), ...options }));
    });
  }

  for (const changes of [
    { positions: "sinusoidal", bias: false },
    { positions: "rotary", tiedWeights: true },
    { positions: "learned", normalization: "rms", feedForward: "swiglu", queryKeyNorm: true },
    { positions: "rotary-2d", grid: { height: 5, width: 6, start: 3 } },
  ] as const) {
    it(`holds for ${changes.positions} positions`, async () => {
      using model = create(changes);
      const options = { prompt, seeds: rowSeeds(3, 5) };
      expect(await generate({ model, ...options })).toEqual(await generate({ model: byStep(model), ...options }));
    });
  }

  describe("under guidance", () => {
    const without = { data: legalPrompt.data.map((id, i) => (i % 2 === 0 ? 0 : id)), count: 3, length: 2 };
    it.each<[GuidanceScale, SamplingOptions & { steps: number; grammar?: Grammar }]>([
      [2.5, { steps: 17 }],
      [
        { from: 1.5, to: 4 },
        { steps: 12, grammar: evenAndOdd(), temperature: 1.3, topK: 9, topP: 0.7 },
      ],
      [0, { steps: 1, temperature: 0 }],
    ])("chooses what the sampler chooses: scale %o", async (scale, options) => {
      using model = create({ positions: "rotary", layers: 1 });
      const all = { prompt: legalPrompt, seeds: rowSeeds(3, 3), guidance: { prompt: without, scale }, ...options };
      const own = await generate({ model, ...all });
      expect(own).toEqual(await generate({ model: byStep(model), ...all }));
      expect(own).not.toEqual(await generate({ model: byStep(model), ...all, guidance: undefined }));
    });

    it("has no effect at scale 1, and gives a row the same ids in any batch", async () => {
      using model = create({ layers: 1 });
      const seeds = rowSeeds(5, 3);
      const plan = { prompt: legalPrompt, steps: 9, seeds, temperature: 1 };
      const guided = (scale: number) => ({ prompt: without, scales: new Float32Array(9).fill(scale) });
      expect(await model.decode!({ ...plan, guidance: guided(1) })).toEqual(await model.decode!(plan));
      const together = await model.decode!({ ...plan, guidance: guided(3) });
      const second = (batch: typeof without) => ({ data: batch.data.slice(2, 4), count: 1, length: 2 });
      const alone = await model.decode!({
        ...{ ...plan, prompt: second(legalPrompt), seeds: seeds.slice(1, 2) },
        guidance: { ...guided(3), prompt: second(without) },
      });
      expect(alone.data).toEqual(together.data.slice(11, 22));
    });
  });

  describe("of logits without meaning", () => {
    const size = config.vocabularySize;
    const all = (value: number, ...changes: [id: number, value: number][]) => {
      const logits = new Array<number>(size).fill(value);
      for (const [id, changed] of changes) {
        logits[id] = changed;
      }
      return logits;
    };
    // Legal are 0 to 10 after an odd id, 11 to 22 after an even one.
    const cases: [string, number[]][] = [
      ["all NaN", all(Number.NaN)],
      ["all −Infinity", all(Number.NEGATIVE_INFINITY)],
      ["all +Infinity", all(Number.POSITIVE_INFINITY)],
      ["two +Infinity, legal in turn", all(1, [3, Infinity], [8, Infinity], [12, Infinity], [17, Infinity])],
      ["+Infinity where it is not always legal", all(Number.NaN, [2, Infinity], [5, 1], [6, 1])],
      ["NaN, infinities and numbers", all(0.5, [0, Number.NaN], [1, -Infinity], [12, Infinity], [13, 3.4e38], [14, 9])],
    ];

    it.each(cases)("chooses what the sampler chooses: %s", async (_, logits) => {
      using model = create();
      giveConstantLogits(model, logits);
      for (const [, sampling] of settings) {
        const options = { prompt: legalPrompt, grammar: evenAndOdd(), steps: 6, seed: 1, ...sampling };
        expect(await generate({ model, ...options })).toEqual(await generate({ model: byStep(model), ...options }));
      }
    });

    it.each<[string, number[], SamplingOptions]>([
      ["all NaN", all(Number.NaN), {}],
      ["two +Infinity", all(1, [3, Infinity], [8, Infinity]), {}],
      ["numbers", all(0).map((_, id) => (id % 7) / 3), { temperature: 0.8, topK: 12 }],
    ])("draws by their probabilities: %s", async (_, logits, sampling) => {
      using model = create();
      giveConstantLogits(model, logits);
      const rows = 500;
      const many = { data: new Int32Array(rows).fill(1), count: rows, length: 1 };
      const { data, length } = await generate({ model, prompt: many, steps: 20, seed: 1, ...sampling });
      const drawn = data.filter((_, i) => i % length > 0);
      expectFrequencies(countIds(drawn, size), idProbabilities(Float32Array.from(logits), sampling));
    });
  });

  it("gives a row the same ids in any batch", async () => {
    using model = create();
    const seeds = rowSeeds(5, 5);
    const together = await generate({ model, prompt, seeds });
    const alone = await generate({
      model,
      prompt: { data: prompt.data.slice(4, 6), count: 1, length: 2 },
      seeds: seeds.slice(2, 3),
    });
    expect(alone.data).toEqual(together.data.slice(2 * 40, 3 * 40));
  });

  it("gives the same ids where the graph draws the noise", async () => {
    using model = create({ layers: 1 });
    const all = { model, prompt: legalPrompt, grammar: evenAndOdd(), seeds: rowSeeds(5, 3), topK: 9, steps: 20 };
    const expected = await generate(all);
    Object.assign(tf.backend(), { feedsTravel: true });
    try {
      expect(await generate(all)).toEqual(expected);
    } finally {
      Object.assign(tf.backend(), { feedsTravel: false });
    }
  });

  it("gives the same ids in blocks of rows, guided too", async () => {
    using model = create({ layers: 1 });
    const runner = runnerOf(model);
    const plan = { prompt, steps: 9, seeds: rowSeeds(5, 5), temperature: 1 };
    const guidance = {
      prompt: { ...prompt, data: prompt.data.map((id) => (id + 1) % 23) },
      scales: new Float32Array(9).fill(3),
    };
    for (const each of [plan, { ...plan, guidance }]) {
      const whole = await model.decode!(each);
      // A row has 9 · 23 numbers of noise and 2 · 24 · 11 of keys and values, twice with guidance.
      for (const [maxNumbers, rows] of [
        [1, 1],
        [2 * (9 * 23 + 2 * 24 * 11 * ("guidance" in each ? 2 : 1)), 2],
      ] as const) {
        const sizes: number[] = [];
        const seen = (block: DecodePlan) => {
          sizes.push(block.prompt.count);
          return block;
        };
        expect(await inBlocks(each, rows, (block) => runner.decode(seen(block)))).toEqual(whole);
        expect(new Set(sizes)).toEqual(new Set([rows]));
        expect(await runner.decode(each, { maxNumbers })).toEqual(whole);
      }
    }
  });

  it("is stopped between two blocks of rows", async () => {
    using model = create({ layers: 1 });
    const stop = new AbortController();
    const runner = runnerOf(model);
    const pause = vi.fn(() => pauseBetweenBlocks(stop.signal));
    const native = { ...byStep(model), decode: (plan: DecodePlan) => runner.decode(plan, { maxNumbers: 1, pause }) };
    const tensors = tf.memory().numTensors;
    // Between two of the five blocks a timer has its turn.
    setTimeout(() => stop.abort(), 0);
    const options = { prompt, steps: 9, seed: 1, temperature: 1, signal: stop.signal };
    await expect(generate({ model: native, ...options })).rejects.toThrow(AbortedError);
    expect(pause).toHaveBeenCalledTimes(1);
    expect(tf.memory().numTensors).toBe(tensors);
  });

  it("follows weights that have changed, and leaves no tensor behind", async () => {
    using model = create();
    const options = { prompt, seed: 1, temperature: 0 };
    const first = await generate({ model, ...options });
    const held = tf.memory().numTensors;
    const head = model.parameters.get("lm_head.weight")!;
    tf.tidy(() => head.assign(tf.neg(head)));
    const second = await generate({ model, ...options });
    expect(second).not.toEqual(first);
    expect(second).toEqual(await generate({ model: byStep(model), ...options }));
    expect(tf.memory().numTensors).toBe(held);
  });

  it("is there where the backend has loops and the model is causal", async () => {
    using model = create();
    using bidirectional = create({ causal: false });
    expect(model.decode).toBeTypeOf("function");
    expect(bidirectional.decode).toBeUndefined();
    await tf.setBackend("cpu");
    expect(model.decode).toBeUndefined();
    await tf.setBackend("onnx");
  });

  it("refuses a plan that does not fit", async () => {
    using model = create();
    const seeds = rowSeeds(1, 5);
    const plan = { prompt, steps: 3, seeds, temperature: 1 };
    const decode = model.decode!;
    await expect(decode({ ...plan, steps: 39 })).rejects.toThrow(ShapeError);
    await expect(decode({ ...plan, seeds: seeds.slice(1) })).rejects.toThrow("a seed for each of 5 rows, got 4");
    await expect(decode({ ...plan, grammar: evenAndOdd(9) })).rejects.toThrow("got one for 9");
    const guided = { prompt, scales: new Float32Array(2) };
    await expect(decode({ ...plan, guidance: guided })).rejects.toThrow("for each of 3 steps, got 2");
    const shorter = { data: new Int32Array(5), count: 5, length: 1 };
    await expect(decode({ ...plan, guidance: { ...guided, prompt: shorter } })).rejects.toThrow("[5, 2], got [5, 1]");
    const outside = { ...prompt, data: prompt.data.map((id) => id + 10) };
    await expect(decode({ ...plan, prompt: outside })).rejects.toThrow(VocabularyError);
    await expect(decode({ ...plan, grammar: evenAndOdd() })).rejects.toThrow(GrammarError);
    expect((await decode({ ...plan, steps: 0 })).data).toEqual(prompt.data);
  });
});
