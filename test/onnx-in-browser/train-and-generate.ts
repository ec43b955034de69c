import { type ExampleSource, type ImageBatch, Random, type TokenBatch } from "@mmgen/core";
import { generate } from "@mmgen/samplers";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import { constantSchedule, imageExamples, train } from "@mmgen/training";
import { VqVae } from "@mmgen/vqvae";

/** Losses and ids of {@link trainAndGenerate}. */
export interface TrainAndGenerateResult {
  readonly transformerLosses: readonly number[];
  /** The most likely ids after a given first one. */
  readonly ids: readonly number[];
  readonly vqVaeLosses: readonly number[];
}

/** Trains both models for a few steps on the active backend, and generates ids. */
export async function trainAndGenerate(): Promise<TrainAndGenerateResult> {
  const random = Random.fromSeed(1);
  const transformer = TinyTransformer.create(
    { contextLength: 16, vocabularySize: 12, width: 32, heads: 2, layers: 2, dropout: 0.1 },
    { random: random.fork("transformer") },
  );
  const rows = { count: 64, length: 16 };
  const tokens = { data: Int32Array.from({ length: rows.count * rows.length }, (_, i) => (i * 7) % 12), ...rows };
  const schedule = constantSchedule(3e-3);
  const trained = await train({
    model: transformer,
    examples: nextIds(tokens),
    batchSize: 16,
    epochs: 5,
    schedule,
    random,
  });
  const prompt = { data: Int32Array.of(0), count: 1, length: 1 };
  const { data: ids } = await generate({ model: transformer, prompt, temperature: 0 });
  transformer.dispose();

  const vqvae = VqVae.create(
    { imageSide: 16, network: { hiddenChannels: 16 }, quantizer: { codebookSize: 16, codeDimension: 8 } },
    { random: random.fork("vqvae") },
  );
  const side = { height: 16, width: 16, channels: 3, maxValue: 3 };
  const data = Uint8Array.from({ length: 32 * 16 * 16 * 3 }, (_, i) => (i >> 4) % 4);
  const images: ImageBatch = { data, count: 32, ...side };
  const coded = await train({
    model: vqvae,
    examples: imageExamples(images),
    batchSize: 16,
    epochs: 4,
    schedule,
    random,
  });
  await vqvae.decode(await vqvae.encode(images));
  vqvae.dispose();
  return {
    transformerLosses: trained.history.steps.map(({ loss }) => loss),
    ids: [...ids],
    vqVaeLosses: coded.history.steps.map(({ loss }) => loss),
  };
}

/** Rows without their last id, and the ids that follow. */
function nextIds({ data, count, length }: TokenBatch): ExampleSource<{ inputs: TokenBatch; targets: TokenBatch }> {
  const part = (indices: Int32Array, start: number): TokenBatch => {
    const ids = [...indices].flatMap((row) => [...data.subarray(row * length + start, (row + 1) * length - 1 + start)]);
    return { data: Int32Array.from(ids), count: indices.length, length: length - 1 };
  };
  return { count, batch: (indices) => ({ inputs: part(indices, 0), targets: part(indices, 1) }) };
}
