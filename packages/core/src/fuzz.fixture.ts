import { MmgenError } from "./errors/errors.js";
import { Random } from "./random/random.js";

/** A parser to fuzz. */
export interface FuzzTarget {
  /** For the report: `safetensors`. */
  readonly name: string;
  /** Well-formed inputs, small ones, to mutate; each has to be read without an error. */
  readonly samples: readonly Uint8Array[];
  /** What is tested. It returns, or throws an `MmgenError`. */
  readonly parse: (bytes: Uint8Array) => unknown;
  /** How far an input came: past the signature (magic bytes, lengths) or past the header too (dimensions, names, shapes). */
  readonly depth: (bytes: Uint8Array, error: MmgenError | undefined) => FuzzDepth;
  /** Frees a result, such as tensors. */
  readonly release?: ((result: never) => void) | undefined;
  /** Makes lengths and checksums right again; every second mutation goes through it, so that inputs come deep. */
  readonly repair?: ((bytes: Uint8Array) => Uint8Array) | undefined;
  /** Whether the samples are JSON: three of four mutations then change values and names of its tree, and leave it JSON. */
  readonly json?: boolean | undefined;
  /** Byte strings of the format that mutations insert: keywords, extreme numbers. */
  readonly words?: readonly (string | Uint8Array)[] | undefined;
  /** Inputs; default 1000, and `MMGEN_FUZZ_INPUTS` where that is set. */
  readonly inputs?: number | undefined;
  /** Default 1. */
  readonly seed?: number | undefined;
  /** Milliseconds that one input may take; default 200. A slow one is tried again twice, since a machine may be busy. */
  readonly maxMilliseconds?: number | undefined;
  /** Bytes of buffers, heap and process that one input may take; default 64 MiB. */
  readonly maxBytes?: number | undefined;
}

export type FuzzDepth = "none" | "signature" | "header";

/** What came of {@link fuzz}. */
export interface FuzzReport {
  readonly inputs: number;
  readonly accepted: number;
  /** Share of the inputs that came past the signature; those past the header among them. */
  readonly signature: number;
  /** Share of the inputs that came past the header. */
  readonly header: number;
  readonly slowestMilliseconds: number;
  readonly mostBytes: number;
}

/**
 * Mutates well-formed inputs, from a fixed seed, and gives them to a parser.
 *
 * Throws, with the input in base64, where the parser throws anything but an `MmgenError`, takes too long or too much
 * memory, or quotes control characters; and where fewer than a third of the inputs pass the signature or a tenth the
 * header, since they then test little. Prints one line.
 *
 * ```ts
 * import { fuzz } from "@mmgen/core/fuzz.fixture";
 * it("holds against mutated files", () => fuzz({ name: "PNG", samples, parse: decodePng, depth }), 60_000);
 * ```
 */
export async function fuzz(target: FuzzTarget): Promise<FuzzReport> {
  const { name, samples, parse, depth, maxMilliseconds = 200, maxBytes = 2 ** 26, seed = 1 } = target;
  const inputs = Number(process.env.MMGEN_FUZZ_INPUTS ?? target.inputs ?? 1000);
  for (const sample of samples) {
    const result = await parse(sample.slice());
    target.release?.(result as never);
  }
  const random = Random.fromSeed(seed).fork(name);
  const count = { accepted: 0, signature: 0, header: 0 };
  const most = { milliseconds: 0, bytes: 0 };
  for (let i = 0; i < inputs; i++) {
    const bytes = mutate(target, random);
    const outcome = await attempt(target, bytes);
    const fail = (what: string): never => {
      const shown = Buffer.from(bytes.subarray(0, 4096)).toString("base64");
      throw new Error(`${name}, input ${i} (seed ${seed}, ${bytes.length} bytes): ${what}\n${shown}`, {
        cause: outcome.error,
      });
    };
    const { error } = outcome;
    if (error !== undefined && !MmgenError.isInstance(error)) {
      fail(`expected an MmgenError, got ${error instanceof Error ? error.stack : String(error)}`);
    }
    if (error !== undefined && /[\p{Cc}\p{Zl}\p{Zp}]/u.test((error as Error).message)) {
      fail(`its message has control characters: ${JSON.stringify((error as Error).message)}`);
    }
    let { milliseconds } = outcome;
    for (let again = 0; milliseconds > maxMilliseconds && again < 2; again++) {
      milliseconds = Math.min(milliseconds, (await attempt(target, bytes)).milliseconds);
    }
    if (milliseconds > maxMilliseconds) {
      fail(`took ${milliseconds.toFixed(0)} ms, at most ${maxMilliseconds} are allowed`);
    }
    if (outcome.bytes > maxBytes) {
      fail(`took ${outcome.bytes} bytes, at most ${maxBytes} are allowed`);
    }
    most.milliseconds = Math.max(most.milliseconds, milliseconds);
    most.bytes = Math.max(most.bytes, outcome.bytes);
    const reached = depth(bytes, error as MmgenError | undefined);
    count.accepted += Number(error === undefined);
    count.signature += Number(reached !== "none");
    count.header += Number(reached === "header");
  }
  const report: FuzzReport = {
    inputs,
    accepted: count.accepted,
    signature: count.signature / inputs,
    header: count.header / inputs,
    slowestMilliseconds: most.milliseconds,
    mostBytes: most.bytes,
  };
  const percent = (share: number) => `${(share * 100).toFixed(0)} %`;
  console.info(
    `${name}: ${inputs} inputs, ${percent(report.signature)} pass the signature, ${percent(report.header)} the header, ` +
      `${percent(count.accepted / inputs)} are read; at most ${most.milliseconds.toFixed(0)} ms and ` +
      `${(most.bytes / 2 ** 20).toFixed(1)} MiB.`,
  );
  if (report.signature < 1 / 3 || report.header < 1 / 10) {
    throw new Error(`${name}: too few inputs come past the signature (a third) or the header (a tenth).`);
  }
  return report;
}

interface Outcome {
  readonly error: unknown;
  readonly milliseconds: number;
  readonly bytes: number;
}

async function attempt({ parse, release }: FuzzTarget, bytes: Uint8Array): Promise<Outcome> {
  const input = bytes.slice();
  const memory = process.memoryUsage();
  const peak = process.resourceUsage().maxRSS;
  const start = performance.now();
  let error: unknown;
  let result: unknown;
  try {
    result = parse(input);
    if (result instanceof Promise) {
      result = await result;
    }
  } catch (thrown) {
    error = thrown;
  }
  const milliseconds = performance.now() - start;
  const after = process.memoryUsage();
  if (result !== undefined && error === undefined) {
    release?.(result as never);
  }
  // Buffers that are never written to do not count as the process's, and what was freed shows in its peak alone.
  const grown = [
    after.arrayBuffers - memory.arrayBuffers,
    after.heapUsed - memory.heapUsed,
    (process.resourceUsage().maxRSS - peak) * 1024,
  ];
  return { error, milliseconds, bytes: Math.max(0, ...grown) };
}

function mutate({ samples, repair, json, words = [] }: FuzzTarget, random: Random): Uint8Array {
  if (json && random.integer(4) > 0) {
    const text = new TextDecoder().decode(samples[random.integer(samples.length)]);
    const tree = { root: JSON.parse(text) as unknown };
    for (let changes = 1 + random.integer(3); changes > 0; changes--) {
      changeTree(tree, random);
    }
    return new TextEncoder().encode(JSON.stringify(tree.root) ?? "");
  }
  let bytes: Uint8Array = samples[random.integer(samples.length)]!.slice();
  const changes = 1 + random.integer(random.integer(3) === 0 ? 8 : 2);
  for (let i = 0; i < changes; i++) {
    bytes = change(bytes, { random, words, samples });
  }
  return repair && random.integer(2) === 0 ? repair(bytes) : bytes;
}

const numbers = ["0", "1", "-1", "7", "255", "65536", "2147483647", "2147483648", "4294967296", "9007199254740993"];
const extremes = [...numbers, "1e9", "1e308", "0.5", "null", "[]", "{}", '""', "true"];

/** Changes one value below `tree`: to an extreme, to a neighbor's, away, or under another name. */
function changeTree(tree: Record<string, unknown>, random: Random): void {
  const places: { readonly holder: Record<string, unknown>; readonly key: string }[] = [];
  const visit = (holder: Record<string, unknown>) => {
    for (const [key, value] of Object.entries(holder)) {
      places.push({ holder, key });
      if (typeof value === "object" && value !== null) {
        visit(value as Record<string, unknown>);
      }
    }
  };
  visit(tree);
  if (places.length === 0) {
    return;
  }
  const { holder, key } = places[random.integer(places.length)]!;
  const other = places[random.integer(places.length)]!;
  switch (random.integer(6)) {
    case 0:
      delete holder[key];
      break;
    case 1:
      holder[key] = JSON.parse(JSON.stringify(other.holder[other.key] ?? null));
      break;
    case 2: {
      const names = [`${key}x`, "__proto__", "constructor", other.key];
      const name = names[random.integer(names.length)]!;
      Object.defineProperty(holder, name, { value: holder[key], enumerable: true, configurable: true, writable: true });
      delete holder[key];
      break;
    }
    default:
      holder[key] = JSON.parse(extremes[random.integer(extremes.length)]!);
  }
}

interface Sources {
  readonly random: Random;
  readonly words: readonly (string | Uint8Array)[];
  readonly samples: readonly Uint8Array[];
}

function change(bytes: Uint8Array, { random, words, samples }: Sources): Uint8Array {
  const at = random.integer(bytes.length + 1);
  const length = Math.min(bytes.length - at, 1 + random.integer(random.integer(4) === 0 ? 64 : 4));
  const replaced = (from: number, count: number, by: Uint8Array) =>
    concatenated(bytes.subarray(0, from), by, bytes.subarray(from + count));
  const pick = <T>(list: readonly T[]): T => list[random.integer(list.length)]!;
  switch (random.integer(words.length > 0 ? 9 : 8)) {
    case 0: // One bit.
      if (at < bytes.length) {
        bytes[at]! ^= 1 << random.integer(8);
      }
      return bytes;
    case 1: // Any bytes.
      return replaced(
        at,
        length,
        Uint8Array.from({ length }, () => random.integer(256)),
      );
    case 2: // The edges of integers, of 1, 2, 4 or 8 bytes.
      return replaced(at, length, new Uint8Array(2 ** random.integer(4)).fill(pick([0, 0x7f, 0x80, 0xff])));
    case 3:
      return random.integer(4) === 0 ? bytes.slice(0, at) : replaced(at, length, new Uint8Array(0));
    case 4: // The same once more.
      return replaced(at, 0, bytes.slice(at, at + length));
    case 5: {
      const other = pick(samples);
      const from = random.integer(other.length + 1);
      return replaced(at, length, other.subarray(from, from + length));
    }
    case 6:
    case 7: {
      // A number or a word of a text becomes another.
      const tokens = [
        ...Buffer.from(bytes)
          .toString("latin1")
          .matchAll(/-?\d+(\.\d+)?|"[^"]{0,40}"|true|false|null/g),
      ];
      const token = tokens.length > 0 ? pick(tokens) : undefined;
      return replaced(token?.index ?? at, token?.[0].length ?? 0, new TextEncoder().encode(pick(extremes)));
    }
    default: {
      const word = pick(words);
      return replaced(at, length, typeof word === "string" ? new TextEncoder().encode(word) : word);
    }
  }
}

function concatenated(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
