import { type Links, ObservedRuns } from "../replay/observed-runs.js";
import type { RuntimeSession } from "../runtime/runtime.js";
import type { CApiSession } from "./c-api-session.js";
import type { CApiTensor } from "./c-api-tensor.js";
import type { CapturedSteps } from "./captured-steps.js";

/**
 * A session that is captured once its runs are seen to follow each other. Until then, and where it cannot be captured, it
 * runs as it is.
 */
export class ReplayingSession implements RuntimeSession {
  readonly threads: number;
  readonly #plain: CApiSession;
  readonly #capture: (feeds: readonly CApiTensor[], links: Links) => CapturedSteps;
  readonly #observed = new ObservedRuns<CapturedSteps>();

  /** @param capture - Compiles the graph once more, to be captured; throws where it cannot be. */
  constructor(plain: CApiSession, capture: (feeds: readonly CApiTensor[], links: Links) => CapturedSteps) {
    this.#plain = plain;
    this.#capture = capture;
    this.threads = plain.threads;
  }

  get replay(): true | string | undefined {
    return this.#observed.replay;
  }

  get replayBytes(): number {
    return this.#observed.steps?.idleBytes ?? 0;
  }

  run(feeds: readonly CApiTensor[]): CApiTensor[] {
    const observed = this.#observed;
    const links = observed.linksToCapture(feeds);
    try {
      if (links !== undefined) {
        observed.capture(this.#capture(feeds, links));
      }
      if (observed.steps !== undefined) {
        const results = observed.steps.run(feeds);
        observed.confirm();
        return results;
      }
    } catch (error) {
      observed.giveUp(error);
    }
    const results = this.#plain.run(feeds);
    observed.keep(results);
    return results;
  }

  dispose(): void {
    this.#observed.dispose();
    this.#plain.dispose();
  }
}
