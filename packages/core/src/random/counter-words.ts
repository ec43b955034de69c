import { golden } from "./counter-constants.js";
import { blockBytes, ownWordProgram, type WordProgram, wordProgram } from "./word-program.js";

/** Names a sequence of {@link counterWords}: two 32-bit integers. */
export interface CounterKey {
  readonly first: number;
  readonly second: number;
}

/**
 * Fills an array with random 32-bit words, each a pure function of the key and its place in the sequence: no state moves on,
 * so that any part of a sequence can be drawn anywhere, on a device too.
 *
 * Word n starts as n · 0x9E3779B1 + the first key. Four rounds follow: x ← x · (2x + 1) + c, the first c being the second
 * key, and an exchange of the halves. All of it is addition and multiplication of unsigned 32-bit numbers (the exchange by
 * a quotient): what every provider of ONNX Runtime has, while some lack shifts and exclusive or. One key's words are a
 * permutation of the 32-bit integers.
 *
 * @param start - Place of the first word.
 * @param out - Filled and returned.
 * @see The round is that of RC6, Rivest et al. 1998, https://people.csail.mit.edu/rivest/pubs/RRSY98.pdf
 */
export function counterWords(key: CounterKey, start: number, out: Uint32Array): Uint32Array {
  for (let at = 0; at < out.length; at += chunkWords) {
    const count = Math.min(chunkWords, out.length - at);
    out.set(wordChunk(key, start + at, count).subarray(0, count), at);
  }
  return out;
}

/** Most words of a {@link wordChunk}. */
export const chunkWords = 2 ** 14;

let scratch: Int32Array | undefined;

/**
 * Words of a sequence, signed, at the front of an array that the next call overwrites.
 *
 * @param count - At least 1 and at most {@link chunkWords}.
 */
function wordChunk({ first, second }: CounterKey, start: number, count: number): Int32Array {
  const program = wordProgram();
  const seed = (Math.imul(start, golden) + first) | 0;
  scratch ??= program ? new Int32Array(program.memory.buffer) : new Int32Array(chunkWords);
  if (program !== undefined) {
    program.words(seed, second, 0, 4 * count);
    return scratch;
  }
  plainWords(seed, second | 0, scratch.subarray(0, count));
  return scratch;
}

/** Fills an array with words, without WebAssembly. */
export function plainWords(start: number, secondKey: number, out: Int32Array): void {
  const step = golden;
  let seed = start;
  for (let i = 0; i < out.length; i++) {
    out[i] = mixWord(seed, secondKey);
    seed = (seed + step) | 0;
  }
}

/** The word at a place of the sequence of {@link counterWords}, as a signed integer. */
export function counterWord({ first, second }: CounterKey, place: number): number {
  return mixWord((Math.imul(place, golden) + first) | 0, second);
}

/** The probability `below` / 2^`bits`. */
export interface DropShare {
  readonly bits: 8 | 16 | 32;
  readonly below: number;
}

/** How far a share may be from the probability asked for, as a part of that of the rarer outcome. */
const maxError = 0.02;

/** The share of the fewest bits that is within 2 % of a probability in `[0, 1)`, and of what that leaves. */
export function dropShare(probability: number): DropShare {
  const tolerance = maxError * Math.min(probability, 1 - probability);
  for (const bits of [8, 16] as const) {
    const below = Math.round(probability * 2 ** bits);
    if (Math.abs(below / 2 ** bits - probability) <= tolerance) {
      return { bits, below };
    }
  }
  return { bits: 32, below: Math.min(Math.round(probability * 2 ** 32), 2 ** 32 - 1) };
}

/**
 * Fills an array with bytes that are 0 with the probability of the share and otherwise 1: each takes its `bits` bits of
 * {@link counterWords}, the lowest of a word first, and is 0 where they are below `below`.
 *
 * @param out - Filled and returned; fastest where it is one of {@link maskArrays}.
 */
export function counterMask(key: CounterKey, share: DropShare, out: Uint8Array): Uint8Array {
  const program = share.bits === 8 ? wordProgram() : undefined;
  if (program === undefined || out.length === 0) {
    return plainMask(key, share, out);
  }
  const own = programs.get(out);
  if (own !== undefined) {
    own.mask(key.first, key.second, out.byteOffset, out.byteOffset + out.length, share.below);
    return out;
  }
  const { memory, mask } = program;
  for (let start = 0; start < out.length; start += memory.length) {
    const length = Math.min(memory.length, out.length - start);
    mask((Math.imul(start / 4, golden) + key.first) | 0, key.second, 0, length, share.below);
    out.set(length === memory.length ? memory : memory.subarray(0, length), start);
  }
  return out;
}

/** The programs in whose memories the arrays of {@link maskArrays} lie. */
const programs = new WeakMap<Uint8Array, WordProgram>();

/**
 * Makes arrays for masks that are drawn again and again: {@link counterMask} writes them in place, without a copy. They share
 * one buffer, which cannot be transferred to another thread.
 *
 * @param sizes - Of the arrays, in bytes.
 */
export function maskArrays(sizes: readonly number[]): Uint8Array[] {
  const places: number[] = [];
  let bytes = 0;
  for (const size of sizes) {
    places.push(bytes);
    bytes += Math.ceil(size / blockBytes) * blockBytes;
  }
  const program = bytes > 0 && bytes < 2 ** 32 ? ownWordProgram(bytes) : undefined;
  if (program === undefined) {
    return sizes.map((size) => new Uint8Array(size));
  }
  return sizes.map((size, i) => {
    const array = program.memory.subarray(places[i], places[i]! + size);
    programs.set(array, program);
    return array;
  });
}

/** {@link counterMask} without WebAssembly, of any number of bits. */
export function plainMask({ first, second }: CounterKey, { bits, below }: DropShare, out: Uint8Array): Uint8Array {
  const [key, step] = [second | 0, golden];
  const highest = bits === 32 ? -1 : 2 ** bits - 1;
  let seed = first | 0;
  for (let at = 0; at < out.length; ) {
    const word = mixWord(seed, key);
    for (let shift = 0; shift < 32 && at < out.length; shift += bits) {
      out[at++] = ((word >>> shift) & highest) >>> 0 < below ? 0 : 1;
    }
    seed = (seed + step) | 0;
  }
  return out;
}

/** The rounds on one word: from its start to the word, both signed. A loop is twice as fast with the summands as literals. */
export function mixWord(start: number, key: number): number {
  let x = (Math.imul(start, (start << 1) | 1) + key) | 0;
  x = (x >>> 16) | (x << 16);
  x = (Math.imul(x, (x << 1) | 1) + 0x7f4a7c15) | 0;
  x = (x >>> 16) | (x << 16);
  x = (Math.imul(x, (x << 1) | 1) + 0x6c078965) | 0;
  x = (x >>> 16) | (x << 16);
  x = (Math.imul(x, (x << 1) | 1) + 0x85ebca6b) | 0;
  return (x >>> 16) | (x << 16);
}
