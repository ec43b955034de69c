import { DataError } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ObserverError, OutOfMemoryError } from "./run-errors.js";
import type { TinyRegression } from "./tiny-regression.fixture.js";
import { examples, newModel, options, stopAfter } from "./tiny-run.fixture.js";
import { train } from "./train.js";

/** Averaged weights and a metric to stop by, so that a state has every part. */
const whole = (model: TinyRegression) => ({ ...options(model), weightAverage: { decay: 0.9 } });

let uninterrupted: ReturnType<TinyRegression["numbers"]>;
beforeAll(async () => {
  const model = newModel();
  await train(whole(model));
  uninterrupted = model.numbers();
  model.dispose();
});
afterAll(() => expect(tf.memory().numTensors).toBe(0));

/** The numbers of a model that goes on from a state. */
async function resumed(state: Uint8Array | undefined) {
  const model = newModel();
  await train({ ...whole(model), resume: state! });
  const numbers = model.numbers();
  model.dispose();
  return numbers;
}

/** What a run throws, and the last state that it wrote. */
async function failure(model: TinyRegression, change: object) {
  const written: Uint8Array[] = [];
  const checkpoint = { write: (state: Uint8Array) => void written.push(state) };
  const error: unknown = await train({ ...whole(model), checkpoint, ...change }).catch((reason) => reason);
  return { error: error as ObserverError & OutOfMemoryError, state: written.at(-1)! };
}

class Uploader {
  onStep({ step }: { step: number }) {
    return step === 9 ? Promise.reject(new TypeError("fetch failed")) : Promise.resolve();
  }
}

describe("a run whose observer fails", () => {
  it("ends with its state kept, from which it goes on exactly; other observers hear of every step", async () => {
    const heard: unknown[] = [];
    const log = {
      onStep: ({ step }: { step: number }) => void heard.push(step),
      onEnd: (status: string) => void heard.push(status),
    };
    const model = newModel();
    const { error, state } = await failure(model, { observers: [new Uploader(), log] });
    model.dispose();
    expect(ObserverError.isInstance(error)).toBe(true);
    expect(error.message).toBe(
      "Observer 1 of 2 (Uploader) failed in onStep: fetch failed. The state after step 9 is written: resume from it.",
    );
    expect(error.cause).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ step: 9, state });
    expect(heard).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, "failed"]);
    expect(await resumed(state)).toEqual(uninterrupted);
  });

  it("keeps the state of an evaluation, with the weights that were trained", async () => {
    const model = newModel();
    const onEpoch = ({ epoch }: { epoch: number }) => (epoch === 2 ? Promise.reject("full") : undefined);
    const { error, state } = await failure(model, { observers: [{ name: "diary", onEpoch }] });
    model.dispose();
    expect(error.message).toContain(
      "Observer 1 of 1 (diary) failed in onEpoch: full. The state after step 12 is written",
    );
    expect(await resumed(state)).toEqual(uninterrupted);
  });

  it("has its state in the error where nothing writes it, and says where it could not be written", async () => {
    const model = newModel();
    const observers = [new Uploader()];
    const unwritten = await failure(model, { observers, checkpoint: undefined });
    model.dispose();
    expect(unwritten.error.message).toContain("The state after step 9 is in this error's `state`");
    expect(await resumed(unwritten.error.state)).toEqual(uninterrupted);
    const second = newModel();
    const write = () => Promise.reject(new DataError("Cannot write state: ENOSPC"));
    const full = await failure(second, {
      observers,
      epochs: 2,
      steps: undefined,
      checkpoint: { write, everySteps: 100 },
    });
    second.dispose();
    expect(full.error.message).toContain("Cannot write state: ENOSPC");
  });

  it("has nothing to keep before it starts, and all at its end", async () => {
    const model = newModel();
    const early = await failure(model, { observers: [{ onStart: () => Promise.reject(new Error("no room")) }] });
    expect(early.state).toBeUndefined();
    expect(early.error.message).toBe("Observer 1 of 1 failed in onStart: no room.");
    const late = await failure(model, {
      observers: [{ onEnd: () => Promise.reject(new Error("no room")) }],
      epochs: 1,
    });
    expect(late.error.message).toContain("failed in onEnd");
    expect(late.error.state).toEqual(late.state);
    model.dispose();
  });
});

describe("a step that fails", () => {
  /** A model whose 10th step fails when every variable has been changed already. */
  const failingLate = (error: Error) => {
    const model = newModel();
    const { afterStep } = model;
    let steps = 0;
    const counter = {
      onStep({ step }: { step: number }) {
        steps = step;
      },
    };
    const afterFailing = (...[aux, random]: Parameters<TinyRegression["afterStep"]>) => {
      afterStep.call(model, aux, random);
      // No evaluation comes there, whose passes call this too.
      if (steps === 9) {
        throw error;
      }
    };
    return { model: Object.assign(model, { afterStep: afterFailing }), observers: [counter] };
  };

  it("changes nothing: weights, moments, averages and buffers are those of the step before", async () => {
    const expected = newModel();
    await train({ ...whole(expected), weightAverage: { decay: 0.9 }, ...stopAfter(9) });
    // The model has the average when `train` returns, and what was trained when it throws.
    const { model, observers } = failingLate(new TypeError("x is not a function"));
    const { error, state } = await failure(model, { observers });
    expect(error).toBeInstanceOf(TypeError);
    expect(model.numbers()["hidden.mean"]).toEqual(expected.numbers()["hidden.mean"]);
    expect(model.numbers().batches).toEqual([9]);
    expected.dispose();
    model.dispose();
    expect(await resumed(state)).toEqual(uninterrupted);
  });

  it("for want of memory is a typed error with the state", async () => {
    const { model, observers } = failingLate(new RangeError("Array buffer allocation failed"));
    const { error, state } = await failure(model, { observers });
    model.dispose();
    expect(OutOfMemoryError.isInstance(error)).toBe(true);
    expect(error.message).toMatch(
      /^Memory ran out after step 9: Array buffer allocation failed\. Use a smaller batchSize/,
    );
    expect(error).toMatchObject({ step: 9, state });
    expect(await resumed(state)).toEqual(uninterrupted);
  });

  it("for want of an example keeps the state too", async () => {
    const model = newModel();
    const batch = async (indices: Int32Array, context: Parameters<typeof examples.batch>[1]) => {
      if (context.training && context.epoch === 1) {
        throw new DataError("3.png: truncated");
      }
      return examples.batch(indices, context);
    };
    const { error, state } = await failure(model, { examples: { count: examples.count, batch } });
    model.dispose();
    expect(error.message).toBe("3.png: truncated");
    expect(await resumed(state)).toEqual(uninterrupted);
  });
});

it("writes states by time too", async () => {
  const writes = async (everySeconds: number | undefined) => {
    const model = newModel();
    let count = 0;
    await train({ ...options(model), epochs: 1, checkpoint: { write: () => void count++, everySeconds } });
    model.dispose();
    return count;
  };
  expect([await writes(0), await writes(undefined)]).toEqual([6, 1]);
});
