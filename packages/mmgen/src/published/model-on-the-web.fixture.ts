import { registerOnnxBackend } from "@mmgen/backend-onnx";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { MultimodalModel } from "../model/multimodal-model.js";
import { tinyTraining } from "../model/tiny-training.fixture.js";
import { type Behavior, serveWebFolder, type WebFolder } from "./web-folder.fixture.js";

/** A folder of the web with a small model in it, which is whole again at the beginning of each test. */
export function modelOnTheWeb() {
  let saved: Map<string, Uint8Array>;
  let web: WebFolder;
  beforeAll(async () => {
    registerOnnxBackend();
    await tf.setBackend("onnx");
    using model = await MultimodalModel.train(tinyTraining);
    saved = await model.save();
    web = await serveWebFolder(new Map());
  });
  afterAll(() => web.close());
  beforeEach(() => {
    web.files.clear();
    for (const [name, bytes] of saved) {
      web.files.set(name, bytes);
    }
  });
  afterEach(() => {
    web.behave(undefined);
    web.taken();
  });
  return {
    /** The model's files by name; what the folder has may be changed. */
    get saved() {
      return saved;
    },
    get address() {
      return web.address;
    },
    get files() {
      return web.files;
    },
    taken: () => web.taken(),
    behave: (behavior: Behavior) => web.behave(behavior),
  };
}
