import "@mmgen/nn/gradients";
import { startEngine } from "./engine/start-engine.js";
import { describeImage, suggestWords } from "./handlers/describe.js";
import { completeImage, drawCaption, inventPairs } from "./handlers/draw.js";
import { inspectImage } from "./handlers/inspect.js";
import { describeModel, loadModel } from "./handlers/load-model.js";
import { trainModel } from "./handlers/train.js";
import { WorkerState } from "./handlers/worker-state.js";
import { type Handlers, serveRequests } from "./protocol/serve-requests.js";
import type { Channel } from "./protocol/worker-client.js";

/** All work on models, away from the page's own thread. */
const state = new WorkerState();

const handlers: Handlers = {
  async start({ choice, purpose }) {
    state.engine = await startEngine(choice, purpose);
    return state.engine;
  },
  async load(source) {
    state.model = await loadModel(source);
    return describeModel(source.name, state.model);
  },
  suggest: async ({ caption }) => suggestWords(state.model, caption),
  draw: async (params, context) => drawCaption(state.model, params, context),
  describe: async ({ image }) => describeImage(state.model, image),
  complete: async (params, context) => completeImage(state.model, params, context),
  invent: async (params, context) => inventPairs(state.model, params, context),
  inspect: async ({ image }) => inspectImage(state.model, image),
  train: trainModel,
};

serveRequests(self as unknown as Channel, handlers);
