import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";
import { ConfigError } from "./errors.js";

type Words = readonly [number, number, number, number];

/** What {@link Random.save} gives and {@link Random.restore} takes; plain JSON. */
export interface RandomState {
  /** The stream's key, from which `fork` derives. */
  readonly key: readonly number[];
  /** Where the stream stands. */
  readonly position: readonly number[];
}

/**
 * A seeded stream of random numbers (xoroshiro128+), mutable: each draw moves it on.
 *
 * Independent streams come from {@link Random.fork}, which depends on the seed and the label alone and not on
 * how much has been drawn, so that adding a draw in one place leaves every other stream as it was.
 */
export class Random {
  readonly #key: Words;
  #generator: ReturnType<typeof xoroshiro128plusFromState>;

  private constructor(key: Words, position: readonly number[]) {
    this.#key = key;
    this.#generator = xoroshiro128plusFromState(position);
  }

  /** A stream for `seed`, any safe integer. */
  static fromSeed(seed: number): Random {
    if (!Number.isSafeInteger(seed)) {
      throw new ConfigError(`seed: expected a whole number within ±(2^53 − 1), got ${seed}.`);
    }
    const key = hashWords([seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0]);
    return new Random(key, key);
  }

  /** The stream that {@link Random.save} was called on, where it stood. */
  static restore(state: RandomState): Random {
    const { key, position } = state;
    const isWords = (words: readonly number[]) =>
      Array.isArray(words) && words.length === 4 && words.every(Number.isInteger);
    if (!isWords(key) || !isWords(position)) {
      throw new ConfigError("Random.restore: expected a state written by Random.save (two lists of four integers).");
    }
    return new Random([key[0]!, key[1]!, key[2]!, key[3]!], position);
  }

  /** This stream's state; feeding it to {@link Random.restore} goes on with the same draws. */
  save(): RandomState {
    return { key: [...this.#key], position: [...this.#generator.getState()] };
  }

  /** An independent stream named `label`; the same label gives the same stream, however much was drawn here. */
  fork(label: string | number): Random {
    const text = String(label);
    const words: number[] = [...this.#key, text.length];
    for (let i = 0; i < text.length; i++) {
      words.push(text.charCodeAt(i));
    }
    const key = hashWords(words);
    return new Random(key, key);
  }

  /** Uniform in `[0, 2^32)`, a whole number. */
  uint32(): number {
    return this.#generator.next() >>> 0;
  }

  /** Uniform in `[0, 1)`, 53 bits. */
  uniform(): number {
    return uniformFloat64(this.#generator);
  }

  /** Uniform in `[0, bound)`, a whole number, without modulo bias; `1 ≤ bound ≤ 2^32`. */
  integer(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > 2 ** 32) {
      throw new ConfigError(`Random.integer: expected a bound from 1 to 2^32, got ${bound}.`);
    }
    const limit = 2 ** 32 - (2 ** 32 % bound);
    let draw = this.uint32();
    while (draw >= limit) {
      draw = this.uint32();
    }
    return draw % bound;
  }

  /** Standard normal, by Box and Muller's transform; uses two uniform draws. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** A Float32Array of `length` draws from N(0, `standardDeviation`²). */
  normals(length: number, standardDeviation = 1): Float32Array {
    const values = new Float32Array(length);
    for (let i = 0; i < length; i += 2) {
      const radius = standardDeviation * Math.sqrt(-2 * Math.log(1 - this.uniform()));
      const angle = 2 * Math.PI * this.uniform();
      values[i] = radius * Math.cos(angle);
      if (i + 1 < length) {
        values[i + 1] = radius * Math.sin(angle);
      }
    }
    return values;
  }

  /** A Float32Array of `length` draws uniform in `[low, high)`. */
  uniforms(length: number, low = 0, high = 1): Float32Array {
    const values = new Float32Array(length);
    for (let i = 0; i < length; i++) {
      values[i] = low + (high - low) * this.uniform();
    }
    return values;
  }

  /** A uniformly random order of `0 … length − 1`, by Fisher and Yates. */
  permutation(length: number): Int32Array {
    const order = Int32Array.from({ length }, (_, i) => i);
    for (let i = length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const held = order[i]!;
      order[i] = order[j]!;
      order[j] = held;
    }
    return order;
  }
}

/** Four well-mixed words, not all zero, from any list of 32-bit words (MurmurHash3 rounds with four seeds). */
function hashWords(words: readonly number[]): Words {
  const hash = (seed: number): number => {
    let h = seed | 0;
    for (const word of words) {
      let k = Math.imul(word | 0, 0xcc9e2d51);
      k = (k << 15) | (k >>> 17);
      h ^= Math.imul(k, 0x1b873593);
      h = (h << 13) | (h >>> 19);
      h = (Math.imul(h, 5) + 0xe6546b64) | 0;
    }
    h ^= words.length * 4;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return h ^ (h >>> 16);
  };
  return [hash(0x9e3779b9) | 1, hash(0x3c6ef372), hash(0xdaa66d2b), hash(0x78dde6e4)];
}
