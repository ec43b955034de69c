import { DataError } from "@mmgen/core";
import { afterEach, describe, expect, it } from "vitest";
import type { EngineInfo } from "../engine/start-engine.js";
import type { Appearing, DrawParams } from "./messages.js";
import { type Handlers, nextTask, serveRequests } from "./serve-requests.js";
import { isStopped, WorkerClient } from "./worker-client.js";

const opened: MessagePort[] = [];
afterEach(() => {
  for (const port of opened.splice(0)) {
    port.close();
  }
});

/** A client of handlers, through a channel that copies as a worker's does. */
function connect(handlers: Partial<Handlers>): WorkerClient {
  const { port1, port2 } = new MessageChannel();
  opened.push(port1, port2);
  serveRequests(port2, handlers as Handlers);
  const client = new WorkerClient(port1);
  port1.start();
  port2.start();
  return client;
}

const engine: EngineInfo = { name: "cpu", title: "plain", gigaflops: 1, notes: [] };
const params: DrawParams = { caption: "a", count: 1, seed: 1, temperature: 1, topP: 1 };
const start = { choice: "auto", purpose: "generate" } as const;

describe("requests to a worker", () => {
  it("get what their handler gives, after what it tells", async () => {
    const told: number[] = [];
    const client = connect({
      async suggest({ caption }, { tell }) {
        await (tell as (event: unknown) => Promise<void>)(1);
        await (tell as (event: unknown) => Promise<void>)(2);
        return [caption, "done"];
      },
    });
    const onEvent = (event: unknown) => told.push(event as number);
    expect(await client.request("suggest", { caption: "red" }, { onEvent })).toEqual(["red", "done"]);
    expect(told).toEqual([1, 2]);
  });

  it("fail once the worker is ended", async () => {
    let ended = 0;
    const client = new WorkerClient({ postMessage() {}, addEventListener() {}, terminate: () => ended++ });
    const waiting = client.request("suggest", { caption: "red" });
    client.close();
    await expect(waiting).rejects.toThrow("The worker stopped: it was ended.");
    expect(ended).toBe(1);
  });

  it("are answered one after the other", async () => {
    const steps: string[] = [];
    const client = connect({
      async start() {
        steps.push("starts");
        await nextTask();
        await nextTask();
        steps.push("started");
        return engine;
      },
      async suggest() {
        steps.push("suggests");
        return [];
      },
    });
    await Promise.all([client.request("start", start), client.request("suggest", { caption: "" })]);
    expect(steps).toEqual(["starts", "started", "suggests"]);
  });

  it("fail with the sentence of what was thrown, and leave the others alone", async () => {
    const client = connect({
      start: async () => {
        throw new DataError("There is no such file.");
      },
      suggest: async () => ["red"],
    });
    const failed = client.request("start", start);
    await expect(failed).rejects.toThrow("There is no such file.");
    await expect(failed).rejects.toMatchObject({ name: "DataError" });
    expect(await client.request("suggest", { caption: "" })).toEqual(["red"]);
  });

  it("stop when they are told to, under way or before their turn", async () => {
    let rounds = 0;
    const client = connect({
      async draw(_, { signal, tell }) {
        for (; rounds < 1000; rounds++) {
          await tell({ round: rounds } as Appearing);
          signal.throwIfAborted();
        }
        throw new Error("It was not stopped.");
      },
    });
    const controller = new AbortController();
    const onEvent = ({ round }: Appearing) => round === 5 && controller.abort();
    const running = client.request("draw", params, { signal: controller.signal, onEvent });
    const waiting = client.request("draw", params, { signal: controller.signal });
    for (const request of [running, waiting]) {
      await expect(request).rejects.toSatisfy(isStopped);
    }
    expect(rounds).toBeLessThan(100);
    await expect(client.request("draw", params, { signal: AbortSignal.abort() })).rejects.toSatisfy(isStopped);
  });

  it("fail when the worker's script does", async () => {
    const listeners = new Map<string, (event: unknown) => void>();
    const client = new WorkerClient({
      postMessage: () => {},
      addEventListener: (type, listener) => listeners.set(type, listener),
    });
    const request = client.request("start", start);
    listeners.get("error")!({ message: "no WebAssembly" });
    await expect(request).rejects.toThrow("The worker stopped: no WebAssembly. Reload the page.");
  });
});
