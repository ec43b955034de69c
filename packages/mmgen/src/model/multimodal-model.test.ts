import { registerOnnxBackend } from "@mmgen/backend-onnx";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { MultimodalModel } from "./multimodal-model.js";
import { squares } from "./squares.fixture.js";

beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});

describe("MultimodalModel", () => {
  it("trains, draws, captions, invents, completes, scores, and loads what it saved", async () => {
    const { images, captions } = squares(200, 1);
    const heldOut = squares(40, 2);
    using model = await MultimodalModel.train({ images, captions, heldOut, preset: "smoke", seed: 1 });
    const drawn = await model.draw(["a red square on blue"], { count: 3, seed: 2 });
    const files = await model.save();
    using loaded = await MultimodalModel.load((name) => files.get(name));
    expect(await loaded.save()).toEqual(files);
    expect(await loaded.draw(["a red square on blue"], { count: 3, seed: 2 })).toEqual(drawn);
  });
});
