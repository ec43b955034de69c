import { CheckpointError, Random, readSafetensors, writeSafetensors } from "@mmgen/core";
import { fuzz } from "@mmgen/core/fuzz.fixture";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { newModel, options, stopAfter } from "../loop/tiny-run.fixture.js";
import { train } from "../loop/train.js";

const signal = AbortSignal.abort();
let model: ReturnType<typeof newModel>;
let state: Uint8Array;

beforeAll(async () => {
  await tf.setBackend("cpu");
  model = newModel();
  const evaluate = async () => ({ score: Number.NaN, share: 0.5 });
  ({ state } = await train({ ...options(model), evaluate, ...stopAfter(7) }));
});
afterAll(() => model.dispose());

/** Takes up the state, and stops before the next step. */
const resume = (bytes: Uint8Array) => train({ ...options(model), resume: bytes, signal });

interface Draft {
  readonly epochs: { metrics?: Record<string, unknown> }[];
  readonly columns: unknown[];
  step: unknown;
  configuration: unknown;
}

/** The state with a description that `change` made, and no checksum, as older states are. */
function changed(change: (run: Draft) => unknown): Uint8Array {
  const { tensors, metadata } = readSafetensors(state);
  const run = JSON.parse(metadata.run!) as Draft;
  change(run);
  const { checksum: _, ...rest } = metadata;
  return writeSafetensors({ tensors, metadata: { ...rest, run: JSON.stringify(run) } });
}

it("a changed byte of a state is found, wherever it is", async () => {
  const random = Random.fromSeed(1);
  const before = model.numbers();
  for (let i = 0; i < 300; i++) {
    const damaged = state.slice();
    damaged[random.integer(damaged.length)]! ^= 1 << random.integer(8);
    // JSON may be written in several ways: what is read is then the same.
    const error = await resume(damaged).then(
      () => undefined,
      (reason) => reason,
    );
    expect(error === undefined || CheckpointError.isInstance(error)).toBe(true);
    const same = error === undefined && readSafetensors(damaged).metadata.run === readSafetensors(state).metadata.run;
    expect(error !== undefined || same).toBe(true);
  }
  expect(model.numbers()).toEqual(before);
});

it("a damaged weight is told from a foreign one", async () => {
  const damaged = state.slice();
  damaged[damaged.length - 9]! ^= 0x40;
  await expect(resume(damaged)).rejects.toThrow(
    "The training state is damaged: its content is not that of its checksum.",
  );
});

it("a state without a checksum goes on, with metrics that are no numbers as they were", async () => {
  const { history } = await resume(changed(() => undefined));
  expect(history.epochs.map(({ metrics }) => metrics)).toEqual([
    { score: Number.NaN, share: 0.5 },
    { score: Number.NaN, share: 0.5 },
  ]);
});

it.each<[string, (run: Draft) => unknown, RegExp]>([
  ["a metric that is text", (run) => (run.epochs[1]!.metrics!.share = "0.5"), /evaluation 2: expected .* as numbers/],
  ["an evaluation without metrics", (run) => void delete run.epochs[0]!.metrics, /evaluation 1/],
  ["an evaluation that is none", (run) => run.epochs.splice(0, 1, [1] as never), /evaluation 1: .*got \[1\] \(array\)/],
  ["a column that is no name", (run) => run.columns.splice(6, 1, { a: 1 }), /columns of different names, got {"a": 1}/],
  ["a column twice", (run) => run.columns.splice(6, 1, "loss"), /got "loss"/],
  ["a step below 0", (run) => Object.assign(run, { step: -1 }), /missing or damaged/],
  ["a configuration as a list", (run) => Object.assign(run, { configuration: [] }), /missing or damaged/],
])("%s is refused", async (_, change, message) => {
  await expect(resume(changed(change))).rejects.toThrow(message);
});

it("holds against mutated states", async () => {
  const { tensors, metadata } = readSafetensors(state);
  const { checksum: _, ...rest } = metadata;
  const before = model.numbers();
  const { numTensors } = tf.memory();
  await fuzz({
    name: "training state",
    samples: [new TextEncoder().encode(metadata.run)],
    json: true,
    parse: (bytes) =>
      resume(writeSafetensors({ tensors, metadata: { ...rest, run: new TextDecoder().decode(bytes) } })),
    depth: (bytes, error) =>
      error === undefined || /checkpoint|state (was|is at)|seed|evaluation|step history/.test(error.message)
        ? "header"
        : isJson(new TextDecoder().decode(bytes))
          ? "signature"
          : "none",
  });
  expect(tf.memory().numTensors).toBe(numTensors);
  expect(model.numbers()).toEqual(before);
}, 30_000);

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
