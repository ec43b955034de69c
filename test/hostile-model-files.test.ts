import { CheckpointError, Random, readSafetensors, type SafetensorsContent, writeSafetensors } from "@mmgen/core";
import { fuzz } from "@mmgen/core/fuzz.fixture";
import { AttributeClassifier } from "@mmgen/evaluation";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import { VqVae } from "@mmgen/vqvae";
import { loadQuantizer, saveQuantizer, VectorQuantizer } from "@mmgen/vqvae/quantizers";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";

beforeAll(() => tf.setBackend("cpu"));

type Load = (bytes: Uint8Array) => { dispose(): void };
const vqvae: Load = (bytes) => VqVae.fromSafetensors(bytes);
const transformer: Load = (bytes) => TinyTransformer.fromSafetensors(bytes);
const classifier: Load = (bytes) => AttributeClassifier.fromSafetensors(bytes);

const file = (metadata: Record<string, string>, values = 0): Uint8Array => {
  const x = { dtype: "float32", shape: [values], data: new Float32Array(values) } as const;
  return writeSafetensors({ tensors: new Map(values > 0 ? [["x", x]] : []), metadata });
};
const vqvaeFile = (config: object) => file({ kind: "mmgen.vqvae", version: "1", config: JSON.stringify(config) });
const transformerConfig = (change: object) => ({
  vocabularySize: 1,
  contextLength: 4,
  width: 2,
  heads: 1,
  layers: 1,
  feedForwardWidth: 1,
  positions: "rotary",
  bias: false,
  tiedWeights: true,
  ...change,
});
const transformerFile = (change: object) =>
  file({ model: "@mmgen/tiny-transformer", config: JSON.stringify(transformerConfig(change)) }, 28);
const classifierFile = (config: object) =>
  file({ format: "mmgen.attribute-classifier", config: JSON.stringify(config) });
const attributes = [{ name: "a", classes: 2 }];

/** Small files whose configuration asks for gigabytes, and what loads them. */
const hostile: readonly [string, Load, () => Uint8Array][] = [
  ["a classifier of 10⁴ channels", classifier, () => classifierFile({ attributes, hiddenChannels: [1e4, 1e4, 1e4] })],
  [
    "a classifier of 3000 attributes",
    classifier,
    () => classifierFile({ attributes: Array.from({ length: 3000 }, (_, i) => ({ name: `${i}`, classes: 2 })) }),
  ],
  ["a transformer of context 2³¹", transformer, () => transformerFile({ contextLength: 2 ** 31 })],
  ["a transformer of context 40 000", transformer, () => transformerFile({ contextLength: 40_000 })],
  ["a transformer of 10⁹ layers", transformer, () => transformerFile({ layers: 1e9 })],
  ["a vqvae of 10⁶ blocks", vqvae, () => vqvaeFile({ network: { residualBlocks: 1e6 } })],
  [
    "a vqvae of 10⁶ blocks with attention",
    vqvae,
    () => vqvaeFile({ network: { residualBlocks: 1e6, attentionHeads: 1 } }),
  ],
  ["a vqvae of 2⁴⁰ channels", vqvae, () => vqvaeFile({ channels: 2 ** 40 })],
  ["a vqvae of side 2⁵⁰", vqvae, () => vqvaeFile({ imageSide: 2 ** 50, network: { type: "dense" } })],
  ["a vqvae of 10⁴ hidden channels", vqvae, () => vqvaeFile({ network: { hiddenChannels: 1e4 } })],
  ["a vqvae of 9000 layers", vqvae, () => vqvaeFile({ network: { type: "dense", hidden: Array(9000).fill(1) } })],
  ["a vqvae of 10⁹ chunks", vqvae, () => vqvaeFile({ quantizer: { type: "product", chunks: 1e9 } })],
  [
    "a vqvae of 10⁹ chunks that share a codebook",
    vqvae,
    () => vqvaeFile({ quantizer: { type: "product", chunks: 1e9, sharedCodebook: true } }),
  ],
  ["a vqvae of 10⁹ stages", vqvae, () => vqvaeFile({ quantizer: { type: "residual", stages: 1e9 } })],
  [
    "a vqvae of 65 536 colors of 16 channels",
    vqvae,
    () =>
      vqvaeFile({
        channels: 16,
        maxValue: 15,
        head: "categorical",
        composition: { type: "figure-ground", paletteLevels: 2 },
      }),
  ],
  [
    "a quantizer of 10⁹ chunks",
    loadQuantizer,
    () => file({ kind: "mmgen.quantizer", version: "1", config: '{"type":"product","chunks":1000000000}' }),
  ],
];

/** The error, after at most 100 ms and 50 MB. */
function refusedAtOnce(load: () => unknown): Error {
  const before = { memory: process.memoryUsage(), peak: process.resourceUsage().maxRSS };
  const { numTensors } = tf.memory();
  let error: unknown;
  let milliseconds = Number.POSITIVE_INFINITY;
  // A busy machine is slow at times.
  for (let attempt = 0; attempt < 3 && milliseconds >= 100; attempt++) {
    const start = performance.now();
    error = undefined;
    try {
      load();
    } catch (thrown) {
      error = thrown;
    }
    milliseconds = Math.min(milliseconds, performance.now() - start);
  }
  expect(CheckpointError.isInstance(error)).toBe(true);
  expect(milliseconds).toBeLessThan(100);
  expect(process.memoryUsage().arrayBuffers - before.memory.arrayBuffers).toBeLessThan(5e7);
  expect((process.resourceUsage().maxRSS - before.peak) * 1024).toBeLessThan(5e7);
  expect(tf.memory().numTensors).toBe(numTensors);
  return error as Error;
}

describe("files of a few bytes that ask for gigabytes", () => {
  it.each(hostile)("%s", (_, load, make) => {
    const bytes = make();
    refusedAtOnce(() => load(bytes));
  });

  it("are refused with all weights in place, for the tables and masks that no file holds", async () => {
    using model = TinyTransformer.create(transformerConfig({}) as never, { random: Random.fromSeed(1) });
    const { tensors, metadata } = readSafetensors(await model.toSafetensors());
    const withContext = (contextLength: number) =>
      writeSafetensors({
        tensors,
        metadata: { ...metadata, config: JSON.stringify({ ...JSON.parse(metadata.config!), contextLength }) },
      });
    const error = refusedAtOnce(() => transformer(withContext(40_000)));
    expect(error.message).toContain('asks for masks and tables of 1600080000 values, and the limit "constantValues"');
    refusedAtOnce(() => transformer(withContext(2 ** 31)));
    // A limit of one's own goes both ways.
    expect(() => TinyTransformer.fromSafetensors(withContext(5), { limits: { constantValues: 34 } })).toThrow(
      "35 values",
    );
    TinyTransformer.fromSafetensors(withContext(5), { limits: { constantValues: 35 } }).dispose();
  });
});

describe("mutated files", () => {
  const random = Random.fromSeed(1);
  const samples: Record<string, { readonly load: Load; readonly make: () => Promise<Uint8Array> }> = {
    vqvae: {
      load: vqvae,
      make: () =>
        disposing(
          VqVae.create(
            {
              imageSide: 4,
              channels: 1,
              network: { type: "convolutional", hiddenChannels: 1, residualBlocks: 1 },
              quantizer: { type: "product", chunks: 2, codebookSize: 2, codeDimension: 1 },
              composition: { type: "figure-ground", paletteLevels: 2 },
            },
            { random },
          ),
        ),
    },
    transformer: {
      load: transformer,
      make: () => disposing(TinyTransformer.create(transformerConfig({}) as never, { random })),
    },
    "attribute classifier": {
      load: classifier,
      make: () =>
        disposing(
          AttributeClassifier.create(
            { attributes, height: 4, width: 4, channels: 1, hiddenChannels: [1, 1, 1], hiddenWidth: 1 },
            { random },
          ),
        ),
    },
    quantizer: {
      load: loadQuantizer,
      make: async () => {
        using quantizer = new VectorQuantizer({ codebookSize: 2, codeDimension: 2 }).initializeWeights(random);
        return saveQuantizer(quantizer);
      },
    },
  };

  it.each(Object.entries(samples))(
    "of a %s are loaded or refused, and leak nothing",
    async (name, { load, make }) => {
      const { tensors, metadata } = readSafetensors(await make());
      const shapes = Object.fromEntries([...tensors].map(([weight, { shape }]) => [weight, shape]));
      const text = JSON.stringify({ config: JSON.parse(metadata.config!), shapes });
      const { numTensors } = tf.memory();
      await fuzz({
        name: `${name} file`,
        // The configuration and the shapes as text: mutations of whole files end in the header, which has a fuzzer.
        samples: [new TextEncoder().encode(text)],
        json: true,
        parse: (bytes) => load(fileOfText(new TextDecoder().decode(bytes), { tensors, metadata })),
        release: (model: { dispose(): void }) => model.dispose(),
        words: ["1000000000", "9007199254740991", '"layers":99,', '"chunks":99999,', "1e300", "-1", "null", '"x":[1],'],
        depth: (bytes, error) =>
          !isJson(new TextDecoder().decode(bytes))
            ? "none"
            : /configuration (cannot be used|is|holds)/.test(error?.message ?? "")
              ? "signature"
              : "header",
      });
      expect(tf.memory().numTensors).toBe(numTensors);
    },
    30_000,
  );
});

/** A file of the model with another configuration and other shapes, given as JSON or as what is none. */
function fileOfText(text: string, { tensors, metadata }: SafetensorsContent): Uint8Array {
  if (!isJson(text)) {
    return writeSafetensors({ tensors, metadata: { ...metadata, config: text } });
  }
  const { config, shapes } = (JSON.parse(text) ?? {}) as { config?: unknown; shapes?: Record<string, unknown> };
  const mutated = Object.entries(shapes ?? {}).map(([weight, shape]) => {
    const { dtype } = tensors.get(weight) ?? { dtype: "float32" as const };
    const size = Array.isArray(shape) ? shape.reduce((product: number, side) => product * side, 1) : -1;
    const isSize = Number.isSafeInteger(size) && size >= 0 && size < 1000;
    const data = dtype === "int32" ? new Int32Array(isSize ? size : 1) : new Float32Array(isSize ? size : 1);
    return [weight, { dtype, shape: isSize ? (shape as number[]) : [1], data }] as const;
  });
  return writeSafetensors({
    tensors: new Map(mutated),
    metadata: { ...metadata, config: JSON.stringify(config ?? null) },
  });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

async function disposing(model: { toSafetensors(): Promise<Uint8Array>; dispose(): void }): Promise<Uint8Array> {
  try {
    return await model.toSafetensors();
  } finally {
    model.dispose();
  }
}
