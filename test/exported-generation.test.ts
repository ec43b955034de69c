import { exportOnnx, registerOnnxBackend } from "@mmgen/backend-onnx";
import { ConfigError, type Grammar, Random, type TokenBatch } from "@mmgen/core";
import { generate, rowSeeds, type SamplingOptions } from "@mmgen/samplers";
import { exportableGeneration, TinyTransformer, type TransformerOptions } from "@mmgen/tiny-transformer";
import * as tf from "@tensorflow/tfjs-core";
import * as ort from "onnxruntime-node";
import { beforeAll, describe, expect, it } from "vitest";

const size = 23;
let model: TinyTransformer;

beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
  model = create();
});

/** A model whose logits differ enough for every processor to bite. */
function create(changes: Partial<TransformerOptions> = {}): TinyTransformer {
  const created = TinyTransformer.create(
    { vocabularySize: size, contextLength: 21, width: 24, heads: 3, layers: 1, ...changes },
    { random: Random.fromSeed(1) },
  );
  tf.tidy(() => {
    for (const variable of created.parameters.values()) {
      variable.assign(tf.mul(variable, variable.rank === 2 ? 8 : 1));
    }
  });
  return created;
}

/** After an even id only ids of at least 11, after an odd one only those below: states differ from row to row. */
function evenAndOdd(): Grammar {
  const allowed = new Uint8Array(3 * size).fill(1);
  const next = Int32Array.from({ length: 3 * size }, (_, entry) => 1 + ((entry % size) % 2));
  for (let id = 0; id < size; id++) {
    allowed[size + id] = id >= 11 ? 1 : 0;
    allowed[2 * size + id] = id < 11 ? 1 : 0;
  }
  return { vocabularySize: size, stateCount: 3, start: 0, allowed, next };
}

const prompts = (count: number): TokenBatch => ({
  data: Int32Array.from({ length: count * 2 }, (_, i) => (i % 2 === 0 ? (i * 5) % 22 : 11 + (i % 10))),
  count,
  length: 2,
});
const legal = (count: number): TokenBatch => ({
  data: Int32Array.from({ length: count * 2 }, (_, i) => (i % 2 === 0 ? 2 * (i % 5) : 12)),
  count,
  length: 2,
});
const int = (values: Int32Array, dims: number[]) => new ort.Tensor("int32", values, dims);

async function run(file: Uint8Array, feeds: Record<string, ort.Tensor>): Promise<number[]> {
  const session = await ort.InferenceSession.create(file);
  try {
    return [...((await session.run(feeds)).ids!.data as Int32Array)];
  } finally {
    await session.release();
  }
}

describe("a whole generation as a file", () => {
  const settings: [string, SamplingOptions][] = [
    ["greedy", { temperature: 0 }],
    ["temperature 1", { temperature: 1 }],
    ["temperature 1.3, top-k 9, top-p 0.7", { temperature: 1.3, topK: 9, topP: 0.7 }],
  ];
  for (const [name, sampling] of settings) {
    it(`gives the ids of generate(), for any number of rows: ${name}`, async () => {
      const file = await exportOnnx(exportableGeneration(model, { promptLength: 2, ...sampling }));
      for (const count of [1, 5]) {
        const prompt = prompts(count);
        const seeds = rowSeeds(3, count);
        const ids = await generate({ model, prompt, seeds, ...sampling });
        const feeds = { prompt: int(prompt.data, [count, 2]) };
        const drawn = sampling.temperature === 0 ? {} : { seeds: int(new Int32Array(seeds.buffer), [count]) };
        expect(await run(file, { ...feeds, ...drawn })).toEqual([...ids.data]);
      }
    });
  }

  it("is that of RMS norms, SwiGLU, norms of queries and keys, and places on a plane", async () => {
    using other = create({
      ...{ normalization: "rms", feedForward: "swiglu", queryKeyNorm: true },
      ...{ positions: "rotary-2d", grid: { height: 3, width: 4, start: 5 } },
    });
    const [prompt, seeds] = [prompts(3), rowSeeds(3, 3)];
    const file = await exportOnnx(exportableGeneration(other, { promptLength: 2 }));
    const feeds = { prompt: int(prompt.data, [3, 2]), seeds: int(new Int32Array(seeds.buffer), [3]) };
    expect(await run(file, feeds)).toEqual([...(await generate({ model: other, prompt, seeds })).data]);
  });

  it("follows a grammar, fed or stored, and stores each weight once", async () => {
    const grammar = evenAndOdd();
    const [fed, stored] = await Promise.all(
      (["input", grammar] as const).map((each) =>
        exportOnnx(exportableGeneration(model, { promptLength: 2, steps: 19, grammar: each })),
      ),
    );
    const prompt = legal(4);
    const seeds = rowSeeds(9, 4);
    const ids = await generate({ model, prompt, seeds, grammar, steps: 19 });
    const feeds = { prompt: int(prompt.data, [4, 2]), seeds: int(new Int32Array(seeds.buffer), [4]) };
    expect(await run(stored!, feeds)).toEqual([...ids.data]);
    const tables = {
      allowed: new ort.Tensor("bool", grammar.allowed, [3, size]),
      next: int(grammar.next, [3, size]),
      start: int(Int32Array.of(grammar.start), []),
    };
    expect(await run(fed!, { ...feeds, ...tables })).toEqual([...ids.data]);
    const weights = 4 * [...model.parameters.values()].reduce((sum, variable) => sum + variable.size, 0);
    const text = Buffer.from(fed!);
    const nodes = 60_000;
    expect(text.length).toBeLessThan(weights + nodes);
    expect(text.includes('"contextLength":21')).toBe(true);
  });

  it("is of prompts of any length", async () => {
    // Of 31 rows fewer than 512 ids, of 101 more: the layers compute the two in different ways.
    const promptLength = 9;
    const prompt: TokenBatch = { data: Int32Array.from({ length: 18 }, (_, i) => i), count: 2, length: promptLength };
    const seeds = rowSeeds(3, 2);
    const file = await exportOnnx(exportableGeneration(model, { promptLength, steps: 4 }));
    const feeds = { prompt: int(prompt.data, [2, 9]), seeds: int(new Int32Array(seeds.buffer), [2]) };
    expect(await run(file, feeds)).toEqual([...(await generate({ model, prompt, seeds, steps: 4 })).data]);
  });

  it("refuses what does not fit the model", () => {
    const refused: readonly [object, string][] = [
      [{ promptLength: 0 }, "promptLength"],
      [{ promptLength: 18, steps: 5 }, "contextLength 21"],
      [{ promptLength: 2, topK: 24 }, "at most the vocabulary"],
      [{ promptLength: 2, topP: 1.5 }, "topP"],
      [{ promptLength: 2, grammar: { ...evenAndOdd(), vocabularySize: 9 } }, "vocabulary of 23"],
      [{ promptLength: 2, grammar: "inputs" }, "grammar"],
      [{ promptLength: 2, topk: 3 }, 'did you mean "topK"'],
    ];
    for (const [options, message] of refused) {
      const attempt = () => exportableGeneration(model, options as never);
      expect(attempt).toThrow(ConfigError);
      expect(attempt).toThrow(message);
    }
  });
});
