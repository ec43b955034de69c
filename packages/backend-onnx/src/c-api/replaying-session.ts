import type { RuntimeSession } from "../runtime/runtime.js";
import type { CApiSession } from "./c-api-session.js";
import { type CApiTensor, DeviceValue } from "./c-api-tensor.js";
import type { CapturedSteps, Links } from "./captured-steps.js";

/**
 * A session that is captured once its runs are seen to follow each other: when the same outputs of one run are inputs of
 * the next, as weights of a training are, twice. Until then, and where it cannot be captured, it runs as it is.
 */
export class ReplayingSession implements RuntimeSession {
  readonly threads: number;
  readonly #plain: CApiSession;
  readonly #capture: (feeds: readonly CApiTensor[], links: Links) => CapturedSteps;
  #captured: CapturedSteps | undefined;
  #state: "observed" | "captured" | "replayed" | "plain" = "observed";
  #reason: string | undefined;
  #last: readonly CApiTensor[] = [];
  #links: Links = [];

  /** @param capture - Compiles the graph once more, to be captured; throws where it cannot be. */
  constructor(plain: CApiSession, capture: (feeds: readonly CApiTensor[], links: Links) => CapturedSteps) {
    this.#plain = plain;
    this.#capture = capture;
    this.threads = plain.threads;
  }

  /** Whether it is replayed, or why not; undefined as long as its runs are not seen to follow each other. */
  get replay(): true | string | undefined {
    return this.#state === "replayed" ? true : this.#reason;
  }

  get replayBytes(): number {
    return this.#captured?.idleBytes ?? 0;
  }

  run(feeds: readonly CApiTensor[]): CApiTensor[] {
    if (this.#state === "observed") {
      this.#observe(feeds);
    }
    if (this.#captured !== undefined) {
      try {
        const results = this.#captured.run(feeds);
        this.#state = "replayed";
        return results;
      } catch (error) {
        if (this.#state === "replayed") {
          throw error;
        }
        this.#giveUp(error);
      }
    }
    const results = this.#plain.run(feeds);
    this.#last = this.#state === "observed" ? results : [];
    return results;
  }

  dispose(): void {
    this.#last = [];
    this.#captured?.dispose();
    this.#plain.dispose();
  }

  #observe(feeds: readonly CApiTensor[]): void {
    const links = linksOf(feeds, this.#last);
    const follows = links.some((link) => link !== undefined);
    if (follows && links.every((link, i) => link === this.#links[i])) {
      try {
        this.#captured = this.#capture(feeds, links);
        this.#state = "captured";
      } catch (error) {
        this.#giveUp(error);
      }
      this.#last = [];
    }
    this.#links = links;
  }

  #giveUp(error: unknown): void {
    this.#captured?.dispose();
    this.#captured = undefined;
    this.#state = "plain";
    this.#reason = (error as Error).message;
  }
}

function linksOf(feeds: readonly CApiTensor[], outputs: readonly CApiTensor[]): Links {
  const taken = new Set<number>();
  return feeds.map((feed) => {
    const output = feed instanceof DeviceValue ? outputs.indexOf(feed) : -1;
    if (output < 0 || taken.has(output)) {
      return undefined;
    }
    taken.add(output);
    return output;
  });
}
