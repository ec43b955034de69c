import { LRUCache } from "lru-cache";
import type { RuntimeSession } from "./runtime.js";

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
  /** Sessions evicted because the cache was full, or their threads or bytes were too many. */
  readonly evictions: number;
  /** Threads that the cached sessions keep, beside the calling one. */
  readonly threads: number;
  /** Bytes of the models of the cached sessions; what ONNX Runtime allocates to run them comes on top. */
  readonly modelBytes: number;
  /** Sessions that are captured and replayed. */
  readonly replayed: number;
  /** Why others, whose runs follow each other too, are not. */
  readonly notReplayed: readonly string[];
  /** Total time spent compiling, ms. */
  readonly compileMs: number;
  /** Total time spent running compiled graphs, ms. */
  readonly runMs: number;
}

/** What replayed graphs take on the device. */
export interface ReplayMemory {
  /** Bytes of their buffers, but those that are tensors still in use, which `deviceBytes` counts. */
  readonly replayBytes: number;
}

/** A compiled graph, and what it costs to keep. */
export interface CachedSession {
  readonly session: RuntimeSession;
  /** Size of its model. */
  readonly bytes: number;
  /** Threads that it keeps beside the calling one. */
  readonly threads: number;
}

/** Models of all sessions together may have this many bytes: large ones have weights built in. */
const maxModelBytes = 2 ** 30;

/**
 * Compiled graphs by structural key; the least recently used one is evicted and disposed when the cache is full.
 *
 * ONNX Runtime starts threads for every session, and onnxruntime-node has no way to share them: the least recently used
 * sessions with threads are evicted when there are more threads than `maxThreads`.
 */
export class SessionCache {
  readonly #entries: LRUCache<string, CachedSession>;
  readonly #maxThreads: number;
  #threads = 0;
  #hits = 0;
  #misses = 0;
  #evictions = 0;
  #bytes = 0;
  #compileMs = 0;
  #runMs = 0;

  /**
   * @param capacity - Maximum number of sessions.
   * @param maxThreads - Maximum number of threads of all sessions; the last one added may have more.
   */
  constructor(capacity: number, maxThreads = Number.POSITIVE_INFINITY) {
    this.#maxThreads = maxThreads;
    this.#entries = new LRUCache({
      max: capacity,
      dispose: ({ session, bytes, threads }, _, reason) => {
        this.#bytes -= bytes;
        this.#threads -= threads;
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
  add(key: string, added: CachedSession, compileMs: number): void {
    this.#entries.set(key, added);
    this.#bytes += added.bytes;
    this.#threads += added.threads;
    this.#compileMs += compileMs;
    if (added.threads > 0) {
      this.#evict(key, ({ threads }) => threads > 0 && this.#threads > this.#maxThreads);
    }
    if (this.#bytes > maxModelBytes) {
      this.#evict(key, () => this.#bytes > maxModelBytes);
    }
  }

  /** Disposes a session that failed, and with it the memory that it holds. */
  drop(key: string): void {
    this.#entries.delete(key);
  }

  /** Evicts what `isDue` names, the least recently used first. */
  #evict(kept: string, isDue: (entry: CachedSession) => boolean): void {
    for (const key of [...this.#entries.rkeys()]) {
      if (key !== kept && isDue(this.#entries.peek(key)!)) {
        this.#evictions++;
        this.#entries.delete(key);
      }
    }
  }

  /** Adds the time of a run, ms. */
  countRun(ms: number): void {
    this.#runMs += ms;
  }

  /** Disposes every session. */
  clear(): void {
    this.#entries.clear();
  }

  memory(): ReplayMemory {
    const bytes = [...this.#entries.values()].map(({ session }) => session.replayBytes ?? 0);
    return { replayBytes: bytes.reduce((sum, each) => sum + each, 0) };
  }

  info(): SessionCacheInfo {
    const replays = [...this.#entries.values()].map(({ session }) => session.replay);
    return {
      sessions: this.#entries.size,
      capacity: this.#entries.max,
      hits: this.#hits,
      misses: this.#misses,
      evictions: this.#evictions,
      threads: this.#threads,
      modelBytes: this.#bytes,
      replayed: replays.filter((replay) => replay === true).length,
      notReplayed: [...new Set(replays.filter((replay) => typeof replay === "string"))],
      compileMs: this.#compileMs,
      runMs: this.#runMs,
    };
  }
}
