import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { type DenoisePlan, type Denoiser, Random, ShapeError } from "@mmgen/core";
import { type DenoiseOptions, denoise, rowSeeds } from "@mmgen/samplers";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { giveConstantLogits } from "./fixtures/constant-logits.fixture.js";
import { runnerOf } from "./fixtures/plan-runner.fixture.js";

const [length, vocabularySize, maskId] = [9, 14, 13];

beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});

/** A model whose logits differ enough for every processor to bite. */
function create(): TinyTransformer {
  const model = TinyTransformer.create(
    { vocabularySize, contextLength: length, width: 12, heads: 2, layers: 1, causal: false },
    { random: Random.fromSeed(1) },
  );
  tf.tidy(() => {
    for (const variable of model.parameters.values()) {
      variable.assign(tf.mul(variable, variable.rank === 2 ? 8 : 1));
    }
  });
  return model;
}

/** The same model without a loop of its own: the sampler then runs round by round. */
const byRound = (model: TinyTransformer): Denoiser => ({
  vocabularySize,
  logits: (ids) => model.logits(ids),
});

const rows = 4;
const random = Random.fromSeed(3);
const ids = { data: Int32Array.from({ length: rows * length }, () => random.integer(10)), count: rows, length };
// Two known ids at the start of every row, and others in the last two rows.
const known = Uint8Array.from(ids.data, (_, i) => (i % length < 2 || (i >= 2 * length && i % 3 === 0) ? 1 : 0));
// Ids 10 to 12 are of another kind: legal at one position only. One position has a single legal id.
const legal = {
  from: Int32Array.from({ length }, (_, i) => (i === 4 ? 10 : i === 5 ? 7 : 0)),
  to: Int32Array.from({ length }, (_, i) => (i === 4 ? 13 : i === 5 ? 8 : 10)),
};
const other = { ...ids, data: ids.data.map((id, i) => (i % length < 2 ? 12 : id)) };

type Case = Pick<DenoiseOptions, "kernel"> & Partial<DenoiseOptions>;
const guidance = { ids: other, scale: { from: 3, to: 0.5 } } as const;
const contextGuidance = { from: 1.2, to: 2.5 };
const cases: [string, Case][] = [
  ["absorbing, ancestral", { kernel: { type: "absorbing" }, sampler: { type: "ancestral", rounds: 7 } }],
  ["absorbing, confidence", { kernel: { type: "absorbing" }, sampler: { type: "confidence", rounds: 5 }, topK: 6 }],
  ["confidence at temperature 0", { kernel: { type: "maskgit" }, sampler: { type: "confidence" }, temperature: 0 }],
  ["remasking", { kernel: { type: "absorbing" }, sampler: { type: "remasking", rounds: 12, eta: 0.3 }, topP: 0.8 }],
  [
    "halton",
    {
      kernel: { type: "absorbing" },
      sampler: { type: "halton", rounds: 3, grid: { height: 2, width: 3, start: 2 }, contextGuidance },
    },
  ],
  ["chain", { kernel: { type: "chain" }, sampler: { type: "chain", rounds: 6 }, temperature: 0.6, topP: 0.9 }],
  ["uniform", { kernel: { type: "uniform", steps: 9 }, sampler: { type: "ancestral", rounds: 9 } }],
  [
    "mask-and-replace",
    {
      kernel: { type: "mask-and-replace", steps: 20, untouched: [0.95, 0.05], masked: [0.02, 0.6] },
      sampler: { type: "ancestral", rounds: 8 },
      ...{ temperature: 0.8, topK: 8, topP: 0.95 },
    },
  ],
  ["guided ancestral", { kernel: { type: "absorbing" }, sampler: { type: "ancestral", rounds: 6 }, guidance }],
  ["guided confidence", { kernel: { type: "absorbing" }, sampler: { type: "confidence" }, guidance, topP: 0.9 }],
  ["guided by context", { kernel: { type: "absorbing" }, sampler: { type: "remasking", rounds: 8, contextGuidance } }],
  [
    "guided by context and by a condition",
    { kernel: { type: "maskgit" }, sampler: { type: "confidence", contextGuidance }, guidance, temperature: 0.7 },
  ],
  ["guided chain", { kernel: { type: "chain" }, sampler: { type: "chain", rounds: 4 }, guidance }],
];

describe("a transformer's own rounds of diffusion", () => {
  it.each(cases)("give what the sampler gives round by round: %s", async (_, options) => {
    using model = create();
    const held = tf.memory().numTensors;
    const all = { ids, known, legal, seeds: rowSeeds(5, rows), maskId, ...options };
    const own = await denoise({ model, ...all });
    expect(tf.memory().numTensors).toBe(held);
    expect([...own.data]).toEqual([...(await denoise({ model: byRound(model), ...all })).data]);
  });

  it.each<[string, (id: number) => number]>([
    ["all NaN", () => Number.NaN],
    ["all −Infinity", () => Number.NEGATIVE_INFINITY],
    ["two of +Infinity, and the mask", (id) => ([2, 7, maskId].includes(id) ? Number.POSITIVE_INFINITY : 1)],
  ])("are the same for logits without meaning: %s", async (_, logitOf) => {
    using model = create();
    giveConstantLogits(
      model,
      Array.from({ length: vocabularySize }, (_, id) => logitOf(id)),
    );
    for (const [, options] of cases.slice(1, 4)) {
      const all = { ids, known, legal, seeds: rowSeeds(5, rows), maskId, ...options };
      const own = await denoise({ model, ...all });
      expect(own).toEqual(await denoise({ model: byRound(model), ...all }));
    }
  });

  it.each(cases)("are the same in blocks of rows: %s", async (_, options) => {
    using model = create();
    const runner = runnerOf(model);
    const all = { ids, known, legal, seeds: rowSeeds(5, rows), maskId, ...options };
    // Two blocks of two rows; the open places of the last row alone are others than those of all rows.
    const maxLogits = 3 * length * vocabularySize;
    const late = known.map((flag, i) => (i >= 3 * length && i < 3 * length + 5 ? 1 : flag));
    let pauses = 0;
    const pause = async () => void pauses++;
    const inBlocks = { ...byRound(model), denoise: (plan: DenoisePlan) => runner.denoise(plan, { maxLogits, pause }) };
    const own = await denoise({ model: inBlocks, ...all, known: late });
    expect(pauses).toBe(1);
    expect(own).toEqual(await denoise({ model: byRound(model), ...all, known: late }));
  });

  it("are the same in parts, of one round or more", async () => {
    using model = create();
    const runner = runnerOf(model);
    const kernel = { type: "absorbing" } as const;
    for (const type of ["remasking", "confidence", "halton"] as const) {
      const all = { ids, known, legal, seed: 2, maskId, kernel, sampler: { type, rounds: 5 } };
      const whole = await denoise({ model, ...all });
      for (const maxNoise of [1, 2 * rows * (length - 1) * vocabularySize]) {
        const inParts = { ...byRound(model), denoise: (plan: DenoisePlan) => runner.denoise(plan, { maxNoise }) };
        expect(await denoise({ model: inParts, ...all })).toEqual(whole);
      }
    }
  });

  it("are the same where the graph draws the noise", async () => {
    using model = create();
    for (const sampler of [
      { type: "remasking", rounds: 4 },
      { type: "confidence", rounds: 4 },
    ] as const) {
      const all = { model, ids, known, legal, seed: 2, maskId, kernel: { type: "absorbing" }, sampler } as const;
      const expected = await denoise(all);
      Object.assign(tf.backend(), { feedsTravel: true });
      try {
        expect(await denoise(all)).toEqual(expected);
      } finally {
        Object.assign(tf.backend(), { feedsTravel: false });
      }
    }
  });

  it("give a row the same ids in any batch", async () => {
    using model = create();
    const seeds = rowSeeds(5, rows);
    const all = { model, legal, maskId, kernel: { type: "absorbing" }, sampler: { type: "confidence" } } as const;
    const together = await denoise({ ...all, ids, known, seeds });
    const part = { ids: { ...ids, data: ids.data.slice(18, 27), count: 1 }, known: known.slice(18, 27) };
    const alone = await denoise({ ...all, ...part, seeds: seeds.slice(2, 3) });
    expect(alone.data).toEqual(together.data.slice(18, 27));
  });

  it("follow weights that have changed", async () => {
    using model = create();
    const all = { ids, known, legal, seed: 1, maskId, kernel: { type: "absorbing" } } as const;
    const first = await denoise({ model, ...all });
    tf.tidy(() => {
      const head = model.parameters.get("lm_head.weight")!;
      head.assign(tf.neg(head));
    });
    const second = await denoise({ model, ...all });
    expect(second).not.toEqual(first);
    expect(second).toEqual(await denoise({ model: byRound(model), ...all }));
  });

  it("are there where the backend has loops and the model is not causal", async () => {
    using model = create();
    using causal = TinyTransformer.create({ ...model.config, causal: true }, { random });
    expect(model.denoise).toBeTypeOf("function");
    expect(causal.denoise).toBeUndefined();
    await tf.setBackend("cpu");
    expect(model.denoise).toBeUndefined();
    await tf.setBackend("onnx");
  });

  it("refuse a plan that does not fit", async () => {
    using model = create();
    const plan = { ids, known, legal, rounds: 2, rule: { type: "redraw" }, temperature: 1 } as const;
    const seeds = new Uint32Array(2 * rows);
    const run = model.denoise!;
    await expect(run({ ...plan, drawSeeds: seeds, choiceSeeds: seeds.slice(1) })).rejects.toThrow(ShapeError);
    await expect(run({ ...plan, drawSeeds: seeds, choiceSeeds: seeds, known: known.slice(1) })).rejects.toThrow(
      "denoise: expected 36 numbers of known, got 35.",
    );
  });
});
