import type { RuntimeTensor } from "../runtime/runtime.js";

/** For each feed of a run the output of the run before that it is; one feed at most for each output. */
export type Links = readonly (number | undefined)[];

/**
 * What the runs of a session show: whether they follow each other, so that it is to be captured, which is when the same
 * outputs of one run are inputs of the next, as weights of a training are, twice; and what has become of capturing it.
 */
export class ObservedRuns<Steps extends { dispose(): void }> {
  #state: "observed" | "captured" | "replayed" | "plain" = "observed";
  #steps: Steps | undefined;
  #reason: string | undefined;
  #last: readonly RuntimeTensor[] = [];
  #links: Links = [];

  /** Whether the session is replayed, or why not; undefined as long as its runs are not seen to follow each other. */
  get replay(): true | string | undefined {
    return this.#state === "replayed" ? true : this.#reason;
  }

  /** What takes its runs; undefined where it runs as it is. */
  get steps(): Steps | undefined {
    return this.#steps;
  }

  /** Observes the feeds of the run to come: how they follow the run before, where it is to be captured now. */
  linksToCapture(feeds: readonly RuntimeTensor[]): Links | undefined {
    if (this.#state !== "observed") {
      return undefined;
    }
    const links = linksOf(feeds, this.#last);
    const isRepeated = links.some((link) => link !== undefined) && links.every((link, i) => link === this.#links[i]);
    this.#links = links;
    return isRepeated ? links : undefined;
  }

  /** Its runs are taken by these steps, which belong to this object from here on. */
  capture(steps: Steps): void {
    this.#steps = steps;
    this.#state = "captured";
    this.#last = [];
  }

  /** Its steps have taken a run. */
  confirm(): void {
    this.#state = "replayed";
  }

  /**
   * It could not be captured: it runs as it is.
   *
   * @throws the error where it has been replayed before.
   */
  giveUp(error: unknown): void {
    if (this.#state === "replayed") {
      throw error;
    }
    this.#steps?.dispose();
    this.#steps = undefined;
    this.#state = "plain";
    this.#reason = (error as Error).message;
  }

  /** Observes the results of a run as it is. */
  keep(results: readonly RuntimeTensor[]): void {
    this.#last = this.#state === "observed" ? results : [];
  }

  dispose(): void {
    this.#last = [];
    this.#steps?.dispose();
  }
}

function linksOf(feeds: readonly RuntimeTensor[], outputs: readonly RuntimeTensor[]): Links {
  const taken = new Set<number>();
  return feeds.map((feed) => {
    const output = feed.host === undefined ? outputs.indexOf(feed) : -1;
    if (output < 0 || taken.has(output)) {
      return undefined;
    }
    taken.add(output);
    return output;
  });
}
