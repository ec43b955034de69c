import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { CheckpointError, ConfigError, ShapeError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MultimodalModel } from "../model/multimodal-model.js";
import { squares } from "../model/squares.fixture.js";
import { expectAborted, memoryStore, stopAfter, tinyTraining } from "../model/tiny-training.fixture.js";

beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});

/** Weights of a part by name, as they are saved. */
const weightsOf = async (part: MultimodalModel["vqvae"] | MultimodalModel["transformer"]) =>
  [...(await part.storeWeights())].map(([name, { data }]) => [name, [...(data as Float32Array)]] as const);

const { transformer, vqvae, ...common } = tinyTraining;
const training = { training: { steps: 5 } };
const further = { ...common, transformer: training, seed: 4 };

describe("a training that goes on from a model", () => {
  let model: MultimodalModel;
  beforeAll(async () => {
    model = await MultimodalModel.train(tinyTraining);
  });
  afterAll(() => model.dispose());

  it("keeps a frozen image codec to the bit, and begins with the transformer's weights", async () => {
    const held = { ...further, from: model, freeze: "vqvae" as const };
    using next = await MultimodalModel.train({ ...held, transformer: { training: { steps: 1, learningRate: 0 } } });
    expect(await weightsOf(next.vqvae)).toEqual(await weightsOf(model.vqvae));
    expect(await weightsOf(next.transformer)).toEqual(await weightsOf(model.transformer));
    expect(next.history!.vqvae).toEqual({ steps: [], epochs: [] });
    expect(next.config.training).not.toHaveProperty("vqvae");
    expect(await MultimodalModel.estimateMemory(held)).not.toHaveProperty("vqvae");
  });

  it("trains both on otherwise, the model itself staying as it is, and the same each time", async () => {
    const before = await weightsOf(model.vqvae);
    const options = { ...further, vqvae: training, from: model };
    using next = await MultimodalModel.train(options);
    using again = await MultimodalModel.train(options);
    expect(await weightsOf(model.vqvae)).toEqual(before);
    expect(await weightsOf(next.vqvae)).not.toEqual(before);
    expect(await weightsOf(again.vqvae)).toEqual(await weightsOf(next.vqvae));
    expect(await weightsOf(again.transformer)).toEqual(await weightsOf(next.transformer));
    const first = next.history!.vqvae.epochs[0]!.metrics;
    expect(first.heldOutLoss).toBeCloseTo(model.history!.vqvae.epochs.at(-1)!.metrics.heldOutLoss!, 5);
  });

  it("adds words and longer captions to those that are known", async () => {
    const { captions, images } = common;
    const others = captions.map((caption) => caption.replace("square", "tiny violet square"));
    const options = { ...further, images, captions: others, heldOut: undefined, from: model, freeze: "vqvae" as const };
    using next = await MultimodalModel.train(options);
    const { captionLength, words } = next.tokenizer.config;
    expect(words).toEqual([...new Set([...model.tokenizer.config.words, "tiny", "violet"])].sort());
    expect(captionLength).toEqual({ minimum: 5, maximum: 7 });
    const drawn = await next.draw(["a red square on blue", "a red tiny violet square on blue"]);
    expect(drawn.count).toBe(2);
  });

  it("gives a diffusion model the weights of an autoregressive one", async () => {
    const rest = { ...further, transformer: { training: { steps: 1, learningRate: 0 } } };
    using next = await MultimodalModel.train({ ...rest, family: "diffusion", from: model, freeze: "vqvae" });
    expect(next.config.family).toBe("diffusion");
    const known = new Map(await weightsOf(model.transformer));
    const layers = (await weightsOf(next.transformer)).filter(([name]) => name.includes(".h."));
    expect(layers.length).toBeGreaterThan(0);
    for (const [name, values] of layers) {
      expect(values).toEqual(known.get(name));
    }
    expect((await next.draw([common.captions[0]!])).count).toBe(1);
  });

  it("goes on bit for bit where it was stopped, and refuses to go on from another model", async () => {
    const options = { ...further, from: model, freeze: "vqvae" as const };
    using whole = await MultimodalModel.train(options);
    const checkpoints = memoryStore();
    await expectAborted(MultimodalModel.train({ ...options, checkpoints, ...stopAfter(2) }));
    using other = await MultimodalModel.train({ ...tinyTraining, seed: 5 });
    const elsewhere = MultimodalModel.train({ ...options, from: other, checkpoints });
    await expect(elsewhere).rejects.toSatisfy(CheckpointError.isInstance.bind(CheckpointError));
    using resumed = await MultimodalModel.train({ ...options, checkpoints });
    expect(await weightsOf(resumed.transformer)).toEqual(await weightsOf(whole.transformer));
    using loaded = await MultimodalModel.load(checkpoints.read);
    expect(await weightsOf(loaded.vqvae)).toEqual(await weightsOf(model.vqvae));
  });

  it("refuses what does not fit the model", async () => {
    const refused = async (options: object, kind: typeof ConfigError | typeof ShapeError, message: RegExp) => {
      const error = await MultimodalModel.train({ ...further, ...options }).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(kind);
      expect((error as Error).message).toMatch(message);
    };
    await refused({ freeze: "vqvae" }, ConfigError, /^freeze: needs from/);
    await refused({ from: model, freeze: "transformer" }, ConfigError, /^freeze: expected "vqvae", got "transformer"/);
    for (const from of ["model", null, {}, { ...model, vqvae: {} }]) {
      await refused({ from }, ConfigError, /^from: expected a MultimodalModel/);
    }
    await refused({ from: model, composition: "whole" }, ConfigError, /^composition: the image codec is that of from/);
    await refused(
      { from: model, vqvae: { network: {} } },
      ConfigError,
      /^vqvae\.network: the image codec is that of from/,
    );
    const frozen = { from: model, freeze: "vqvae", vqvae: training };
    await refused(frozen, ConfigError, /^vqvae\.training: freeze keeps the image codec as it is/);
    const { images } = squares(64, 1);
    const gray = { ...images, channels: 1, data: images.data.slice(0, 64 * 64) };
    await refused({ from: model, images: gray, heldOut: undefined }, ShapeError, /8×8×3 pixels .* got 8×8×1 pixels/);
    using disposed = await MultimodalModel.train(tinyTraining);
    disposed.dispose();
    await expect(MultimodalModel.train({ ...further, from: disposed })).rejects.toThrow(/disposed/);
  });

  it("leaks nothing", async () => {
    const { numTensors } = tf.memory();
    (await MultimodalModel.train({ ...further, from: model, freeze: "vqvae" })).dispose();
    (await MultimodalModel.train({ ...further, vqvae: training, from: model })).dispose();
    expect(tf.memory().numTensors).toBe(numTensors);
  });
});
