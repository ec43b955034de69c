import { LRUCache } from "lru-cache";
import type { RuntimeSession } from "../runtime/runtime.js";

/** A snapshot of the cache of compiled graphs. */
export interface SessionCacheInfo {
  /** Sessions in the cache now. */
  readonly sessions: number;
  /** Maximum number of sessions; beyond it the least recently used one is evicted. */
  readonly capacity: number;
  /** Runs that found their session. */
  readonly hits: number;
  /** Runs that had to compile. */
  readonly misses: number;
  /** Sessions evicted because the cache was full. */
  readonly evictions: number;
  /** Bytes of the models of the cached sessions; what ONNX Runtime allocates to run them comes on top. */
  readonly modelBytes: number;
  /** Total time spent compiling, ms. */
  readonly compileMs: number;
  /** Total time spent running compiled graphs, ms. */
  readonly runMs: number;
}

interface Entry {
  readonly session: RuntimeSession;
  readonly bytes: number;
}

/** Compiled graphs by structural key; the least recently used one is evicted and disposed when the cache is full. */
export class SessionCache {
  readonly #entries: LRUCache<string, Entry>;
  #hits = 0;
  #misses = 0;
  #evictions = 0;
  #bytes = 0;
  #compileMs = 0;
  #runMs = 0;

  /** @param capacity - Maximum number of sessions. */
  constructor(capacity: number) {
    this.#entries = new LRUCache({
      max: capacity,
      dispose: ({ session, bytes }, _, reason) => {
        this.#bytes -= bytes;
        this.#evictions += reason === "evict" ? 1 : 0;
        session.dispose();
      },
    });
  }

  /** The session of a key, which becomes the most recently used one. */
  find(key: string): RuntimeSession | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      this.#misses++;
    } else {
      this.#hits++;
    }
    return entry?.session;
  }

  /** Adds a session; the cache disposes it. */
  add(key: string, session: RuntimeSession, bytes: number, compileMs: number): void {
    this.#entries.set(key, { session, bytes });
    this.#bytes += bytes;
    this.#compileMs += compileMs;
  }

  /** Adds the time of a run, ms. */
  countRun(ms: number): void {
    this.#runMs += ms;
  }

  /** Disposes every session. */
  clear(): void {
    this.#entries.clear();
  }

  info(): SessionCacheInfo {
    return {
      sessions: this.#entries.size,
      capacity: this.#entries.max,
      hits: this.#hits,
      misses: this.#misses,
      evictions: this.#evictions,
      modelBytes: this.#bytes,
      compileMs: this.#compileMs,
      runMs: this.#runMs,
    };
  }
}
