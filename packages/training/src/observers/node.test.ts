import { mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { DataError, Random } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ObserverError } from "../loop/run-errors.js";
import { points, TinyRegression } from "../loop/tiny-regression.fixture.js";
import { train } from "../loop/train.js";
import { checkpointFile, loadTrainingState, metricsFile, terminalProgress } from "../node.js";
import { constantSchedule } from "../optimizers/schedules.js";
import { formatDuration } from "./progress-clock.js";
import type { TrainingObserver } from "./training-observer.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "training-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** Two epochs of three steps. */
function options(model: TinyRegression, observers: TrainingObserver[] = []) {
  const random = Random.fromSeed(1);
  const examples = points(random.fork("points"), 12);
  const schedule = constantSchedule(0.01);
  const evaluate = async () => ({ loss: 1.23456, accuracy: 0.5 });
  return { model, examples, batchSize: 4, epochs: 2, schedule, random, observers, evaluate };
}

/** A stream that remembers, and a clock that goes on four seconds at each look. */
function screen(isTTY: boolean) {
  let text = "";
  const stream = Object.assign(
    new Writable({
      write: (chunk, _encoding, done) => {
        text += chunk;
        done();
      },
    }),
    { isTTY, columns: 120 },
  );
  let time = 0;
  return { stream, now: () => (time += 4000), text: () => text };
}

describe("checkpointFile", () => {
  it("keeps a whole state that a run goes on from", async () => {
    const path = join(folder, "deep", "state.safetensors");
    const whole = new TinyRegression(Random.fromSeed(2));
    const seen: string[][] = [];
    const controller = new AbortController();
    const observer: TrainingObserver = {
      onStep: async ({ step }) => {
        seen.push(step > 1 ? await readdir(join(folder, "deep")) : []);
        if (step === 5) {
          controller.abort();
        }
      },
    };
    await train({
      ...options(whole, [observer]),
      checkpoint: checkpointFile(path, { everySteps: 1 }),
      signal: controller.signal,
    });
    // Nothing but the state: no half-written file beside it.
    expect(seen.slice(1)).toEqual(Array(4).fill(["state.safetensors"]));
    const resumed = new TinyRegression(Random.fromSeed(3));
    await train({ ...options(resumed), resume: await loadTrainingState(path) });
    const uninterrupted = new TinyRegression(Random.fromSeed(2));
    await train(options(uninterrupted));
    expect(resumed.numbers()).toEqual(uninterrupted.numbers());
    const bounded = loadTrainingState(path, { limits: { fileBytes: 8 } });
    await expect(bounded).rejects.toThrow(/expected at most 8 bytes/);
    for (const model of [whole, resumed, uninterrupted]) {
      model.dispose();
    }
  });

  it("names a file that is not there", async () => {
    await expect(loadTrainingState(join(folder, "none"))).rejects.toThrow(DataError);
  });
});

describe("metricsFile", () => {
  it("appends one JSON object a line", async () => {
    const path = join(folder, "metrics.jsonl");
    for (const run of ["first", "second"]) {
      const model = new TinyRegression(Random.fromSeed(2));
      await train(options(model, [metricsFile(path, { run })]));
      model.dispose();
    }
    const lines = (await readFile(path, "utf8"))
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const events = ["start", "epoch", "step", "step", "step", "epoch", "step", "step", "step", "epoch", "end"];
    expect(lines.map(({ event }) => event)).toEqual([...events, ...events]);
    expect(lines[2]).toMatchObject({ event: "step", run: "first", step: 1, learningRate: Math.fround(0.01) });
    expect(lines[21]).toMatchObject({ event: "end", run: "second", status: "completed", step: 6 });
    expect(lines[5].metrics).toEqual({ loss: 1.23456, accuracy: 0.5 });
  });
});

describe("a log that cannot be written", () => {
  const failure = async (path: string, observers: TrainingObserver[] = []) => {
    const model = new TinyRegression(Random.fromSeed(2));
    const error: unknown = await train(options(model, [metricsFile(path), ...observers])).catch((reason) => reason);
    model.dispose();
    expect(ObserverError.isInstance(error)).toBe(true);
    return error as ObserverError;
  };

  it("ends the run with its state where the disk is full", async () => {
    expect((await failure("/dev/full")).message).toMatch(/metricsFile of \/dev\/full\) failed in onStart: ENOSPC/);
    const link = join(folder, "metrics.jsonl");
    let lines = 0;
    const opened = await open(link, "a");
    const handle = Object.getPrototypeOf(opened) as typeof opened;
    await opened.close();
    // Full from the third line on, as a disk is that another program fills.
    const spy = vi.spyOn(handle, "appendFile").mockImplementation(async () => {
      if (++lines > 2) {
        throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
      }
    });
    const { message, state, step } = await failure(link);
    spy.mockRestore();
    expect(message).toMatch(/failed in onStep: ENOSPC.* The state after step 1 is in this error's `state`/);
    expect(step).toBe(1);
    const resumed = new TinyRegression(Random.fromSeed(2));
    expect((await train({ ...options(resumed), resume: state! })).step).toBe(6);
    resumed.dispose();
  });

  it("ends the run where the file has been removed", async () => {
    const path = join(folder, "deep", "metrics.jsonl");
    const remover = { onStep: () => rm(join(folder, "deep"), { recursive: true, force: true }) };
    const { message, state } = await failure(path, [remover]);
    expect(message).toMatch(/failed in onEpoch: .*metrics\.jsonl has been removed/);
    expect(state).toBeDefined();
  });

  it("begins with a line of its own after one that was cut short", async () => {
    const path = join(folder, "metrics.jsonl");
    await writeFile(path, '{"event":"start"}\n{"event":"st');
    const model = new TinyRegression(Random.fromSeed(2));
    await train(options(model, [metricsFile(path)]));
    model.dispose();
    const lines = (await readFile(path, "utf8")).trimEnd().split("\n");
    expect(lines[1]).toBe('{"event":"st');
    expect(lines.slice(2).map((line) => JSON.parse(line).event)).toContain("end");
  });
});

describe("terminalProgress", () => {
  it.each([[true], [false]])("goes on where the terminal is closed or full (terminal: %s)", async (isTTY) => {
    const closed = Object.assign(new Error("write EPIPE"), { code: "EPIPE" });
    const failing = new Writable({ write: (_chunk, _encoding, done) => done(closed) });
    const throwing = Object.assign(new Writable(), {
      write: () => {
        throw closed;
      },
    });
    for (const stream of [failing, throwing]) {
      const terminal = Object.assign(stream, { isTTY, columns: 120, cursorTo: () => true, clearLine: () => true });
      const model = new TinyRegression(Random.fromSeed(2));
      const observer = terminalProgress({ stream: terminal, interval: 0 });
      expect((await train(options(model, [observer]))).status).toBe("completed");
      model.dispose();
    }
  });

  it("writes plain lines where there is no terminal", async () => {
    const { stream, now, text } = screen(false);
    const model = new TinyRegression(Random.fromSeed(2));
    await train(options(model, [terminalProgress({ label: "toy", stream, now, interval: 8 })]));
    model.dispose();
    const lines = text().trimEnd().split("\n");
    expect(lines[0]).toBe("toy: before training: loss 1.235, accuracy 0.5");
    expect(lines[1]).toMatch(/^toy: step \d\/6, loss [\d.]+, [\d.]+ examples\/s, \d+m?s left$/);
    expect(lines.filter((line) => line.startsWith("toy: epoch"))).toHaveLength(2);
    expect(lines.find((line) => line.startsWith("toy: epoch 1"))).toMatch(
      /^toy: epoch 1: train loss [\d.]+, loss 1.235, accuracy 0.5$/,
    );
    expect(lines.at(-1)).toMatch(/^toy: completed after 6 of 6 steps, [\d a-z]+$/);
    expect(text()).not.toContain("\u001b");
  });

  it("draws a bar on a terminal and puts the cursor back", async () => {
    const { stream, now, text } = screen(true);
    const terminal = Object.assign(stream, { cursorTo: () => true, clearLine: () => true, moveCursor: () => true });
    const model = new TinyRegression(Random.fromSeed(2));
    await train(options(model, [terminalProgress({ label: "toy", stream: terminal, now })]));
    model.dispose();
    expect(text()).toMatch(/toy [^\n]*6\/6 \| loss [\d.]+ \| [\d.]+ examples\/s \| 0ms left/);
    expect(text()).toContain("toy: epoch 2: train loss");
    expect(text()).toContain("toy: completed after 6 of 6 steps");
    expect(text().lastIndexOf("\u001b[?25h")).toBeGreaterThan(text().lastIndexOf("\u001b[?25l"));
  });

  it("refuses unknown options, as the other two do", () => {
    expect(() => terminalProgress({ lable: "toy" } as never)).toThrow(/did you mean "label"\?/);
    expect(() => metricsFile("metrics.jsonl", { runs: "one" } as never)).toThrow(/did you mean "run"\?/);
    expect(() => checkpointFile("state", { everyStep: 1 } as never)).toThrow(/did you mean "everySteps"\?/);
  });

  it("writes durations for people", () => {
    expect([400, 59_400, 125_000, 4_805_000, Number.NaN].map(formatDuration)).toEqual([
      "400ms",
      "59s",
      "2m 5s",
      "1h 20m",
      "?",
    ]);
  });
});
