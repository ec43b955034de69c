import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";
import { describeValue } from "../errors/describe-value.js";
import { ConfigError } from "../errors/errors.js";
import type { CounterKey } from "./counter-words.js";

type Words = readonly [number, number, number, number];

/** What {@link Random.save} gives and {@link Random.restore} takes; plain JSON. */
export interface RandomState {
  /** The stream's key, from which `fork` derives. */
  readonly key: readonly number[];
  /** State of the generator. */
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
      throw new ConfigError(`seed: expected a whole number within ±(2^53 − 1), got ${describeValue(seed)}.`);
    }
    const key = hashWords([seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0]);
    return new Random(key, key);
  }

  /**
   * The stream that {@link Random.save} was called on, at the same position.
   *
   * @throws a {@link ConfigError} when `state` is not one that `save` gives.
   */
  static restore(state: RandomState): Random {
    const key = toWords((state as RandomState | null | undefined)?.key);
    const position = toWords((state as RandomState | null | undefined)?.position);
    if (key === undefined || position === undefined) {
      throw new ConfigError(
        "Random.restore: expected a state written by Random.save, with two lists of four 32-bit integers, not all zero.",
      );
    }
    return new Random(key, position);
  }

  /** This stream's state; {@link Random.restore} continues it with the same draws. */
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

  /** The key of a sequence of `counterWords`, for many draws at once; uses two draws. */
  counterKey(): CounterKey {
    return { first: this.uint32(), second: this.uint32() };
  }

  /** Uniform in `[0, 1)`, 53 bits. */
  uniform(): number {
    return uniformFloat64(this.#generator);
  }

  /** Uniform in `[0, bound)`, a whole number, without modulo bias; `1 ≤ bound ≤ 2^32`. */
  integer(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > 2 ** 32) {
      throw new ConfigError(`Random.integer: expected a bound from 1 to 2^32, got ${describeValue(bound)}.`);
    }
    // A quotient, not a remainder: xoroshiro128+ is at its best in the high bits.
    const width = Math.floor(2 ** 32 / bound);
    let draw = Math.floor(this.uint32() / width);
    while (draw >= bound) {
      draw = Math.floor(this.uint32() / width);
    }
    return draw;
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

  /**
   * A Float32Array of `length` draws uniform in `[low, high)`, of 24 bits each.
   *
   * Where `low` and `high` are so near that float32 has few numbers between them, rounding may reach `high`.
   */
  uniforms(length: number, low = 0, high = 1): Float32Array {
    const values = new Float32Array(length);
    const scale = (high - low) / 2 ** 24;
    for (let i = 0; i < length; i++) {
      values[i] = low + scale * (this.uint32() >>> 8);
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

/** Four 32-bit integers, not all zero (from there the generator gives zeros for ever); undefined for anything else. */
function toWords(value: unknown): Words | undefined {
  if (!Array.isArray(value) || value.length !== 4) {
    return undefined;
  }
  const [a, b, c, d] = value as unknown as Words;
  const isWord = (word: number) => Number.isInteger(word) && (word === word >>> 0 || word === (word | 0));
  return value.every(isWord) && (a | b | c | d) !== 0 ? [a, b, c, d] : undefined;
}

/**
 * Four well-mixed words, not all zero, from any list of 32-bit words.
 *
 * Four lanes in the manner of MurmurHash3, each with multipliers of its own, so that two lists which meet in one lane
 * do not meet in the others, as they would in four runs of one hash from four seeds; at the end the lanes are mixed.
 */
function hashWords(words: readonly number[]): Words {
  let a = 0x9e3779b9 | 0;
  let b = 0x3c6ef372 | 0;
  let c = 0xdaa66d2b | 0;
  let d = 0x78dde6e4 | 0;
  for (const word of [...words, words.length]) {
    a = absorb(a ^ Math.imul(word, 0x239b961b), 0x561ccd1b, 13);
    b = absorb(b ^ Math.imul(word, 0xab0e9789), 0x0bcaa747, 17);
    c = absorb(c ^ Math.imul(word, 0x38b34ae5), 0x96cd1c35, 15);
    d = absorb(d ^ Math.imul(word, 0xa1e38b93), 0x32ac3b17, 19);
  }
  const sum = a ^ b ^ c ^ d;
  return [finish(a + sum) | 1, finish(b + sum + a), finish(c + sum + b), finish(d + sum + c)];
}

function absorb(value: number, multiplier: number, shift: number): number {
  const product = Math.imul(value ^ (value >>> 15), multiplier);
  return (Math.imul((product << shift) | (product >>> (32 - shift)), 5) + 0xe6546b64) | 0;
}

/** MurmurHash3's finalizer: each input bit reaches every output bit. */
function finish(value: number): number {
  let h = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
