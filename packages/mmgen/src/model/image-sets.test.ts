import { inspect } from "node:util";
import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { ConfigError, type ImageBatch, MmgenError, ShapeError, sliceImages } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MultimodalModel } from "./multimodal-model.js";
import { squareColors, squares } from "./squares.fixture.js";
import { memoryStore, tinyTraining } from "./tiny-training.fixture.js";

beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});

const names = ["red", "green", "blue", "white"];
/** The class of each image is the color of its square. */
const classesOf = (captions: readonly string[]) => ({
  labels: captions.map((caption) => names.indexOf(caption.split(" ")[1]!)),
  names,
});
const { captions, images, heldOut, ...training } = tinyTraining;
const classified = { images, classes: classesOf(captions) };
const heldOutClasses = { images: heldOut.images, classes: classesOf(heldOut.captions) };

describe("a model of images with classes", () => {
  let model: MultimodalModel;
  const { images: many, captions: said } = squares(300, 1);
  beforeAll(async () => {
    model = await MultimodalModel.train({
      ...{ images: many, classes: classesOf(said), heldOut: heldOutClasses, preset: "smoke", seed: 1 },
      composition: "figure-ground",
      vqvae: { network: { stages: 2 } },
      transformer: { training: { steps: 200, learningRate: 1e-2 } },
    });
  });
  afterAll(() => model.dispose());

  it("has one id a class, and learns without a class too", () => {
    expect(model.tokenizer.config).toMatchObject({ layout: "class", words: [...names].sort(), nullToken: true });
    expect(model.config.training!.sequences.conditionDropout).toBe(0.1);
    expect(inspect(model)).toBe("MultimodalModel { images: 8×8×3, 6 codes of 96, 4 classes }");
  });

  it("draws images of a class, guided too, and tells what class an image is of", async () => {
    for (const guidance of [undefined, 1.5]) {
      const drawn = await model.draw(["red", "white"], { count: 4, seed: 2, guidance });
      const figures = squareColors(drawn).map(([figure]) => figure);
      const right = figures.filter((figure, i) => figure === (i < 4 ? "red" : "white"));
      expect(right.length, `${figures}`).toBeGreaterThan(6);
    }
    const told = await model.caption(heldOut.images);
    expect(told.filter((name, i) => name === heldOut.captions[i]!.split(" ")[1]).length).toBeGreaterThan(9);
  });

  it("completes images of a class, invents others, and scores both", async () => {
    const some = sliceImages(heldOut.images, 0, 2);
    const called = heldOut.captions.slice(0, 2).map((caption) => caption.split(" ")[1]!);
    const completed = await model.complete({ images: some, captions: called }, { keep: { rows: 0.5 }, seed: 1 });
    expect(completed.captions).toEqual(called);
    const { data, width } = await model.vqvae.encode(some);
    const kept = 2 + (width - 2) / 2;
    expect(completed.codes.data.slice(width, width + kept)).toEqual(data.slice(width, width + kept));
    const invented = await model.invent({ count: 3, seed: 1 });
    expect(names).toEqual(expect.arrayContaining(invented.captions));

    const score = await model.score(heldOutClasses);
    const { byOrder, natsPerSequence } = score;
    expect(byOrder!["text-first"]).toBe(byOrder!["image-first"]);
    expect(byOrder!["text-first"].byModality.text!.natsPerSequence).toBeGreaterThan(0);
    expect(
      await model.score({ images: heldOut.images, captions: heldOut.captions.map((each) => each.split(" ")[1]!) }),
    ).toEqual(score);
    const labels = heldOutClasses.classes.labels.map((label) => (label + 1) % 4);
    const wrong = await model.score({ images: heldOut.images, classes: { labels, names } });
    expect(wrong.natsPerSequence).toBeGreaterThan(natsPerSequence + 1);
  });

  it("refuses what a class cannot be", async () => {
    const calls: [Promise<unknown>, RegExp][] = [
      [model.draw(["pink"]), /"pink" is not in the vocabulary. Known are 4: blue, green, red, white/],
      [model.complete(heldOut.images, { keep: { rows: 0.5 } }), /give \{ images, captions \}/],
      [model.complete(["red"], { keep: { words: 1 } }), /is one id/],
      [model.score({ images }), /a class each/],
    ];
    for (const [call, message] of calls) {
      await expect(call).rejects.toThrow(message);
    }
  });
});

describe("a model of images alone", () => {
  it("invents, completes and scores images, the same after it was saved and loaded", async () => {
    const store = memoryStore();
    const options = { ...training, images, heldOut: { images: heldOut.images }, checkpoints: store };
    using model = await MultimodalModel.train(options);
    expect(model.tokenizer.config).toMatchObject({ layout: "image-only", words: [] });
    expect(inspect(model)).toMatch(/MultimodalModel \{ images: 8×8×3, \d+ codes of 8 \}/);
    const invented = await model.invent({ count: 2, seed: 1 });
    expect(invented.captions).toEqual(["", ""]);
    const { codes } = await model.complete(heldOut.images, { keep: { codes: 3 }, count: 2, seed: 1 });
    const { data, height, width } = await model.vqvae.encode(heldOut.images);
    for (let row = 0; row < 2 * heldOut.images.count; row++) {
      const first = Math.floor(row / 2) * height * width;
      expect(codes.data.slice(row * height * width, row * height * width + 3)).toEqual(data.slice(first, first + 3));
    }
    const { byOrder, natsPerId, natsPerSequence } = await model.score({ images: heldOut.images });
    expect(natsPerSequence / natsPerId).toBeCloseTo(height * width, 6);
    expect(Object.keys(byOrder!["image-first"].byModality)).toContain("image");
    const { transformer } = model.history!;
    expect(natsPerId).toBeCloseTo(transformer.epochs.at(-1)!.metrics.natsPerId!, 4);
    const files = await model.save();
    using loaded = await MultimodalModel.load((name) => files.get(name));
    expect(await loaded.invent({ count: 2, seed: 1 })).toEqual(invented);
    using again = await MultimodalModel.train(options);
    expect(await again.save()).toEqual(files);

    const foreign = model.draw(["a red square on blue"]);
    await expect(foreign).rejects.toThrow(/draw: this model was trained on images without captions/);
    await expect(model.caption(heldOut.images)).rejects.toThrow(/caption: this model/);
    await expect(model.invent({ guidance: 2 })).rejects.toThrow(/null token/);
  });
});

it.each<[string, object, typeof MmgenError, RegExp]>([
  ["captions and classes", { ...classified, captions }, ConfigError, /captions or classes, got both/],
  ["a label too few", { images, classes: { labels: [0], names } }, ShapeError, /one an image \(64\), got 1/],
  [
    "a label that is none",
    { images, classes: { ...classified.classes, names: ["a"] } },
    ConfigError,
    /labels\[\d+\]: .* 0 to 0/,
  ],
  [
    "a name twice",
    { images, classes: { ...classified.classes, names: ["a", "b", "c", "a"] } },
    ConfigError,
    /"a" twice/,
  ],
  ["no names", { images, classes: { labels: classified.classes.labels } }, ConfigError, /classes\.names/],
  ["labels that are no list", { images, classes: { labels: 3, names } }, ConfigError, /classes\.labels/],
  ["held-out captions", { ...classified, heldOut }, ConfigError, /heldOut: expected classes, .* got captions/],
  [
    "held-out images alone",
    { images, captions, heldOut: { images } },
    ConfigError,
    /expected captions, .* got images alone/,
  ],
  [
    "a layout with words",
    { ...classified, tokenizer: { layout: "switch" } },
    ConfigError,
    /tokenizer.layout: .*"class"/,
  ],
  ["dropped conditions of images alone", { images, sequences: { conditionDropout: 0.1 } }, MmgenError, /null token/],
])("refuses %s before anything is trained", async (_, options, type, message) => {
  const checkpoints = memoryStore();
  const error: unknown = await MultimodalModel.train({
    ...{ ...training, checkpoints },
    ...(options as { images: ImageBatch }),
  }).catch((reason: unknown) => reason);
  expect(type.isInstance(error), String(error)).toBe(true);
  expect((error as Error).message).toMatch(message);
  expect(checkpoints.files.size).toBe(0);
});
