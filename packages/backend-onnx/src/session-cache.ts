import type { RuntimeSession } from "./runtime/runtime.js";

/** A snapshot of the cache of compiled graphs. */
export interface SessionCacheInfo {
  /** Sessions held now. */
  readonly sessions: number;
  /** Most sessions held at once; beyond it the least recently used one goes. */
  readonly capacity: number;
  /** Runs that found their session. */
  readonly hits: number;
  /** Runs that had to compile. */
  readonly misses: number;
  /** Sessions given up for room. */
  readonly evictions: number;
  /** Bytes of the models of the sessions held; what ONNX Runtime allocates to run them comes on top. */
  readonly modelBytes: number;
  /** Milliseconds spent compiling, in all. */
  readonly compileMs: number;
  /** Milliseconds spent running compiled graphs, in all. */
  readonly runMs: number;
}

interface Entry {
  readonly session: RuntimeSession;
  readonly bytes: number;
}

/** Compiled graphs by structural key, the least recently used given up first. */
export class SessionCache {
  // A Map iterates in the order of insertion: the first key is the least recently used one.
  readonly #entries = new Map<string, Entry>();
  #hits = 0;
  #misses = 0;
  #evictions = 0;
  #bytes = 0;
  #compileMs = 0;
  #runMs = 0;

  constructor(private readonly capacity: number) {}

  find(key: string): RuntimeSession | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      this.#misses++;
      return null;
    }
    this.#hits++;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.session;
  }

  add(key: string, session: RuntimeSession, bytes: number, compileMs: number): void {
    while (this.#entries.size >= this.capacity) {
      const oldest = this.#entries.keys().next().value as string;
      this.#remove(oldest);
      this.#evictions++;
    }
    this.#entries.set(key, { session, bytes });
    this.#bytes += bytes;
    this.#compileMs += compileMs;
  }

  countRun(ms: number): void {
    this.#runMs += ms;
  }

  clear(): void {
    for (const key of [...this.#entries.keys()]) {
      this.#remove(key);
    }
  }

  info(): SessionCacheInfo {
    return {
      sessions: this.#entries.size,
      capacity: this.capacity,
      hits: this.#hits,
      misses: this.#misses,
      evictions: this.#evictions,
      modelBytes: this.#bytes,
      compileMs: this.#compileMs,
      runMs: this.#runMs,
    };
  }

  #remove(key: string): void {
    const entry = this.#entries.get(key)!;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
    entry.session.dispose();
  }
}
