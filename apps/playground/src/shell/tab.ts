import type { ImageBatch } from "@mmgen/core";
import type { ModelInfo } from "../protocol/messages.js";
import type { WorkerClient } from "../protocol/worker-client.js";

/** What the page offers to a tab. */
export interface Page {
  /** The worker that has the chosen model. */
  readonly client: WorkerClient;
  /** A worker of a tab's own, nothing started in it, for what takes long: the page's goes on answering beside it. */
  createClient(): WorkerClient;
  /** Shows another tab, and gives it an image. */
  open(tab: string, image?: ImageBatch): void;
  /** Loads a model in place of the chosen one, and adds it to the chooser. */
  useModel(name: string, files: ReadonlyMap<string, Uint8Array>): Promise<void>;
}

/** A part of the page that can be shown alone. */
export interface Tab {
  readonly id: string;
  readonly title: string;
  /** What can be done here, in a sentence. */
  readonly summary: string;
  /** Fills the panel; called once. */
  mount(panel: HTMLElement, page: Page): TabParts;
}

/** How the page tells a tab of what happens. */
export interface TabParts {
  /** The tab is shown, and there is a model: again after each other tab, and after each other model. */
  onShow?(): void;
  /** A model was loaded: the first one, or in place of another. */
  onModel?(model: ModelInfo): void;
  /** An image of another tab, of the model's shape. */
  onImage?(image: ImageBatch): void;
}
