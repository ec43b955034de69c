import type { OrtFeed } from "../runtime/ort-tensor.js";
import type { RuntimeSession } from "../runtime/runtime.js";
import { type Links, ObservedRuns } from "./observed-runs.js";
import type { PageSteps } from "./page-steps.js";

/** A session of promises that is captured once its runs are seen to follow each other, where that can be done. */
export class AsyncReplayingSession implements RuntimeSession {
  readonly #plain: RuntimeSession;
  readonly #capture: (feeds: readonly OrtFeed[], links: Links) => Promise<PageSteps>;
  readonly #observed = new ObservedRuns<PageSteps>();

  /** @param capture - Compiles the graph once more, to be captured; rejects where it cannot be. */
  constructor(plain: RuntimeSession, capture: (feeds: readonly OrtFeed[], links: Links) => Promise<PageSteps>) {
    this.#plain = plain;
    this.#capture = capture;
  }

  get replay(): true | string | undefined {
    return this.#observed.replay;
  }

  get replayBytes(): number {
    return this.#observed.steps?.idleBytes ?? 0;
  }

  async run(feeds: readonly OrtFeed[]): Promise<OrtFeed[]> {
    const observed = this.#observed;
    const links = observed.linksToCapture(feeds);
    try {
      if (links !== undefined) {
        observed.capture(await this.#capture(feeds, links));
      }
      if (observed.steps !== undefined) {
        const results = await observed.steps.run(feeds);
        observed.confirm();
        return results;
      }
    } catch (error) {
      observed.giveUp(error);
    }
    const results = (await this.#plain.run(feeds)) as OrtFeed[];
    observed.keep(results);
    return results;
  }

  dispose(): void {
    this.#observed.dispose();
    this.#plain.dispose();
  }
}
