import { exportOnnx, registerOnnxBackend } from "@mmgen/backend-onnx";
import { type ImageBatch, Random } from "@mmgen/core";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import { VqVae } from "@mmgen/vqvae";
import * as tf from "@tensorflow/tfjs-core";
import * as ort from "onnxruntime-node";
import { beforeAll, describe, expect, it } from "vitest";

beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});

async function session<T>(model: Uint8Array, use: (session: ort.InferenceSession) => Promise<T>): Promise<T> {
  const opened = await ort.InferenceSession.create(model);
  try {
    return await use(opened);
  } finally {
    await opened.release();
  }
}
const int32 = (data: Iterable<number>, dims: number[]) => new ort.Tensor("int32", Int32Array.from(data), dims);

function noise(count: number): ImageBatch {
  const random = Random.fromSeed(4);
  const data = Uint8Array.from({ length: count * 8 * 8 * 3 }, () => random.integer(4));
  return { data, count, height: 8, width: 8, channels: 3, maxValue: 3 };
}

describe("models as .onnx files, run by ONNX Runtime alone", () => {
  const network = { hiddenChannels: 8, attentionHeads: 2 };
  const normalized = {
    levels: [16, 16],
    residualBlocks: 1,
    normalization: "group",
    activation: "silu",
    upsampling: "nearest",
  } as const;
  for (const [name, composition, layers] of [
    ["whole", "whole", network],
    ["figure-ground", "figure-ground", network],
    ["of group norms and repeated pixels", "whole", normalized],
  ] as const) {
    it(`an image tokenizer, ${name}: both ways, in batches of any size`, async () => {
      using model = VqVae.create(
        {
          imageSide: 8,
          head: "categorical",
          composition: { type: composition },
          network: layers,
          quantizer: { codebookSize: 16, codeDimension: 4 },
        },
        { random: Random.fromSeed(1) },
      );
      const { height, width } = model.codeGrid;
      const weights = new Map([...model.parameters, ...model.buffers]);
      const encoder = await exportOnnx(({ levels }) => ({ codes: model.encodeTensor(levels as tf.Tensor4D) }), {
        inputs: { levels: { shape: ["batch", 8, 8, 3], dtype: "int32" } },
        weights,
      });
      const decoder = await exportOnnx(({ codes }) => ({ levels: model.decodeTensor(codes as tf.Tensor2D) }), {
        inputs: { codes: { shape: ["batch", height * width], dtype: "int32" } },
        weights,
      });
      for (const count of [1, 5]) {
        const images = noise(count);
        const codes = await model.encode(images);
        const encoded = await session(encoder, (each) => each.run({ levels: int32(images.data, [count, 8, 8, 3]) }));
        expect([...(encoded.codes!.data as Int32Array)]).toEqual([...codes.data]);
        const decoded = await session(decoder, (each) => each.run({ codes: encoded.codes! }));
        expect(decoded.levels!.dims).toEqual([count, 8, 8, 3]);
        expect(Uint8Array.from(decoded.levels!.data as Int32Array)).toEqual((await model.decode(codes)).data);
      }
    });
  }

  it("a transformer's step with its caches", async () => {
    const [heads, layers, contextLength, width, vocabularySize] = [2, 2, 6, 8, 11];
    using model = TinyTransformer.create(
      { vocabularySize, contextLength, width, heads, layers },
      { random: Random.fromSeed(1) },
    );
    const cacheNames = (kind: string) => Array.from({ length: layers }, (_, layer) => `${kind}.${layer}`);
    const cache = { shape: ["batch", heads, contextLength, width / heads], dtype: "float32" } as const;
    const exported = await exportOnnx(
      (inputs) => {
        const of = (kind: string) => cacheNames(kind).map((name) => inputs[name]!);
        const caches = { keys: of("key"), values: of("value") };
        const next = model.stepWithCaches(inputs.ids as tf.Tensor1D, inputs.position as tf.Tensor1D, caches);
        const named = (kind: string, tensors: readonly tf.Tensor[]) =>
          tensors.map((tensor, layer) => [`next_${kind}.${layer}`, tensor] as const);
        return {
          logits: next.logits,
          ...Object.fromEntries([...named("key", next.keys), ...named("value", next.values)]),
        };
      },
      {
        inputs: {
          ids: { shape: ["batch"], dtype: "int32" },
          position: { shape: [1], dtype: "int32" },
          ...Object.fromEntries([...cacheNames("key"), ...cacheNames("value")].map((name) => [name, cache])),
        },
        weights: model.parameters,
      },
    );
    const rows = [
      [1, 2, 3, 4, 5, 6],
      [7, 8, 9, 10, 0, 1],
      [3, 3, 3, 3, 3, 3],
    ];
    const expected = await model.logits({ data: Int32Array.from(rows.flat()), count: 3, length: 6 });
    await session(exported, async (each) => {
      const empty = new ort.Tensor("float32", new Float32Array(3 * heads * contextLength * (width / heads)), [
        3,
        heads,
        contextLength,
        width / heads,
      ]);
      let caches = Object.fromEntries([...cacheNames("key"), ...cacheNames("value")].map((name) => [name, empty]));
      for (let position = 0; position < 6; position++) {
        const ids = int32(
          rows.map((row) => row[position]!),
          [3],
        );
        const out = await each.run({ ids, position: int32([position], [1]), ...caches });
        caches = Object.fromEntries(
          Object.keys(caches).map((name) => [name, out[`next_${name}`] as ort.TypedTensor<"float32">]),
        );
        (out.logits!.data as Float32Array).forEach((logit, i) => {
          const [row, id] = [Math.floor(i / vocabularySize), i % vocabularySize];
          // Two ways through the same float32 numbers: logits stay below 1, sums of 8 terms differ in the last bits.
          expect(logit).toBeCloseTo(expected[(row * 6 + position) * vocabularySize + id]!, 5);
        });
      }
    });
  });
});
