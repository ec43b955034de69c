import type { Executor } from "../graph/executor.js";
import type { RuntimeTensor } from "../runtime/runtime.js";

/** Constants of more bytes are fed: a session keeps copies of those that are built into it. */
const maxBytes = 2 ** 28;

/** Which constants the session of a graph was compiled with. */
export class BuiltInConstants {
  readonly #executor: Executor;
  readonly #graphKey: string;
  #constants: readonly RuntimeTensor[] = [];
  #key: string | undefined;

  /** @param graphKey - The structural key of the graph. */
  constructor(executor: Executor, graphKey: string) {
    this.#executor = executor;
    this.#graphKey = graphKey;
  }

  /**
   * The key of the session with these constants; that of others is dropped.
   *
   * @returns undefined where they are to be fed: there are none, they are on a device, or too large.
   */
  keyFor(constants: readonly RuntimeTensor[]): string | undefined {
    const bytes = constants.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const isOnHost = this.#executor.sharesHostMemory || constants.every(({ host }) => host !== undefined);
    if (constants.length === 0 || bytes > maxBytes || !isOnHost) {
      this.drop();
      return undefined;
    }
    const isSame =
      this.#constants.length === constants.length && constants.every((each, i) => each === this.#constants[i]);
    if (this.#key === undefined || !isSame) {
      this.drop();
      this.#constants = constants;
      this.#key = `${this.#graphKey}!${this.#executor.numberOfConstants(constants)}`;
    }
    return this.#key;
  }

  /** Drops the session. */
  drop(): void {
    if (this.#key !== undefined) {
      this.#executor.cache.drop(this.#key);
      this.#key = undefined;
      this.#constants = [];
    }
  }
}
