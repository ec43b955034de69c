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
  /**
   * Replaces each word by that of a table at its upper 16 bits, and lists the places of words from {@link firstLarge} on.
   *
   * @param at - Index of the first byte of the first word; there is at least one.
   * @param end - Index after the last word.
   * @param table - Index of the first byte of the table of 2¹⁶ words.
   * @param list - Index of the first byte of the list of 32-bit byte indices, which may take as many words as are replaced.
   * @returns The end of the list.
   */
  readonly lookUp: (at: number, end: number, table: number, list: number) => number;
}

/** The upper 16 bits of the largest 1024th of the words, which start with ten ones. */
export const firstLarge = 0xffc0;

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
/** Types of the functions, in the module's order. */
const [wordsType, maskType, lookUpType] = [0, 1, 2];
const vector = (code: number) => [0xfd, ...unsigned(code)];
const op = {
  loop: [0x03, 0x40],
  continueIf: [0x0d, 0x00],
  end: [0x0b],
  isBelow: [0x49],
  isNotBelow: [0x4f],
  addIndex: [0x6a],
  shiftLeft: [0x74],
  load: [0x28, 0x02, 0x00],
  loadHalf: (offset: number) => [0x2f, 0x01, offset],
  store: [0x36, 0x02, 0x00],
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
/** A number of at most 20 bits, of which three bytes in LEB128 keep the sign's bit clear. */
const integer = (value: number) => [0x41, (value & 127) | 128, ((value >> 7) & 127) | 128, value >> 14];
const literal = (values: Iterable<number>) => [...vector(0x0c), ...values];
const lanes = (...words: readonly number[]) => literal(new Uint8Array(Int32Array.from(words).buffer));
const everywhere = (word: number) => lanes(word, word, word, word);

/** The module: three functions, exported, and a page of memory, which can grow, exported too; or an imported memory. */
function assemble({ imported }: { readonly imported: boolean }): Uint8Array<ArrayBuffer> {
  const section = (id: number, ...entries: (readonly number[])[]) => {
    const bytes = [entries.length, ...entries.flat()];
    return [id, ...unsigned(bytes.length), ...bytes];
  };
  const text = (name: string) => [name.length, ...new TextEncoder().encode(name)];
  const exported = (name: string, kind: number, index: number) => [...text(name), kind, index];
  const signature = (parameters: number, ...results: readonly number[]) => [
    ...[0x60, parameters, ...new Array<number>(parameters).fill(i32)],
    ...[results.length, ...results],
  ];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, signature(4), signature(5), signature(4, i32)),
    // A memory of any number of pages, shared.
    ...(imported ? section(2, [...text("host"), ...text("memory"), 0x02, 0x03, 0, ...unsigned(2 ** 16)]) : []),
    ...section(3, [wordsType], [maskType], [lookUpType]),
    ...(imported ? [] : section(5, [0, 1])),
    ...section(
      7,
      ...(imported ? [] : [exported("memory", 2, 0)]),
      ...["words", "mask", "lookUp"].map((name, index) => exported(name, 0, index)),
    ),
    ...section(10, code(false), code(true), lookUpCode()),
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
    ...[...get(at), ...integer(blockBytes), ...op.addIndex, ...set(at)],
    ...[...get(at), ...get(end), ...op.isBelow, ...op.continueIf],
    ...op.end,
    ...op.end,
  ];
  return functionOf([1, ...[3 + unrolled, v128]], body);
}

/** The function `lookUp`: a loop over words. */
function lookUpCode(): number[] {
  const [at, end, table, list, upper] = [0, 1, 2, 3, 4] as const;
  const fourTimes = [...integer(2), ...op.shiftLeft];
  const body = [
    ...op.loop,
    // Numbers are stored with the lowest byte first.
    ...[...get(at), ...op.loadHalf(2), ...set(upper)],
    // The list has a word too many, which the next one replaces unless this one is large.
    ...[...get(list), ...get(at), ...op.store],
    ...[
      ...get(list),
      ...get(upper),
      ...integer(firstLarge),
      ...op.isNotBelow,
      ...fourTimes,
      ...op.addIndex,
      ...set(list),
    ],
    ...[...get(at), ...get(upper), ...fourTimes, ...get(table), ...op.addIndex, ...op.load, ...op.store],
    ...[...get(at), ...integer(4), ...op.addIndex, ...set(at)],
    ...[...get(at), ...get(end), ...op.isBelow, ...op.continueIf],
    ...op.end,
    ...get(list),
    ...op.end,
  ];
  return functionOf([1, ...[1, i32]], body);
}

/** A function's code by its locals and its instructions. */
function functionOf(locals: readonly number[], body: readonly number[]): number[] {
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
