import type { Links } from "./observed-runs.js";

/** The bytes of buffers, less those of what lives in them. */
export function idleBytes(buffers: readonly number[], living: readonly number[]): number {
  const sum = (values: readonly number[]) => values.reduce((bytes, value) => bytes + value, 0);
  return sum(buffers) - sum(living);
}

/** What {@link SwappedSets} are made of. */
export interface SwappedSetsParts<Tensor, Buffer, Value> {
  readonly links: Links;
  /** Buffers of inputs that no output replaces. */
  readonly inputs: readonly (Buffer | undefined)[];
  /** Buffers of the outputs of every other run. */
  readonly outputs: readonly [readonly Buffer[], readonly Buffer[]];
  /** Overwrites a buffer with the elements of a tensor. */
  write(from: Tensor, to: Buffer): void;
  /** Moves what was handed out of a buffer to a place of its own, or throws and leaves it there. */
  move(value: Value): void;
}

/**
 * Two sets of buffers that swap roles, for a graph at fixed addresses whose runs follow each other. A run reads what the
 * one before wrote, and writes where that one read; nothing is allocated or copied but inputs that are new.
 *
 * What a run hands out stays what it is: a tensor that still lives when its buffer is written again is moved first.
 */
export class SwappedSets<Tensor, Buffer, Value extends Tensor & { readonly isReleased: boolean; dispose(): void }> {
  readonly #parts: SwappedSetsParts<Tensor, Buffer, Value>;
  /** What the buffers of inputs hold: a tensor's elements never change. */
  readonly #held: (Tensor | undefined)[] = [];
  /** What was handed out of each buffer, and may still live. */
  readonly #handedOut: readonly [(Value | undefined)[], (Value | undefined)[]] = [[], []];
  #turn: 0 | 1 = 0;

  constructor(parts: SwappedSetsParts<Tensor, Buffer, Value>) {
    this.#parts = parts;
  }

  /** What was handed out of the buffers, still lives and has not been moved. */
  get living(): Value[] {
    return this.#handedOut.flat().filter((value): value is Value => value?.isReleased === false);
  }

  /** Buffers that a run reads, in the order of the feeds. */
  inputsOf(turn: 0 | 1): Buffer[] {
    const { inputs, links, outputs } = this.#parts;
    return inputs.map((input, i) => input ?? outputs[1 - turn]![links[i]!]!);
  }

  /** Makes buffers ready for a run of these feeds; returns which set of outputs it writes. */
  prepare(feeds: readonly Tensor[]): 0 | 1 {
    const { inputs, links, outputs, write } = this.#parts;
    const [turn, before] = this.#turn === 0 ? ([0, 1] as const) : ([1, 0] as const);
    outputs[turn].forEach((_, i) => void this.#free(turn, i));
    feeds.forEach((feed, i) => {
      const link = links[i];
      if (link !== undefined) {
        if (feed !== this.#handedOut[before][link]) {
          this.#free(before, link);
          write(feed, outputs[before][link]!);
        }
      } else if (feed !== this.#held[i]) {
        write(feed, inputs[i]!);
        this.#held[i] = feed;
      }
    });
    return turn;
  }

  /** Swaps the sets after a run, and takes what it hands out, by output; undefined where nothing lives in the buffer. */
  swap(handedOut: readonly (Value | undefined)[]): void {
    this.#handedOut[this.#turn].splice(0, handedOut.length, ...handedOut);
    this.#turn = this.#turn === 0 ? 1 : 0;
  }

  /** Moves all that lives in the buffers, before they are freed; what cannot be moved is lost, and says so when it is read. */
  empty(): void {
    for (const turn of [0, 1] as const) {
      this.#handedOut[turn].forEach((value, i) => {
        try {
          this.#free(turn, i);
        } catch {
          value!.dispose();
          this.#handedOut[turn][i] = undefined;
        }
      });
    }
  }

  #free(turn: 0 | 1, i: number): void {
    const value = this.#handedOut[turn][i];
    if (value !== undefined && !value.isReleased) {
      this.#parts.move(value);
    }
    this.#handedOut[turn][i] = undefined;
  }
}
