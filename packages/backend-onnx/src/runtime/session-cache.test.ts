import { describe, expect, it } from "vitest";
import { SessionCache } from "./session-cache.js";

describe("the cache of sessions", () => {
  it("keeps the threads of all sessions below a limit, and those without threads", () => {
    const disposed: string[] = [];
    const cache = new SessionCache(64, 20);
    const add = (key: string, threads: number) =>
      cache.add(key, { session: { run: () => [], dispose: () => disposed.push(key) }, bytes: 1, threads }, 0);
    add("small", 0);
    add("a", 7);
    add("b", 7);
    cache.find("a");
    add("c", 7);
    expect(disposed).toEqual(["b"]);
    expect(cache.info()).toMatchObject({ sessions: 3, threads: 14, evictions: 1, modelBytes: 3 });
    add("large", 30);
    expect(disposed).toEqual(["b", "a", "c"]);
    expect(cache.info()).toMatchObject({ sessions: 2, threads: 30 });
    cache.drop("large");
    expect(cache.info()).toMatchObject({ sessions: 1, threads: 0, evictions: 3 });
  });
});
