import { inspect } from "node:util";
import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { ConfigError, type ImageBatch, MmgenError, ShapeError, sliceImages, VocabularyError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MultimodalModel } from "./multimodal-model.js";
import { squareColors, squares } from "./squares.fixture.js";
import { expectAborted, memoryStore, stopAfter, tinyTraining } from "./tiny-training.fixture.js";

beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});

describe("a trained MultimodalModel", () => {
  const heldOut = squares(40, 2);
  const foreign: ImageBatch = { data: new Uint8Array(3), count: 1, height: 1, width: 1, channels: 3, maxValue: 3 };
  let model: MultimodalModel;
  beforeAll(async () => {
    const training = { ...squares(300, 1), heldOut, seed: 1 };
    model = await MultimodalModel.train({
      ...{ ...training, preset: "smoke", composition: "figure-ground" },
      vqvae: { network: { stages: 2 } },
      transformer: { training: { steps: 300, learningRate: 1e-2 } },
    });
  });
  afterAll(() => model.dispose());

  it("has learned: its losses fall in both stages", () => {
    const { transformer, vqvae } = model.history!;
    expect(vqvae.epochs.at(-1)!.metrics.heldOutLoss).toBeLessThan(vqvae.epochs[0]!.metrics.heldOutLoss! / 2);
    expect(transformer.epochs.at(-1)!.metrics.natsPerId).toBeLessThan(transformer.epochs[0]!.metrics.natsPerId! / 2);
  });

  it("draws the colors that a caption names, each caption several times", async () => {
    const images = await model.draw(["a red square on blue", "a white square on green"], { count: 3, seed: 2 });
    expect(images).toMatchObject({ count: 6, height: 8, width: 8, channels: 3, maxValue: 3 });
    expect(squareColors(images)).toEqual([
      ...new Array(3).fill(["red", "blue"]),
      ...new Array(3).fill(["white", "green"]),
    ]);
  });

  it("captions images that it has not seen", async () => {
    const captions = await model.caption(heldOut.images);
    const right = captions.filter((caption, i) => caption === heldOut.captions[i]);
    expect(right.length).toBeGreaterThan(35);
  });

  it("invents pairs whose caption says what the image shows", async () => {
    const { captions, codes, images } = await model.invent({ count: 20, seed: 3 });
    expect([captions.length, codes.count, images.count]).toEqual([20, 20, 20]);
    const shown = squareColors(images).map(([figure, ground]) => `a ${figure} square on ${ground}`);
    expect(shown.filter((caption, i) => caption === captions[i]).length).toBeGreaterThan(15);
    expect(new Set(captions).size).toBeGreaterThan(3);
  });

  it("completes images from their upper rows and captions from their first words", async () => {
    const first = sliceImages(heldOut.images, 0, 2);
    const halves = await model.complete(first, { keep: { rows: 0.5 }, count: 2, seed: 1 });
    expect(halves.images.count).toBe(4);
    const encoded = await model.vqvae.encode(first);
    const { width } = encoded;
    // Two codes for the colors, then the first half of the grid's.
    const kept = 2 + (width - 2) / 2;
    for (let row = 0; row < 4; row++) {
      const whole = encoded.data.subarray(Math.floor(row / 2) * width);
      expect(halves.codes.data.slice(row * width, row * width + kept)).toEqual(whole.slice(0, kept));
    }
    const written = await model.complete(["a green", "a blue"], { keep: { words: 2 }, count: 2, seed: 1 });
    expect(written.captions.map((caption) => caption.split(" ").slice(0, 2).join(" "))).toEqual([
      ...["a green", "a green", "a blue", "a blue"],
    ]);
  });

  it("redraws the lower half of an image as a caption says, and goes on with a caption of a whole image", async () => {
    const images = sliceImages(heldOut.images, 0, 3);
    const captions = heldOut.captions.slice(0, 3);
    const redrawn = await model.complete({ images, captions }, { keep: { rows: 0.5 }, seed: 1 });
    expect(redrawn.captions).toEqual(captions);
    const said = await model.complete({ images, captions }, { keep: { words: 3 }, temperature: 0 });
    expect(said.captions).toEqual(await model.caption(images));
    expect(said.codes).toEqual(await model.vqvae.encode(images));
  });

  it("finds true pairs likelier than pairs of strangers", async () => {
    const score = await model.score(heldOut);
    const { natsPerId, natsPerSequence } = score;
    const rotated = [...heldOut.captions.slice(1), heldOut.captions[0]!];
    const strangers = await model.score({ images: heldOut.images, captions: rotated });
    expect(strangers.natsPerSequence).toBeGreaterThan(natsPerSequence + 1);
    const { "image-first": imageFirst, "text-first": textFirst } = score.byOrder!;
    expect(natsPerSequence).toBeCloseTo((imageFirst.natsPerSequence + textFirst.natsPerSequence) / 2, 6);
    expect(natsPerSequence / natsPerId).toBeCloseTo(model.tokenizer.sequenceLength - 1, 6);
    for (const { byModality, natsPerSequence: inAll } of [imageFirst, textFirst]) {
      const sum = Object.values(byModality).reduce((total, part) => total + part.natsPerSequence, 0);
      expect(sum).toBeCloseTo(inAll, 5);
    }
    const { transformer } = model.history!;
    expect(natsPerId).toBeCloseTo(transformer.epochs.at(-1)!.metrics.natsPerId!, 4);
  });

  it("is the same after it was saved and loaded", async () => {
    const files = await model.save();
    expect([...files.keys()].sort()).toEqual([
      ...["model-manifest.json", "model.json", "tokenizer.json", "transformer.safetensors", "vqvae.safetensors"],
    ]);
    using loaded = await MultimodalModel.load(async (name) => files.get(name));
    expect(await loaded.save()).toEqual(files);
    expect(loaded.config).toEqual(model.config);
    expect(await loaded.invent({ count: 2, seed: 4 })).toEqual(await model.invent({ count: 2, seed: 4 }));
    expect(await loaded.evaluateImages(heldOut.images)).toEqual(await model.evaluateImages(heldOut.images));
  });

  it("says in one line what it is", () => {
    expect(inspect(model)).toBe("MultimodalModel { images: 8×8×3, 6 codes of 96, 7 words }");
  });

  it.each<[string, (model: MultimodalModel) => Promise<unknown>, typeof MmgenError, RegExp]>([
    ["an unknown word", (each) => each.draw(["a pink square on red"]), VocabularyError, /pink/],
    ["a misspelled option", (each) => each.draw(["a"], { temprature: 1 } as never), ConfigError, /temperature/],
    [
      "a caption that is no list",
      (each) => each.draw("a red square" as never),
      ConfigError,
      /captions: expected a list, got "a red/,
    ],
    ["images that are none", (each) => each.caption(null as never), ShapeError, /images: expected .* got null/],
    ["nothing to complete", (each) => each.complete(3 as never, { keep: { rows: 1 } }), ConfigError, /got 3 \(number/],
    ["no count", (each) => each.draw(["a"], { count: 0 }), ConfigError, /count/],
    ["a foreign image", (each) => each.caption(foreign), ShapeError, /side|height|width/],
    [
      "a mask of another size",
      (each) => each.complete(heldOut.images, { keep: { mask: [1, 1, 0, 0, 1] } }),
      ShapeError,
      /one value a code \(6\)/,
    ],
    [
      "no candidates",
      (each) => each.complete(heldOut.images, { keep: { rows: 1 }, candidates: 0 }),
      ConfigError,
      /candidates/,
    ],
    ["rows of captions", (each) => each.complete(["a red"], { keep: { rows: 0.5 } }), ConfigError, /words/],
    ["too many rows", (each) => each.complete(heldOut.images, { keep: { rows: 2 } }), ConfigError, /keep.rows/],
    ["words of images", (each) => each.complete(heldOut.images, { keep: { words: 2 } }), ConfigError, /rows/],
    ["captions too few", (each) => each.score({ ...heldOut, captions: [] }), ShapeError, /one caption an image/],
  ])("refuses %s", async (_, call, type, message) => {
    const error: unknown = await call(model).catch((reason: unknown) => reason);
    expect(type.isInstance(error), String(error)).toBe(true);
    expect((error as Error).message).toMatch(message);
  });
});

describe("MultimodalModel.train", () => {
  it("gives the same model from the same seed, stopped and resumed too, and leaves no tensor behind", async () => {
    const before = tf.memory().numTensors;
    const whole = memoryStore();
    const model = await MultimodalModel.train({ ...tinyTraining, checkpoints: whole });
    const files = await model.save();
    const stopped = memoryStore();
    await expectAborted(MultimodalModel.train({ ...tinyTraining, ...stopAfter(2), checkpoints: stopped }));
    expect([...stopped.files.keys()]).toEqual(["vqvae-training.safetensors"]);
    await expectAborted(MultimodalModel.train({ ...tinyTraining, ...stopAfter(6), checkpoints: stopped }));
    expect(stopped.files.has("transformer.safetensors")).toBe(false);
    const resumed = await MultimodalModel.train({ ...tinyTraining, checkpoints: stopped });
    expect(await resumed.save()).toEqual(files);
    for (const [name, bytes] of files) {
      expect(whole.files.get(name), name).toEqual(bytes);
      expect(stopped.files.get(name), name).toEqual(bytes);
    }
    const other = await MultimodalModel.train({ ...tinyTraining, seed: 4 });
    expect((await other.save()).get("vqvae.safetensors")).not.toEqual(files.get("vqvae.safetensors"));
    for (const each of [model, resumed, other]) {
      each.dispose();
      each.dispose();
    }
    expect(tf.memory().numTensors).toBe(before);
    await expect(model.draw(["a red square on blue"])).rejects.toThrow(/disposed/);
  });

  it("does not go on with other data or another configuration", async () => {
    const checkpoints = memoryStore();
    await expectAborted(MultimodalModel.train({ ...tinyTraining, ...stopAfter(2), checkpoints }));
    const others = { ...tinyTraining, checkpoints, ...squares(64, 5) };
    await expect(MultimodalModel.train(others)).rejects.toThrow(/data/);
    const wider = { ...tinyTraining.vqvae, network: { hiddenChannels: 12 } };
    await expect(MultimodalModel.train({ ...tinyTraining, checkpoints, vqvae: wider })).rejects.toThrow(
      /hiddenChannels/,
    );
  });

  it("takes dense networks, several codes a vector, lines, fixed orders and dropped conditions", async () => {
    const { captions, heldOut, images, seed } = tinyTraining;
    const digit = (each: string) => String(["red", "green", "blue", "white"].indexOf(each.split(" ")[1]!));
    using lines = await MultimodalModel.train({
      ...{ images, captions: captions.map(digit), seed, preset: "smoke" },
      vqvae: {
        network: { type: "dense", hidden: [16] },
        quantizer: { type: "product", chunks: 4, codebookSize: 6, codeDimension: 2 },
        training: { epochs: 2 },
      },
      tokenizer: { layout: "lines", nullToken: true },
      sequences: { orders: "once", weights: { text: 5, prompt: 0.1 }, conditionDropout: 0.2 },
      transformer: { width: 16, layers: 1, training: { epochs: 2, finalLearningRate: 1e-4, beta2: 0.99 } },
    });
    expect(lines.tokenizer.describe(lines.tokenizer.promptForImages(["2"]))[0]).toBe("number:2, image:");
    expect((await lines.invent({ count: 3, seed: 1 })).captions).toHaveLength(3);
    expect(await lines.draw(["0", "1"], { seed: 1, guidance: 2 })).toMatchObject({ count: 2 });
    const kept = await lines.complete(sliceImages(heldOut.images, 0, 1), { keep: { codes: 2 }, seed: 1 });
    expect(kept.codes.data.slice(0, 2)).toEqual((await lines.vqvae.encode(heldOut.images)).data.slice(0, 2));
    await expect(lines.complete(heldOut.images, { keep: { rows: 0.5 } })).rejects.toThrow(/dense/);
  });

  it.each<[string, object, RegExp]>([
    ["an unknown option", { image: 1 }, /image: .*did you mean "images"/],
    ["no images", { images: undefined }, /images: expected .* got undefined/],
    ["a caption that is none", { captions: [3] }, /captions\[0\]: expected a string, got 3 \(number\)/],
    ["an unknown preset", { preset: "quik" }, /preset: .*did you mean "quick"/],
    [
      "a misspelled training setting",
      { vqvae: { training: { batchsize: 3 } } },
      /vqvae\.training\.batchsize.*batchSize/,
    ],
    ["steps beside epochs", { transformer: { training: { steps: 3, epochs: 1 } } }, /either epochs or steps, got both/],
    ["a batch of more than there is", { vqvae: { training: { batchSize: 65 } } }, /65 examples and there are 64/],
    ["heads that do not divide the width", { transformer: { heads: 3 } }, /heads/],
    ["a misspelled part of the transformer", { transformer: { layer: 3 } }, /layer/],
    ["a misspelled part of the sequences", { sequences: { textFirst: 1 } }, /textFirstShare/],
    ["an unknown order", { sequences: { orders: "twice" } }, /sequences\.orders/],
    ["an unknown weight", { sequences: { weights: { words: 2 } } }, /words/],
    ["a misspelled sampling option", { sampling: { topKs: 1 } }, /sampling\.topKs.*topK/],
    [
      "early stopping without held-out pairs",
      { heldOut: undefined, vqvae: { training: { earlyStopping: { patience: 2 } } } },
      /vqvae\.training\.earlyStopping: needs heldOut/,
    ],
    [
      "early stopping by a metric that the stage has not",
      { transformer: { training: { earlyStopping: { patience: 2, metric: "loss" } } } },
      /transformer\.training\.earlyStopping\.metric: expected "natsPerId", .* or "natsPerSequence", got "loss"/,
    ],
    ["a caption too few", { captions: [] }, /one caption an image \(64\), got 0/],
  ])("refuses %s before anything is trained", async (_, change, message) => {
    const checkpoints = memoryStore();
    const before = tf.memory().numTensors;
    const error: unknown = await MultimodalModel.train({ ...tinyTraining, checkpoints, ...change }).catch(
      (e: unknown) => e,
    );
    expect(MmgenError.isInstance(error), String(error)).toBe(true);
    expect((error as Error).message).toMatch(message);
    expect(checkpoints.files.size).toBe(0);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("MultimodalModel.load", () => {
  it("names the file that is missing, damaged or of another run", async () => {
    using model = await MultimodalModel.train(tinyTraining);
    using other = await MultimodalModel.train({ ...tinyTraining, seed: 9 });
    const [files, others] = [await model.save(), await other.save()];
    const loadWith = (name: string, bytes: Uint8Array | undefined) =>
      MultimodalModel.load((each) => (each === name ? bytes : files.get(each)));
    const before = tf.memory().numTensors;
    await expect(loadWith("vqvae.safetensors", undefined)).rejects.toThrow("There is no vqvae.safetensors");
    await expect(loadWith("tokenizer.json", new Uint8Array(3))).rejects.toThrow(/tokenizer\.json.*JSON/);
    await expect(loadWith("model.json", new Uint8Array(3))).rejects.toThrow(/model\.json.*JSON/);
    const cut = files.get("transformer.safetensors")!.subarray(0, 99);
    await expect(loadWith("transformer.safetensors", cut)).rejects.toThrow(/^transformer\.safetensors: /);
    for (const name of ["vqvae.safetensors", "transformer.safetensors"]) {
      await expect(loadWith(name, others.get(name))).rejects.toThrow(/of different runs/);
    }
    const tokenizer = model.tokenizer.toJSON();
    const renamed = { ...tokenizer, words: tokenizer.words.map((word) => (word === "red" ? "ruby" : word)) };
    const bytes = new TextEncoder().encode(JSON.stringify(renamed));
    await expect(loadWith("tokenizer.json", bytes)).rejects.toThrow(/of different runs/);
    expect(tf.memory().numTensors).toBe(before);
  });
});
