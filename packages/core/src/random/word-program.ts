import { golden, summands } from "./counter-constants.js";

/** Fills its memory with `counterWords`, four at a time. */
export interface WordProgram {
  readonly memory: Uint8Array;
  /**
   * Writes words to the front of the memory, and up to three more.
   *
   * @param start - Of the first word: its place · 0x9E3779B1 + the first key.
   * @param length - Bytes to write, at least 1 and at most those of the memory.
   */
  readonly words: (start: number, secondKey: number, length: number) => void;
  /** Writes words of which each byte is replaced: by 0 where it is below `below`, by 1 elsewhere. */
  readonly mask: (start: number, secondKey: number, length: number, below: number) => void;
}

let loaded: WordProgram | undefined | null = null;

/**
 * The loop of `counterWords` on vectors, which JavaScript lacks: several times as fast. Undefined where WebAssembly or its
 * vectors are missing or forbidden.
 */
export function wordProgram(): WordProgram | undefined {
  if (loaded === null) {
    loaded = load();
  }
  return loaded;
}

function load(): WordProgram | undefined {
  try {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(assemble()));
    const { memory, ...functions } = exports as unknown as WordProgram & { readonly memory: WebAssembly.Memory };
    return { ...functions, memory: new Uint8Array(memory.buffer) };
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
  storeVector: [...vector(0x0b), 0x04, 0x00],
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
const lanes = (...words: readonly number[]) => [...vector(0x0c), ...new Uint8Array(Int32Array.from(words).buffer)];
const everywhere = (word: number) => lanes(word, word, word, word);

/** The module: two functions and a page of memory, exported. */
function assemble(): Uint8Array<ArrayBuffer> {
  const section = (id: number, ...entries: (readonly number[])[]) => {
    const bytes = [entries.length, ...entries.flat()];
    return [id, ...unsigned(bytes.length), ...bytes];
  };
  const exported = (name: string, kind: number, index: number) => [
    ...[name.length, ...new TextEncoder().encode(name)],
    ...[kind, index],
  ];
  const signature = (parameters: number) => [0x60, parameters, ...new Array<number>(parameters).fill(i32), 0];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, signature(3), signature(4)),
    ...section(3, [0], [1]),
    ...section(5, [0, 1]),
    ...section(7, exported("memory", 2, 0), exported("words", 0, 0), exported("mask", 0, 1)),
    ...section(10, code(false), code(true)),
  ]);
}

/** One function: a loop over vectors of words, or of masks. */
function code(isMask: boolean): number[] {
  const parameters = isMask ? 4 : 3;
  const [start, secondKey, length, below] = [0, 1, 2, 3];
  const [at, x, starts, key, bounds] = [0, 1, 2, 3, 4].map((local) => parameters + local) as [
    ...[number, number, number, number, number],
  ];
  const round = (summand: readonly number[]) => [
    ...get(x),
    ...[...get(x), ...get(x), ...op.add, ...everywhere(1), ...op.or],
    ...op.multiply,
    ...[...summand, ...op.add, ...set(x)],
    // The bytes of each word in the order 2, 3, 0, 1.
    ...[...get(x), ...get(x), ...vector(0x0d), ...Array.from({ length: 16 }, (_, i) => i ^ 2), ...set(x)],
  ];
  const steps = [0, 1, 2, 3].map((place) => Math.imul(golden, place));
  const body = [
    ...[...get(start), ...op.toLanes, ...lanes(...steps), ...op.add, ...set(starts)],
    ...[...get(secondKey), ...op.toLanes, ...set(key)],
    ...(isMask ? [...get(below), ...op.toBytes, ...set(bounds)] : []),
    ...op.loop,
    ...[...get(starts), ...set(x)],
    ...round(get(key)),
    ...summands.flatMap((summand) => round(everywhere(summand))),
    ...[...get(at), ...get(x)],
    ...(isMask ? [...get(bounds), ...op.isAtLeast, ...everywhere(0x01010101), ...op.and] : []),
    ...op.storeVector,
    ...[...get(starts), ...everywhere(Math.imul(golden, 4)), ...op.add, ...set(starts)],
    ...[...get(at), 0x41, 16, ...op.addIndex, ...set(at)],
    ...[...get(at), ...get(length), ...op.isBelow, ...op.continueIf],
    ...op.end,
    ...op.end,
  ];
  const locals = [2, ...[1, i32], ...[4, v128]];
  return [...unsigned(locals.length + body.length), ...locals, ...body];
}

/** A number in LEB128, as WebAssembly's files have it. */
function unsigned(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}
