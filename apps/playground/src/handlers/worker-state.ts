import type { MultimodalModel } from "mmgen";
import type { EngineInfo } from "../engine/start-engine.js";

/** What a worker holds between requests. */
export class WorkerState {
  engine: EngineInfo | undefined;
  #model: MultimodalModel | undefined;

  /** The loaded model; throws where there is none. */
  get model(): MultimodalModel {
    if (this.#model === undefined) {
      throw new Error("No model is loaded yet.");
    }
    return this.#model;
  }

  /** Takes over a model, and frees the one before. */
  set model(model: MultimodalModel) {
    this.#model?.dispose();
    this.#model = model;
  }
}
