import "@tensorflow/tfjs-backend-cpu";
import { AbortedError, ConfigError, localProcesses, type ProcessGroup } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { timelessState } from "../checkpoints/timeless-state.fixture.js";
import { evaluateLoss } from "../loop/evaluate-loss.js";
import { DivergenceError, PeerError } from "../loop/run-errors.js";
import type { TinyRegression } from "../loop/tiny-regression.fixture.js";
import { examples, newModel, options, test, timeless } from "../loop/tiny-run.fixture.js";
import { train } from "../loop/train.js";
import type { TrainOptions } from "../loop/train-options.js";
import type { TrainingResult } from "../loop/training-run.js";

type Options = Partial<ReturnType<typeof options>>;
type Changes = Options | ((rank: number) => Options);

beforeAll(async () => {
  await tf.setBackend("cpu");
});

/** Trains as many models as there are processes, all in this one. */
async function trainTogether(size: number, changes: Changes = {}) {
  const models = Array.from({ length: size }, newModel);
  const runs = localProcesses(size).map((group, rank) => run(models[rank]!, group, changes));
  const ends = await Promise.allSettled(runs);
  const numbers = models.map((model) => model.numbers());
  for (const model of models) {
    model.dispose();
  }
  return { ends, models, numbers, results: ends.map((end) => (end as PromiseFulfilledResult<TrainingResult>).value) };
}

function run(model: TinyRegression, group: ProcessGroup, changes: Changes) {
  const evaluate = () => evaluateLoss({ model, examples: test, batchSize: 8, group });
  const own = typeof changes === "function" ? changes(group.rank) : changes;
  return train({ ...options(model), evaluate, group, ...own });
}

async function trainAlone(changes: Options = {}) {
  const model = newModel();
  const result = await train({ ...options(model), ...changes });
  const numbers = model.numbers();
  model.dispose();
  return { result, numbers };
}

/** Moves buffers once for each part, where a group does so once for all. */
const parameters = (numbers: Record<string, number[]>) =>
  Object.fromEntries(Object.entries(numbers).filter(([name]) => name.includes("weight") || name.includes("bias")));

function greatestDifference(a: Record<string, number[]>, b: Record<string, number[]>): number {
  return Math.max(...Object.entries(a).flatMap(([name, values]) => values.map((x, i) => Math.abs(x - b[name]![i]!))));
}

describe("train in a group", () => {
  it("gives the parameters of one process with as many parts, to the bit", async () => {
    const before = tf.memory().numTensors;
    // Its buffers are in the loss: they move alike only where nothing of them is learned from.
    const frozen = { evaluate: undefined as never };
    const alone = await trainAlone({ ...frozen, steps: 1, epochs: undefined as never, gradientAccumulation: 2 });
    const both = await trainTogether(2, { ...frozen, steps: 1, epochs: undefined as never });
    expect(both.results.map(({ status }) => status)).toEqual(["completed", "completed"]);
    for (const numbers of both.numbers) {
      expect(parameters(numbers)).toEqual(parameters(alone.numbers));
    }
    expect(timeless(both.results[0]!.history).steps).toEqual(timeless(alone.result.history).steps);
    expect(tf.memory().numTensors).toBe(before);
  });

  it("ends with equal models everywhere, whose numbers depend on the parts alone", async () => {
    const four = await trainTogether(4, { gradientAccumulation: 4, epochs: 1 });
    const two = await trainTogether(2, { gradientAccumulation: 4, epochs: 1 });
    for (const numbers of four.numbers) {
      expect(numbers).toEqual(four.numbers[0]);
    }
    // Sums in another order.
    expect(greatestDifference(two.numbers[0]!, four.numbers[0]!)).toBeLessThan(1e-5);
    for (const { history } of four.results) {
      expect(timeless(history).epochs).toEqual(timeless(four.results[0]!.history).epochs);
    }
  });

  it("averages parts by the weights of their targets, and metrics with them", async () => {
    const weighted = (model: TinyRegression): Options => {
      const loss = model.loss.bind(model);
      const of = (batch: Parameters<typeof loss>[0]) =>
        batch.targets.reduce((sum, target) => sum + Math.abs(target), 0);
      model.loss = (batch, given) => ({ ...loss(batch, given), targetWeight: of(batch) });
      return { steps: 1, epochs: undefined as never, evaluate: undefined as never };
    };
    const alone = newModel();
    const one = await train({ ...options(alone), ...weighted(alone), gradientAccumulation: 4 });
    const models = [newModel(), newModel()];
    const results = await Promise.all(
      localProcesses(2).map((group, rank) => {
        const model = models[rank]!;
        return train({ ...options(model), ...weighted(model), group, gradientAccumulation: 4 });
      }),
    );
    const [expected, found] = [one.history.steps[0]!, results[1]!.history.steps[0]!];
    expect({ ...found, seconds: 0 }).toEqual({
      ...expected,
      seconds: 0,
      gradientNorm: expect.closeTo(expected.gradientNorm, 5),
    });
    expect(greatestDifference(parameters(models[0]!.numbers()), parameters(alone.numbers()))).toBeLessThan(1e-6);
    for (const model of [alone, ...models]) {
      model.dispose();
    }
  });

  it("stops everywhere after the same step when one is told to, and goes on with another number of processes", async () => {
    const written: Uint8Array[] = [];
    const checkpoint = { write: (state: Uint8Array) => void written.push(state) };
    const common = { gradientAccumulation: 4, checkpoint, epochs: 1 };
    const whole = await trainTogether(4, common);
    // The signal is that of a process which has no observers of its own.
    const controller = new AbortController();
    const stopped = await trainTogether(4, (rank) => ({
      ...common,
      ...(rank === 0 && { observers: [{ onStep: ({ step }) => void (step === 3 && controller.abort()) }] }),
      ...(rank === 2 && { signal: controller.signal }),
    }));
    expect(stopped.results.map(({ status, step }) => [status, step])).toEqual(Array(4).fill(["aborted", 4]));
    // Process 1 has no state: that of process 0 counts.
    const resumed = await trainTogether(2, (rank) => ({ ...common, ...(rank === 0 && { resume: written.at(-1)! }) }));
    expect(greatestDifference(resumed.numbers[0]!, whole.numbers[0]!)).toBeLessThan(1e-5);
    expect(resumed.numbers[1]).toEqual(resumed.numbers[0]);
    const again = await trainTogether(4, (rank) => ({
      ...common,
      ...(rank === 0 && { resume: stopped.results[0]!.state }),
    }));
    expect(timelessState(again.results[3]!.state)).toEqual(timelessState(whole.results[0]!.state));
  });

  it("lets the first process alone write and observe", async () => {
    const calls: number[] = [];
    await trainTogether(2, (rank) => ({
      epochs: 2,
      observers: [{ onStep: () => void calls.push(rank), onEnd: () => void calls.push(rank) }],
      checkpoint: { everySteps: 5, write: () => void calls.push(rank) },
    }));
    expect(calls.length).toBeGreaterThan(12);
    expect(new Set(calls)).toEqual(new Set([0]));
  });

  it.each([
    ["a batch", (): Options => ({ examples: { ...examples, batch: failing } })],
    ["an evaluation", (): Options => ({ evaluate: failing })],
    ["an observer of the first", (): Options => ({ observers: [{ name: "log", onStep: failing }] })],
    ["the first's last checkpoint", (): Options => ({ checkpoint: { write: failing }, epochs: 1 })],
  ] as const)("ends everywhere when %s fails in one, with the state kept", async (what, change) => {
    const rank = what.includes("first") ? 0 : 1;
    const written: Uint8Array[] = [];
    const checkpoint = { everySteps: 1, write: (state: Uint8Array) => void written.push(state) };
    const { ends } = await trainTogether(3, (own) => ({
      // One that computes together has to fail together.
      ...{ checkpoint, batchSize: 9, epochs: 1, evaluate: async () => ({}), ...(own === rank && change()) },
    }));
    const errors = ends.map((end) => (end as PromiseRejectedResult).reason);
    expect(errors.map((error) => PeerError.isInstance(error))).toEqual([0, 1, 2].map((own) => own !== rank));
    const peer = errors[rank === 0 ? 1 : 0] as PeerError;
    expect(peer.rank).toBe(rank);
    expect(peer.message).toMatch(new RegExp(`^Process ${rank} of 3 failed: .*the disk is gone`));
    if (what === "a batch" || what === "an observer of the first") {
      const { step, state } = peer;
      expect(peer.message).toContain(`The state after step ${step} is written: resume from it.`);
      expect(timelessState(written.at(-1)!)).toEqual(timelessState(state!));
    }
  });

  it("diverges everywhere at once, and writes no state", async () => {
    const { ends } = await trainTogether(2, {
      schedule: Object.assign(() => 1e30, {}),
      checkpoint: { write: () => {} },
    });
    const errors = ends.map((end) => (end as PromiseRejectedResult).reason);
    expect(errors.every((error) => DivergenceError.isInstance(error))).toBe(true);
    expect(errors[0].message).toBe(errors[1].message);
  });

  it("refuses what does not fit", async () => {
    const refused = async (size: number, changes: Changes, message: RegExp) => {
      for (const end of (await trainTogether(size, changes)).ends) {
        const { reason } = end as PromiseRejectedResult;
        expect(ConfigError.isInstance(reason)).toBe(true);
        expect(reason.message).toMatch(message);
      }
    };
    await refused(3, {}, /a batch of 8 cannot be divided among 3 processes/);
    await refused(2, { gradientAccumulation: 3, batchSize: 6 }, /3 parts of a step .* among 2 processes/);
    await refused(2, (rank) => ({ batchSize: 8 + 2 * rank }), /process 1 of 2 trains with other options/);
    await refused(2, { group: { rank: 2, size: 2 } as never }, /group: expected a ProcessGroup/);
    const model = newModel();
    (model as { partSums?: unknown }).partSums = undefined;
    const group = localProcesses(2)[0]!;
    await expect(train({ ...options(model), group } as TrainOptions<never, never>)).rejects.toThrow(/needs partSums/);
    model.dispose();
  });
});

describe("evaluateLoss in a group", () => {
  it("gives all the metrics of one process, to the bit", async () => {
    const model = newModel();
    const whole = { model, examples: test, batchSize: 4 };
    const alone = await evaluateLoss(whole);
    for (const size of [2, 3, 8]) {
      const found = await Promise.all(localProcesses(size).map((group) => evaluateLoss({ ...whole, group })));
      expect(found).toEqual(Array(size).fill(alone));
    }
    const signal = AbortSignal.abort();
    const stopped = await Promise.allSettled(
      localProcesses(2).map((group) => evaluateLoss({ ...whole, group, ...(group.rank === 1 && { signal }) })),
    );
    expect(stopped.map((end) => AbortedError.isInstance((end as PromiseRejectedResult).reason))).toEqual([true, true]);
    const failed = await Promise.allSettled(
      localProcesses(2).map((group) =>
        evaluateLoss({ ...whole, group, ...(group.rank === 1 && { examples: { ...test, batch: failing } }) }),
      ),
    );
    expect(failed.map((end) => (end as PromiseRejectedResult).reason.message)).toEqual([
      "Process 1 of 2 failed: Error: the disk is gone",
      "the disk is gone",
    ]);
    model.dispose();
  });
});

function failing(): never {
  throw new Error("the disk is gone");
}
