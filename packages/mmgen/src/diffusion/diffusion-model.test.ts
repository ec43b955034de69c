import { inspect } from "node:util";
import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { ConfigError, MmgenError, sliceImages } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MultimodalModel } from "../model/multimodal-model.js";
import { squareColors, squares } from "../model/squares.fixture.js";
import { expectAborted, memoryStore, stopAfter, tinyTraining } from "../model/tiny-training.fixture.js";
import type { PairsRound } from "../sampling/pairs-round.js";

beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});

describe("a trained model of the family diffusion", () => {
  const heldOut = squares(40, 2);
  let model: MultimodalModel;
  beforeAll(async () => {
    model = await MultimodalModel.train({
      ...{
        ...squares(300, 1),
        heldOut: squares(12, 3),
        seed: 1,
        preset: "smoke",
        composition: "figure-ground",
        family: "diffusion",
      },
      vqvae: { network: { stages: 2 }, training: { steps: 60 } },
      transformer: { width: 48, layers: 1, training: { steps: 200, learningRate: 1e-2 } },
    });
  });
  afterAll(() => model.dispose());

  it("has learned, and says what it is", () => {
    const { epochs } = model.history!.transformer;
    expect(epochs.at(-1)!.metrics.natsPerId).toBeLessThan(epochs[0]!.metrics.natsPerId! / 2);
    expect(model.config).toMatchObject({
      ...{ family: "diffusion", diffusion: { kernel: { type: "absorbing" }, sampler: { type: "confidence" } } },
      ...{ tokenizer: { maskToken: true, nullToken: true }, transformer: { causal: false } },
      training: { tasks: { both: 0.3 } },
    });
    expect(inspect(model)).toBe("MultimodalModel { images: 8×8×3, 6 codes of 96, 7 words, diffusion }");
  });

  it("draws the colors that a caption names, guided too, and captions images that it has not seen", async () => {
    const asked = heldOut.captions.slice(0, 30);
    for (const guidance of [undefined, 1.5]) {
      const drawn = squareColors(await model.draw(asked, { seed: 2, guidance }));
      const right = drawn.filter(([figure, ground], i) => asked[i] === `a ${figure} square on ${ground}`);
      // By chance one of twelve.
      expect(right.length, `guidance ${guidance}`).toBeGreaterThan(25);
    }
    const captions = await model.caption(heldOut.images);
    expect(captions.filter((caption, i) => caption === heldOut.captions[i]).length).toBeGreaterThan(32);
  });

  it("shows what captions say more often in the best of several candidates", async () => {
    const asked = heldOut.captions.slice(0, 30);
    const rightOf = async (candidates: number) => {
      const drawn = squareColors(await model.draw(asked, { candidates, temperature: 2.5, seed: 2 }));
      return drawn.filter(([figure, ground], i) => asked[i] === `a ${figure} square on ${ground}`).length;
    };
    const [one, six] = [await rightOf(1), await rightOf(6)];
    expect(one).toBeLessThan(27);
    expect(six).toBeGreaterThan(one);
  });

  it("invents pairs whose caption says what the image shows", async () => {
    const { captions, images } = await model.invent({ count: 30, seed: 3 });
    const shown = squareColors(images).map(([figure, ground]) => `a ${figure} square on ${ground}`);
    expect(shown.filter((caption, i) => caption === captions[i]).length).toBeGreaterThan(15);
    expect(new Set(captions).size).toBeGreaterThan(3);
  });

  it("keeps any part of images, and the first words of captions", async () => {
    const some = sliceImages(heldOut.images, 0, 8);
    const { data, width } = await model.vqvae.encode(some);
    const mask = [0, 1, 0, 0, 1, 1];
    for (const said of [{}, { captions: heldOut.captions.slice(0, 8) }]) {
      const { codes } = await model.complete({ images: some, ...said }, { keep: { mask }, count: 2, seed: 1 });
      expect(codes.count).toBe(16);
      for (let i = 0; i < codes.data.length; i++) {
        if (mask[i % width]) {
          expect(codes.data[i]).toBe(data[Math.floor(i / width / 2) * width + (i % width)]);
        }
      }
    }
    const written = await model.complete(["a green", "a blue"], { keep: { words: 2 }, count: 2, seed: 1 });
    const beginnings = written.captions.map((caption) => caption.split(" ").slice(0, 2).join(" "));
    expect(beginnings).toEqual(["a green", "a green", "a blue", "a blue"]);
    const said = await model.complete({ images: some, captions: heldOut.captions.slice(0, 8) }, { keep: { words: 1 } });
    expect(said.codes.data).toEqual(data);
  });

  it("gives rows that do not depend on their batch, from any seed its own", async () => {
    const asked = heldOut.captions.slice(0, 5);
    const options = { temperature: 1, topP: 1, seed: 4 };
    const all = await model.draw(asked, options);
    expect(await model.draw(asked.slice(0, 2), options)).toEqual(sliceImages(all, 0, 2));
    expect(await model.draw(asked, options)).toEqual(all);
    expect((await model.draw(asked, { ...options, seed: 5 })).data).not.toEqual(all.data);
  });

  it("tells of each round, whatever the sampler, and stops when it is told to", async () => {
    const rounds: PairsRound[] = [];
    const onRound = (state: PairsRound) => void rounds.push(state);
    const sampler = { type: "ancestral", rounds: 5 } as const;
    const { codes } = await model.invent({ count: 2, seed: 1, sampler, onRound });
    expect(rounds.map(({ round }) => round)).toEqual([0, 1, 2, 3, 4, 5]);
    expect([...rounds[0]!.masked]).toEqual(new Array(12).fill(1));
    expect(rounds.at(-1)!.codes).toEqual(codes);
    expect(rounds[2]!.codes.data.every((code, i) => rounds[2]!.masked[i] === 1 || code === codes.data[i])).toBe(true);
    await expectAborted(model.invent({ signal: AbortSignal.abort() }));
  });

  it("draws in a Halton order on the image's own grid, words beside it, and on another that is given", async () => {
    const asked = heldOut.captions.slice(0, 30);
    const sampler = { type: "halton", rounds: 3 } as const;
    const images = await model.draw(asked, { sampler, seed: 2 });
    const right = squareColors(images).filter(([figure, ground], i) => asked[i] === `a ${figure} square on ${ground}`);
    expect(right.length).toBeGreaterThan(25);
    const { tokenizer } = model;
    const start = tokenizer.modalities("text-first").indexOf("image");
    const grid = { ...tokenizer.config.codeGrid, start };
    expect(await model.draw(asked, { sampler: { ...sampler, grid }, seed: 2 })).toEqual(images);
    const other = { ...sampler, grid: { height: 1, width: 2, start } };
    expect(await model.draw(asked, { sampler: other, seed: 2, temperature: 2 })).not.toEqual(
      await model.draw(asked, { sampler, seed: 2, temperature: 2 }),
    );
    const { captions } = await model.invent({ count: 30, seed: 3, sampler });
    expect(new Set(captions).size).toBeGreaterThan(3);
  });

  it("finds true pairs likelier than pairs of strangers", async () => {
    const few = squares(12, 3);
    const { bounds, byOrder, natsPerSequence } = await model.score(few);
    expect(byOrder).toBeUndefined();
    const captions = [...few.captions.slice(1), few.captions[0]!];
    const strangers = await model.score({ images: few.images, captions });
    expect(strangers.natsPerSequence).toBeGreaterThan(natsPerSequence + 1);
    expect(strangers.bounds!.textGivenImage!.natsPerSequence).toBeGreaterThan(
      bounds!.textGivenImage!.natsPerSequence + 1,
    );
    expect(bounds!.imageGivenText!.natsPerSequence).toBeLessThan(natsPerSequence);
  });

  it("is the same after it was saved and loaded, and as a model of its parts", async () => {
    const files = await model.save();
    using loaded = await MultimodalModel.load((name) => files.get(name));
    expect(await loaded.save()).toEqual(files);
    expect(loaded.config).toEqual(model.config);
    const { diffusion, sampling } = model.config;
    const parts = { vqvae: model.vqvae, tokenizer: model.tokenizer, transformer: model.transformer };
    const invented = await model.invent({ count: 2, seed: 4 });
    for (const each of [loaded, MultimodalModel.fromParts({ ...parts, diffusion }, sampling)]) {
      expect(await each.invent({ count: 2, seed: 4 })).toEqual(invented);
    }
    expect(() => MultimodalModel.fromParts(parts)).toThrow(/"autoregressive" needs .* causal: true/);
    const edited = (change: object) => {
      const json = JSON.parse(new TextDecoder().decode(files.get("model.json")));
      const bytes = new TextEncoder().encode(JSON.stringify({ ...json, ...change }));
      return MultimodalModel.load((name) => (name === "model.json" ? bytes : files.get(name)));
    };
    const before = tf.memory().numTensors;
    await expect(edited({ family: undefined, diffusion: undefined })).rejects.toThrow(/family "autoregressive" needs/);
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each<[string, (model: MultimodalModel) => Promise<unknown>, RegExp]>([
    [
      "repetitionPenalty",
      (each) => each.invent({ repetitionPenalty: 1.2 }),
      /repetitionPenalty: only .* "autoregressive"/,
    ],
    ["minP", (each) => each.draw(["a red square on blue"], { minP: 0.1 }), /minP: only/],
    ["typicalP", (each) => each.caption(heldOut.images, { typicalP: 0.5 }), /typicalP: only/],
    ["guidance without a caption", (each) => each.invent({ guidance: 2 }), /guidance: .* here is none/],
    ["a sampler of another kernel", (each) => each.invent({ sampler: { type: "chain" } }), /sampler: expected/],
    ["a misspelled option", (each) => each.invent({ temprature: 1 } as never), /temperature/],
    ["rows of captions", (each) => each.complete(["a red"], { keep: { rows: 0.5 } }), /keep words/],
    ["candidates", (each) => each.complete(heldOut.images, { keep: { rows: 0.5 }, candidates: 2 }), /candidates: only/],
    ["words of images", (each) => each.complete(heldOut.images, { keep: { words: 2 } }), /keep rows/],
  ])("refuses %s", async (_, call, message) => {
    const error: unknown = await call(model).catch((reason: unknown) => reason);
    expect(ConfigError.isInstance(error), String(error)).toBe(true);
    expect((error as Error).message).toMatch(message);
  });
});

describe("MultimodalModel.train of the family diffusion", () => {
  const names = ["red", "green", "blue", "white"];
  const labels = tinyTraining.captions.map((caption) => names.indexOf(caption.split(" ")[1]!));
  const tiny = { ...tinyTraining, family: "diffusion" } as const;
  const { captions: _, heldOut: __, ...alone } = tiny;

  it("takes classes, gives the same model from the same seed, stopped and resumed too, and leaves no tensor behind", async () => {
    const before = tf.memory().numTensors;
    const options = {
      ...alone,
      classes: { labels, names },
      diffusion: { kernel: { type: "mask-and-replace" } },
    } as const;
    const model = await MultimodalModel.train(options);
    const files = await model.save();
    const checkpoints = memoryStore();
    await expectAborted(MultimodalModel.train({ ...options, ...stopAfter(8), checkpoints }));
    const other = { ...options, checkpoints, diffusion: { kernel: { type: "maskgit" } } } as const;
    await expect(MultimodalModel.train(other)).rejects.toThrow(/diffusion\.kernel\.type/);
    const resumed = await MultimodalModel.train({ ...options, checkpoints });
    expect(await resumed.save()).toEqual(files);

    const drawn = await model.draw(["red", "white"], { guidance: 2, seed: 1 });
    expect(drawn.count).toBe(2);
    expect(names).toEqual(expect.arrayContaining(await model.caption(drawn)));
    const { captions } = await model.complete(drawn, { keep: { rows: 0.5 }, seed: 1 });
    expect(names).toEqual(expect.arrayContaining(captions));
    expect(Object.keys((await model.score({ images: drawn, captions })).bounds!)).toHaveLength(3);
    model.dispose();
    resumed.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it("takes images alone, and a kernel without bound", async () => {
    const heldOut = { images: tinyTraining.heldOut.images };
    using model = await MultimodalModel.train({ ...alone, heldOut, diffusion: { kernel: { type: "chain" } } });
    const { captions, codes } = await model.invent({ count: 2, seed: 1 });
    expect([captions, codes.count]).toEqual([["", ""], 2]);
    expect(Object.keys(model.history!.transformer.epochs[0]!.metrics)).toContain("loss");
    await expect(model.draw(["a"])).rejects.toThrow(/draw: this model was trained on images without captions/);
    await expect(model.score(heldOut)).rejects.toThrow(/kernel "chain" has no bound/);
  });

  it.each<[string, object, RegExp]>([
    ["an unknown family", { family: "difusion" }, /family: .*did you mean "diffusion"/],
    ["settings of the other family", { family: undefined, diffusion: {} }, /Set family: "diffusion"/],
    ["a transformer of the other family", { transformer: { causal: true } }, /transformer.causal: .* needs false/],
    ["a tokenizer without mask", { tokenizer: { maskToken: false } }, /tokenizer.maskToken/],
    ["orders", { sequences: { orders: "once" } }, /sequences.orders: only/],
    ["dropped conditions", { sequences: { conditionDropout: 0.1 } }, /diffusion.tasks.imageAlone/],
    ["weights of prompts", { sequences: { weights: { prompt: 0 } } }, /sequences.weights.prompt/],
    ["sampling of the other family", { sampling: { minP: 0.1 } }, /sampling.minP: only/],
  ])("refuses %s before anything is trained", async (_name, change, message) => {
    const checkpoints = memoryStore();
    const error: unknown = await MultimodalModel.train({ ...tiny, checkpoints, ...change }).catch((e: unknown) => e);
    expect(MmgenError.isInstance(error), String(error)).toBe(true);
    expect((error as Error).message).toMatch(message);
    expect(checkpoints.files.size).toBe(0);
  });
});
