import { golden, summands } from "./counter-constants.js";

/** Fills its memory with `counterWords`, {@link blockBytes} at a time. */
export interface WordProgram {
  readonly memory: Uint8Array;
  /**
   * Writes words to the memory in whole blocks, at least one.
   *
   * @param start - Of the first word: its place · 0x9E3779B1 + the first key.
   * @param at - Index of the first byte to write.
   * @param end - Index after the last one asked for: the block with it is written to its end.
   */
  readonly words: (start: number, secondKey: number, at: number, end: number) => void;
  /** Writes words of which each byte is replaced: by 0 where it is below `below`, by 1 elsewhere. */
  readonly mask: (start: number, secondKey: number, at: number, end: number, below: number) => void;
}

/** Vectors that one turn of the loop computes side by side: one alone would wait for its own multiplications. */
const unrolled = 4;

/** Bytes that a {@link WordProgram} writes at once. */
export const blockBytes = 16 * unrolled;

const pageBytes = 2 ** 16;

let compiled: WebAssembly.Module | "impossible" | undefined;
let loaded: WordProgram | undefined;

/**
 * The loop of `counterWords` on vectors, which JavaScript lacks: several times as fast; with a memory of 64 KiB that all
 * share. Undefined where WebAssembly or its vectors are missing or forbidden.
 */
export function wordProgram(): WordProgram | undefined {
  loaded ??= ownWordProgram(pageBytes);
  return loaded;
}

/**
 * A {@link wordProgram} with a memory of its own, which is freed with the last array on it. Undefined also where there is
 * not as much memory.
 *
 * @param bytes - Of the memory, at least; below 2³².
 */
export function ownWordProgram(bytes: number): WordProgram | undefined {
  if (compiled === "impossible") {
    return undefined;
  }
  try {
    compiled ??= new WebAssembly.Module(assemble({ imported: false }));
    const { exports } = new WebAssembly.Instance(compiled);
    const { memory, ...functions } = exports as unknown as WordProgram & { readonly memory: WebAssembly.Memory };
    memory.grow(Math.ceil(bytes / pageBytes) - 1);
    return { ...functions, memory: new Uint8Array(memory.buffer) };
  } catch {
    compiled ??= "impossible";
    return undefined;
  }
}

/** A {@link WordProgram} on memory that threads share: each makes an instance of its own. */
export interface SharedWordProgram extends WordProgram {
  /** Imports the memory as `host.memory`, and exports `mask`. */
  readonly module: WebAssembly.Module;
  readonly shared: WebAssembly.Memory;
}

let compiledShared: WebAssembly.Module | undefined;

/**
 * A {@link ownWordProgram} whose memory can be handed to another thread. Undefined also where memory cannot be shared.
 *
 * @param bytes - Of the memory, at least; below 2³².
 */
export function sharedWordProgram(bytes: number): SharedWordProgram | undefined {
  try {
    compiledShared ??= new WebAssembly.Module(assemble({ imported: true }));
    const pages = Math.ceil(bytes / pageBytes);
    const shared = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    const { exports } = new WebAssembly.Instance(compiledShared, { host: { memory: shared } });
    return {
      ...(exports as unknown as WordProgram),
      module: compiledShared,
      shared,
      memory: new Uint8Array(shared.buffer),
    };
  } catch {
    return undefined;
  }
}

const [i32, v128] = [0x7f, 0x7b];
const vector = (code: number) => [0xfd, ...unsigned(code)];
const op = {
  loop: [0x03, 0x40],
  continueIf: [0x0d, 0x00],
  end: [0x0b],
  isBelow: [0x49],
  addIndex: [0x6a],
  storeVector: (offset: number) => [...vector(0x0b), 0x04, ...unsigned(offset)],
  swizzle: vector(0x0e),
  toLanes: vector(0x11),
  toBytes: vector(0x0f),
  isAtLeast: vector(0x2c), // in each byte: all bits, or none
  and: vector(0x4e),
  or: vector(0x50),
  add: vector(0xae),
  multiply: vector(0xb5),
};
const get = (local: number) => [0x20, local];
const set = (local: number) => [0x21, local];
const literal = (values: Iterable<number>) => [...vector(0x0c), ...values];
const lanes = (...words: readonly number[]) => literal(new Uint8Array(Int32Array.from(words).buffer));
const everywhere = (word: number) => lanes(word, word, word, word);

/** The module: two functions, exported, and a page of memory, which can grow, exported too; or an imported memory. */
function assemble({ imported }: { readonly imported: boolean }): Uint8Array<ArrayBuffer> {
  const section = (id: number, ...entries: (readonly number[])[]) => {
    const bytes = [entries.length, ...entries.flat()];
    return [id, ...unsigned(bytes.length), ...bytes];
  };
  const text = (name: string) => [name.length, ...new TextEncoder().encode(name)];
  const exported = (name: string, kind: number, index: number) => [...text(name), kind, index];
  const signature = (parameters: number) => [0x60, parameters, ...new Array<number>(parameters).fill(i32), 0];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, signature(4), signature(5)),
    // A memory of any number of pages, shared.
    ...(imported ? section(2, [...text("host"), ...text("memory"), 0x02, 0x03, 0, ...unsigned(2 ** 16)]) : []),
    ...section(3, [0], [1]),
    ...(imported ? [] : section(5, [0, 1])),
    ...section(7, ...(imported ? [] : [exported("memory", 2, 0)]), exported("words", 0, 0), exported("mask", 0, 1)),
    ...section(10, code(false), code(true)),
  ]);
}

/** One function: a loop over blocks of words, or of masks. */
function code(isMask: boolean): number[] {
  const [start, secondKey, at, end, below] = [0, 1, 2, 3, 4];
  const parameters = isMask ? 5 : 4;
  const [starts, key, bounds] = [0, 1, 2].map((local) => parameters + local) as [number, number, number];
  const block = Array.from({ length: unrolled }, (_, i) => ({
    x: parameters + 3 + i,
    steps: golden4(i),
    offset: 16 * i,
  }));
  const round = (summand: readonly number[]) =>
    block.flatMap(({ x }) => [
      ...get(x),
      ...[...get(x), ...get(x), ...op.add, ...everywhere(1), ...op.or],
      ...op.multiply,
      ...[...summand, ...op.add, ...set(x)],
      // The bytes of each word in the order 2, 3, 0, 1 by a swizzle, which is faster than a shuffle on x64.
      ...[...get(x), ...literal(Array.from({ length: 16 }, (_, i) => i ^ 2)), ...op.swizzle, ...set(x)],
    ]);
  const body = [
    ...[...get(start), ...op.toLanes, ...lanes(...[0, 1, 2, 3].map((place) => Math.imul(golden, place))), ...op.add],
    ...set(starts),
    ...[...get(secondKey), ...op.toLanes, ...set(key)],
    ...(isMask ? [...get(below), ...op.toBytes, ...set(bounds)] : []),
    ...op.loop,
    ...block.flatMap(({ x, steps }) => [...get(starts), ...everywhere(steps), ...op.add, ...set(x)]),
    ...round(get(key)),
    ...summands.flatMap((summand) => round(everywhere(summand))),
    ...block.flatMap(({ x, offset }) => [
      ...[...get(at), ...get(x)],
      ...(isMask ? [...get(bounds), ...op.isAtLeast, ...everywhere(0x01010101), ...op.and] : []),
      ...op.storeVector(offset),
    ]),
    ...[...get(starts), ...everywhere(golden4(unrolled)), ...op.add, ...set(starts)],
    // A number in LEB128 with its sign, which a second byte keeps clear of 64.
    ...[...get(at), 0x41, (blockBytes & 127) | 128, blockBytes >> 7, ...op.addIndex, ...set(at)],
    ...[...get(at), ...get(end), ...op.isBelow, ...op.continueIf],
    ...op.end,
    ...op.end,
  ];
  const locals = [1, ...[3 + unrolled, v128]];
  return [...unsigned(locals.length + body.length), ...locals, ...body];
}

/** By how much the start of a word is ahead of that of the word `vectors` vectors earlier. */
function golden4(vectors: number): number {
  return Math.imul(golden, 4 * vectors);
}

/** A number in LEB128, as WebAssembly's files have it. */
function unsigned(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}
