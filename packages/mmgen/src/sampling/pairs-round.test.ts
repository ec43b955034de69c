import { useOnnx } from "@mmgen/backend-onnx";
import { sliceImages } from "@mmgen/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MultimodalModel } from "../model/multimodal-model.js";
import { tinyTraining } from "../model/tiny-training.fixture.js";
import type { PairsRound } from "./pairs-round.js";

describe("rounds of a model that draws id by id", () => {
  let model: MultimodalModel;
  beforeAll(async () => {
    await useOnnx();
    model = await MultimodalModel.train(tinyTraining);
  });
  afterAll(() => model.dispose());

  function record() {
    const rounds: PairsRound[] = [];
    return { rounds, onRound: (state: PairsRound) => void rounds.push(state) };
  }

  it("show each code once it is drawn, and lead to what is drawn without them", async () => {
    const captions = tinyTraining.captions.slice(0, 2);
    const { onRound, rounds } = record();
    const images = await model.draw(captions, { seed: 1, onRound });
    expect(images).toEqual(await model.draw(captions, { seed: 1 }));
    expect(rounds.map(({ round }) => round)).toEqual(Array.from({ length: rounds[0]!.rounds + 1 }, (_, i) => i));
    expect(rounds[0]!.masked.every((masked) => masked === 1)).toBe(true);
    const { codes, masked } = rounds.at(-1)!;
    expect(masked.every((value) => value === 0)).toBe(true);
    expect(await model.vqvae.decode(codes)).toEqual(images);
    for (const state of rounds) {
      expect(state.codes.data).toEqual(codes.data.map((code, i) => (state.masked[i] === 1 ? 0 : code)));
    }
  });

  it("start from what is kept of an image", async () => {
    const { onRound, rounds } = record();
    const images = sliceImages(tinyTraining.images, 0, 2);
    const { codes } = await model.complete(images, { keep: { rows: 0.5 }, onRound });
    const kept = (await model.vqvae.encode(images)).data;
    const { masked, codes: first } = rounds[0]!;
    expect(masked.reduce((sum, value) => sum + value, 0)).toBe(masked.length / 2);
    expect(first.data).toEqual(kept.map((code, i) => (masked[i] === 1 ? 0 : code)));
    expect(rounds.at(-1)!.codes).toEqual(codes);
  });

  it("are told of pairs in whichever order each is written", async () => {
    const { onRound, rounds } = record();
    const { codes } = await model.invent({ count: 6, seed: 2, onRound });
    expect(rounds.at(-1)!.codes).toEqual(codes);
  });
});
