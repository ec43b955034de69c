import { type ImageBatch, Random } from "@mmgen/core";
import { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import { generate } from "@mmgen/samplers";
import { TinyTransformer, type TransformerConfig } from "@mmgen/tiny-transformer";
import { constantSchedule, evaluateLoss, imageExamples, tokenExamples, train } from "@mmgen/training";
import { VqVae, type VqVaeOptions } from "@mmgen/vqvae";
import * as tf from "@tensorflow/tfjs-core";

/** What a model comes to on the active backend, as numbers by name. */
type ModelWork = Readonly<Record<string, ArrayLike<number>>>;

const side = 8;
const random = Random.fromSeed(1);
const images: ImageBatch = {
  data: Uint8Array.from({ length: 48 * side * side * 3 }, () => random.integer(4)),
  count: 48,
  height: side,
  width: side,
  channels: 3,
  maxValue: 3,
};

const codebook = { codebookSize: 8, codeDimension: 4 };
const vector = { type: "vector", ...codebook } as const;
const network = { hiddenChannels: 8, stages: 2, residualBlocks: 1 };

/** One of every kind of image tokenizer. */
const autoencoders: Readonly<Record<string, VqVaeOptions>> = {
  "vector, attention": { network: { ...network, attentionHeads: 2 }, quantizer: vector },
  "vector, rotation, three stages": {
    network: { ...network, stages: 3 },
    quantizer: { ...vector, gradientEstimator: "rotation" },
  },
  "cosine, learned by gradients, categorical": {
    network,
    quantizer: { ...vector, distance: "cosine", codebook: "gradient" },
    head: "categorical",
  },
  product: { network, quantizer: { type: "product", ...codebook, chunks: 2 } },
  residual: { network, quantizer: { type: "residual", ...codebook, stages: 2 } },
  fsq: { network, quantizer: { type: "fsq", levels: [5, 4, 3] } },
  lfq: { network, quantizer: { type: "lfq", bits: 5, inverseTemperature: 10 } },
  "figure and ground": {
    network,
    quantizer: vector,
    composition: { type: "figure-ground" },
    head: "categorical",
  },
  "figure and ground, colors within the grid": {
    network,
    quantizer: vector,
    composition: { type: "figure-ground", palettePlace: "within" },
    head: "categorical",
  },
  "dense, sigmoid": {
    network: { type: "dense", hidden: [16] },
    quantizer: { type: "product", ...codebook, chunks: 2 },
    head: "sigmoid",
  },
};

/** One of every kind of transformer: what differs from the plainest. */
const transformers: Readonly<Record<string, Partial<TransformerConfig>>> = {
  "learned positions": {},
  "sinusoidal positions, tanh": { positions: "sinusoidal", gelu: "tanh" },
  "rotary positions, tied weights, no biases": { positions: "rotary", tiedWeights: true, bias: false },
  dropout: { dropout: 0.2 },
};

const captions = ["a red cat", "a dog", "red red"];
const tokenizer = MultimodalTokenizer.create({ captions, codebookSize: 8, codeGrid: { height: 2, width: 2 } });
const pairs = tokenizer.join({
  codes: { data: Int32Array.from({ length: 12 }, () => random.integer(8)), count: 3, height: 2, width: 2 },
  captions,
  order: "halves",
});

/** A started model as a file, to be read on several backends. */
async function autoencoderFile(options: VqVaeOptions): Promise<Uint8Array> {
  using model = VqVae.create({ imageSide: side, ...options }, { random: Random.fromSeed(2) });
  await model.initialize(images, Random.fromSeed(3));
  return model.toSafetensors();
}

async function autoencoderWork(file: Uint8Array, steps: number): Promise<ModelWork> {
  using model = VqVae.fromSafetensors(file);
  const { data: latents } = await model.latents(images);
  const codes = await model.encode(images);
  const { data: pixels } = await model.decode(codes);
  const examples = imageExamples(images);
  const batchSize = 16;
  if (steps > 0) {
    await train({ model, examples, batchSize, steps, schedule: constantSchedule(1e-2), random: Random.fromSeed(4) });
  }
  const { loss } = await evaluateLoss({ model, examples, batchSize });
  return { latents, codes: codes.data, pixels, loss: [loss!] };
}

async function transformerWork(changes: Partial<TransformerConfig>, steps: number): Promise<ModelWork> {
  const { vocabularySize, sequenceLength: contextLength } = tokenizer;
  using model = TinyTransformer.create(
    { vocabularySize, contextLength, width: 24, heads: 3, layers: 2, ...changes },
    { random: Random.fromSeed(5) },
  );
  const decoding = await model.prefill({ data: Int32Array.of(3, 4, 5, 6), count: 2, length: 2 });
  const logits = [...decoding.logits];
  for (let id = 1; id < 5; id++) {
    logits.push(...(await decoding.step(Int32Array.of(id, id + 3))));
  }
  decoding.dispose();
  const prompt = tokenizer.promptForImages(["a dog", "red red"]);
  const { data: ids } = await generate({ model, prompt, grammar: tokenizer.grammar(), seed: 6 });
  const rows = tokenExamples(pairs);
  const examples = {
    count: pairs.count,
    batch: async (...context: Parameters<typeof rows.batch>) => tokenizer.toTrainingBatch(await rows.batch(...context)),
  };
  const batchSize = 3;
  if (steps > 0) {
    await train({ model, examples, batchSize, steps, schedule: constantSchedule(1e-2), random: Random.fromSeed(7) });
  }
  const { loss } = await evaluateLoss({ model, examples, batchSize });
  return { logits, ids, loss: [loss!] };
}

/** The greatest difference of each figure. */
function differences(found: ModelWork, expected: ModelWork): Record<string, number> {
  return Object.fromEntries(
    Object.entries(expected).map(([name, values]) => [
      name,
      // NaN, and a value that is missing, differ as much as can be.
      Array.from(values).reduce((most, value, i) => {
        const difference = Math.abs(value - found[name]![i]!);
        return Number.isNaN(difference) ? Number.MAX_VALUE : Math.max(most, difference);
      }, 0),
    ]),
  );
}

/** The names of all kinds of models here. */
export const modelKinds: readonly string[] = [...Object.keys(autoencoders), ...Object.keys(transformers)];

/**
 * How far a kind of model at work on `backend` is from the same on tfjs's cpu backend: the greatest difference of each
 * figure, and of `tensors` left behind.
 *
 * @param steps - Training steps, after which the loss is taken.
 */
export async function compareWithCpu(kind: string, backend: string, steps: number): Promise<Record<string, number>> {
  await tf.setBackend("cpu");
  const autoencoder = autoencoders[kind];
  const file = autoencoder && (await autoencoderFile(autoencoder));
  const results: ModelWork[] = [];
  for (const each of ["cpu", backend]) {
    if (!(await tf.setBackend(each))) {
      throw new Error(`tfjs's ${each} backend does not start here.`);
    }
    const before = tf.memory().numTensors;
    const work = file ? await autoencoderWork(file, steps) : await transformerWork(transformers[kind]!, steps);
    results.push({ ...work, tensors: [tf.memory().numTensors - before] });
  }
  return differences(results[1]!, { ...results[0]!, tensors: [0] });
}
