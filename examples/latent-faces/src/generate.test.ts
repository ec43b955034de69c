import "@mmgen/nn/gradients";
import "@tensorflow/tfjs-backend-cpu";
import { CheckpointError, type DecodePlan, type DenoisePlan, fingerprint, Random, type TokenBatch } from "@mmgen/core";
import { AttributeClassifier } from "@mmgen/evaluation";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { presets, sampledAs } from "./config.js";
import {
  disposeModels,
  drawCodes,
  kindsFile,
  loadModels,
  type Models,
  modelFiles,
  newAdversary,
  newTokenizer,
  newTransformer,
  nothingKept,
} from "./generate.js";

beforeAll(() => tf.setBackend("cpu"));
afterAll(() => expect(tf.memory().numTensors).toBe(0));

it("compares images by a classifier's layers, or lets the decoder alone learn by the discriminator's", () => {
  const { smoke } = presets;
  const images = { data: new Uint8Array(2 * 192), count: 2, height: 8, width: 8, channels: 3, maxValue: 255 };
  const random = Random.fromSeed(1);
  using tokenizer = newTokenizer(smoke, images, random);
  using classifier = AttributeClassifier.create(
    { attributes: [{ name: "hat", classes: 2 }], trunk: "image", height: 8, width: 8, maxValue: 255 },
    { random },
  );
  using compared = newAdversary(tokenizer, smoke.adversarial, { classifier, random });
  expect(compared.config).toMatchObject({
    learns: "all",
    perceptual: { features: "own", weight: 10 },
    weighting: { type: "constant", weight: 0.04 },
  });
  using alone = newAdversary(tokenizer, smoke.adversarial, { classifier: undefined, random });
  expect(alone.config).toMatchObject({
    learns: "decoder",
    perceptual: { features: "discriminator", weight: 1 },
    weighting: { type: "adaptive" },
  });
  expect(alone.parameters.size).toBeLessThan(compared.parameters.size);
  expect([...alone.parameters.keys()].every((name) => name.startsWith("decoder."))).toBe(true);
});

it("draws at a temperature that was typed by every sampler", () => {
  const { sampling } = presets.quick;
  expect(sampledAs(sampling, {})).toEqual(sampling);
  const { highTemperature, masks, temperature, topP } = sampledAs(sampling, { temperature: 0.5, topP: 0.9 });
  expect([temperature, masks.temperature, highTemperature, topP]).toEqual([0.5, 0.5, 0.5, 0.9]);
});

/** Models that draw code 0 alone, and tell what they are to begin with: 8 codes, their mask, "any kind", and three kinds. */
function listening(kinds: readonly number[]) {
  const begun: TokenBatch[] = [];
  const guided: boolean[] = [];
  const vocabularySize = 13;
  const sequential = {
    ...{ vocabularySize, contextLength: 5, prefill: () => Promise.reject(new Error("not asked for")) },
    decode: async ({ prompt, steps }: DecodePlan) => {
      begun.push(prompt);
      const length = prompt.length + steps;
      const at = (i: number) => [Math.floor(i / length), i % length] as const;
      const idAt = (row: number, place: number) =>
        place < prompt.length ? prompt.data[row * prompt.length + place]! : 0;
      const data = Int32Array.from({ length: prompt.count * length }, (_, i) => idAt(...at(i)));
      return { data, count: prompt.count, length };
    },
  };
  const absorbing = {
    vocabularySize,
    logits: async ({ count, length }: TokenBatch) => new Float32Array(count * length * vocabularySize),
    denoise: async ({ blank, ids }: DenoisePlan) => {
      begun.push(ids);
      guided.push(blank !== undefined);
      return { ...ids, data: ids.data.map((id) => (id === 8 ? 0 : id)) };
    },
  };
  const tokenizer = { codebookSize: 8, codeGrid: { height: 2, width: 2 } };
  return { begun, guided, models: { tokenizer, sequential, absorbing, chain: absorbing, kinds } as unknown as Models };
}

describe("new images", () => {
  const { sampling } = presets.smoke;
  const drawing = { sampling, seed: 1 };

  it("are of kinds as often as training images are, of the same by every sampler, and completions of any", async () => {
    const { begun, guided, models } = listening([0, 2, 2, 2]);
    const none = nothingKept(models.tokenizer, 400);
    const drawn = await drawCodes(models, "sequential", none, drawing);
    expect([drawn.count, drawn.data.length]).toEqual([400, 1600]);
    await drawCodes(models, "remasking", none, drawing);
    const firstIds = ({ data, length }: TokenBatch) => [...data.filter((_, i) => i % length === 0)];
    const [inOrder, atOnce] = begun.map(firstIds);
    expect(atOnce).toEqual(inOrder);
    expect(new Set(inOrder)).toEqual(new Set([10, 12]));
    // A quarter of 400, spread evenly.
    expect(Math.abs(inOrder!.filter((id) => id === 10).length - 100)).toBeLessThan(3);

    // A row does not depend on the others.
    await drawCodes(models, "sequential", nothingKept(models.tokenizer, 3), drawing);
    expect(firstIds(begun[2]!)).toEqual(inOrder!.slice(0, 3));

    const codes = { data: Int32Array.of(5, 6, 7, 1), count: 1, height: 2, width: 2 };
    await drawCodes(models, "sequential", { codes, kept: 2 }, drawing);
    await drawCodes(models, "ancestral", { codes, kept: 2 }, drawing);
    expect([...begun[3]!.data]).toEqual([9, 5, 6]);
    expect([...begun[4]!.data]).toEqual([9, 5, 6, 8, 8]);
    // What an image shows already says more where no kind does.
    expect(guided).toEqual([false, true]);
  });

  it("are of any kind where images have none", async () => {
    const { begun, guided, models } = listening([]);
    const none = nothingKept(models.tokenizer, 2);
    await drawCodes(models, "sequential", none, drawing);
    expect([...begun[0]!.data]).toEqual([9, 9]);
    await drawCodes(models, "halton", none, drawing);
    expect(guided).toEqual([true]);
  });
});

it("refuses kinds that are damaged, and loads the others", async () => {
  const { smoke } = presets;
  const images = { data: new Uint8Array(192), count: 1, height: 8, width: 8, channels: 3, maxValue: 255 };
  using tokenizer = newTokenizer(smoke, images, Random.fromSeed(1));
  const bytes = await tokenizer.toSafetensors();
  const files = new Map<string, Uint8Array>([[modelFiles.adversarial, bytes]]);
  for (const name of ["sequential", "absorbing", "chain"] as const) {
    using model = newTransformer(tokenizer, { config: smoke, seed: 1 }, name);
    files.set(modelFiles[name], await model.toSafetensors({ run: fingerprint([bytes]) }));
  }
  const read = async (name: string) => files.get(name);
  await expect(loadModels(read, smoke)).rejects.toThrow(new CheckpointError("There is no kinds.json."));
  for (const [text, problem] of [
    ["[1, 2", "it is not JSON"],
    ['{"counts":[1]}', "expected a list of kinds"],
    ["[1, -2]", "expected a list of kinds"],
  ] as const) {
    files.set(kindsFile, new TextEncoder().encode(text));
    await expect(loadModels(read, smoke)).rejects.toThrow(`kinds.json: ${problem}.`);
  }
  files.set(kindsFile, new TextEncoder().encode("[3,0,1,2]"));
  const models = await loadModels(read, smoke);
  expect(models.kinds).toEqual([3, 0, 1, 2]);
  disposeModels(models);
});
