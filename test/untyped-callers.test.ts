import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { MmgenError } from "@mmgen/core";
import { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import { generate } from "@mmgen/samplers";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import { train } from "@mmgen/training";
import { VqVae } from "@mmgen/vqvae";
import { describe, expect, it } from "vitest";
import { hostileCalls } from "./fixtures/hostile-values.fixture.js";
import {
  captions,
  codec,
  door,
  model,
  optionsEntries,
  prompt,
  random,
  run,
  tokenizer,
  transformer,
} from "./fixtures/options-entries.fixture.js";
import { images } from "./fixtures/plot-entries.fixture.js";

describe("untyped callers get typed errors", () => {
  it.each(Object.keys(optionsEntries))("%s", async (name) => {
    const calls = await hostileCalls(name, optionsEntries[name]!);
    const faults = calls.filter(({ fault }) => fault !== undefined);
    expect(faults.map(({ title, fault }) => `${title}: ${fault}`)).toEqual([]);
    // Most of the values are legal nowhere.
    expect(calls.filter(({ message }) => message !== undefined).length).toBeGreaterThan(calls.length / 2);
  });
});

const never = (options: object): never => options as never;
const floats = { ...images, data: new Float32Array(32).fill(0.5) };

describe("messages say what came and what to do", () => {
  it.each<[string, () => unknown, RegExp]>([
    [
      "an option of another library",
      () => VqVae.create(never({ imageSize: 64 }), { random }),
      /did you mean "imageSide"/,
    ],
    [
      "one level too high",
      () => train(never({ ...run, optimizer: { clipnorm: 1 } })),
      /optimizer\.clipnorm: .*did you mean "clipNorm"/,
    ],
    ["a number as text", () => train(never({ ...run, optimizer: { weightDecay: "x" } })), /got "x" \(string\)/],
    ["temprature", () => generate(never({ model, prompt, seed: 1, temprature: 0 })), /did you mean "temperature"/],
    [
      "nulltoken",
      () =>
        MultimodalTokenizer.create(
          never({ captions, codebookSize: 3, codeGrid: { height: 1, width: 1 }, nulltoken: true }),
        ),
      /did you mean "nullToken"/,
    ],
    ["threads of onnx", () => registerOnnxBackend(never({ threads: 2 })), /threads: there is no such field/],
    ["dropOut", () => TinyTransformer.create(never({ ...transformer, dropOut: 0 }), { random }), /"dropout"/],
    [
      "figureGround",
      () => VqVae.create(never({ composition: "figureGround" }), { random }),
      /\{ type: "figure-ground" \}/,
    ],
    ["quantiser", () => VqVae.create(never({ quantiser: { type: "fsq" } }), { random }), /did you mean "quantizer"/],
    ["a caption 5", () => tokenizer.promptForImages(never([5])), /captions\[0\]: expected a string, got 5 \(number\)/],
    ["a caption for captions", () => tokenizer.promptForImages(never(Object("a b"))), /captions: expected a list/],
    ["a seed as text", () => generate(never({ model, prompt, seed: "1" })), /seed: .* got "1" \(string\)/],
    ["temperature null", () => generate(never({ model, prompt, seed: 1, temperature: null })), /got null/],
    ["a side as text", () => VqVae.create(never({ imageSide: "32" }), { random }), /imageSide: .* got "32" \(string\)/],
    ["an ArrayBuffer", () => VqVae.fromSafetensors(never(new ArrayBuffer(64))), /safetensors file/],
    [
      "no schedule",
      () => train(never({ ...run, schedule: undefined })),
      /schedule: expected a function, got undefined/,
    ],
    ["no random", () => VqVae.create({}, undefined as never), /random: expected a Random of @mmgen\/core, such as/],
    ["pixels from 0 to 1", () => codec.encode(never(floats)), /Uint8Array.*Float32Array of 32.*Math\.round/],
    ["plain pixels", () => codec.encode(never({ ...images, data: Array(32).fill(1) })), /\(array\)\. Convert/],
    [
      "the loss of no image",
      () => codec.loss({ ...images, data: new Uint8Array(0), count: 0 }, { training: false }),
      /at least one image/,
    ],
    [
      "the score of no pair",
      () => door.score({ images: { ...images, data: new Uint8Array(0), count: 0 }, captions: [] }),
      /at least one/,
    ],
  ])("%s", async (_, work, message) => {
    const error: unknown = await Promise.resolve()
      .then(work)
      .catch((thrown: unknown) => thrown);
    expect(MmgenError.isInstance(error), String(error)).toBe(true);
    expect((error as Error).message).toMatch(message);
  });
});
