import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DataError, Random } from "@mmgen/core";
import "@tensorflow/tfjs-backend-cpu";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ObserverError } from "../loop/run-errors.js";
import { points, TinyRegression } from "../loop/tiny-regression.fixture.js";
import { train } from "../loop/train.js";
import { type TensorBoardLogOptions, tensorBoardLog } from "../node.js";
import { constantSchedule } from "../optimizers/schedules.js";
import { crc32c, maskedCrc32c } from "./crc32c.js";
import { encodeRecord } from "./event-file.js";
import type { TrainingObserver } from "./training-observer.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tensor-board-"));
});
afterEach(() => rm(folder, { recursive: true }));

const evaluate = async ({ step }: { step: number }) => ({ loss: 1 / (1 + step), recall: 0.5 });

/** Trains two epochs of three steps. */
async function run(observers: TrainingObserver[], rest: Partial<Parameters<typeof train>[0]> = { evaluate }) {
  const model = new TinyRegression(Random.fromSeed(2));
  const random = Random.fromSeed(1);
  try {
    return await train({
      ...{ model, examples: points(random.fork("points"), 12), batchSize: 4, epochs: 2, random, observers },
      ...{ schedule: constantSchedule(0.01), ...rest },
    });
  } finally {
    model.dispose();
  }
}

// A reader of its own, by the published formats: TFRecord, and protobuf's wire format.

/** The contents of the records of a TFRecord file, CRCs checked. */
function readRecords(file: Buffer): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    expect(file.readUInt32LE(at + 8)).toBe(maskedCrc32c(file.subarray(at, at + 8)));
    const content = file.subarray(at + 12, at + 12 + length);
    expect(file.readUInt32LE(at + 12 + length)).toBe(maskedCrc32c(content));
    records.push(content);
    at += 16 + length;
  }
  return records;
}

/** Fields of a message by number: the bytes of each, or the number that it holds. */
function readMessage(bytes: Buffer): Map<number, (Buffer | number)[]> {
  const found = new Map<number, (Buffer | number)[]>();
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * shift;
      if (byte < 128) {
        return value;
      }
    }
  };
  const take = (size: number) => {
    at += size;
    return bytes.subarray(at - size, at);
  };
  const readers: Record<number, () => Buffer | number> = {
    0: varint,
    1: () => take(8).readDoubleLE(0),
    2: () => take(varint()),
    5: () => take(4).readFloatLE(0),
  };
  while (at < bytes.length) {
    const key = varint();
    const value = readers[key & 7]!();
    found.set(key >> 3, [...(found.get(key >> 3) ?? []), value]);
  }
  return found;
}

/** The events of a folder's files, in the order in which TensorBoard reads them. */
async function readEvents(part: string) {
  const names = (await readdir(join(folder, part))).sort();
  const files = await Promise.all(names.map((name) => readFile(join(folder, part, name))));
  return files.flatMap(readRecords).map((record) => {
    const event = readMessage(record);
    const values = event.get(5)?.flatMap((summary) => readMessage(summary as Buffer).get(1) ?? []) ?? [];
    const tagged = values.map((bytes) => {
      const value = readMessage(bytes as Buffer);
      return [String(value.get(1)![0]), (value.get(2) ?? value.get(4))![0]!] as const;
    });
    return {
      seconds: event.get(1)![0] as number,
      step: (event.get(2)?.[0] ?? 0) as number,
      version: event.get(3)?.[0]?.toString(),
      session: event.get(7) && readMessage(event.get(7)![0] as Buffer).get(1)![0],
      values: Object.fromEntries(tagged),
    };
  });
}

describe("records", () => {
  it("carry the published checksum", () => {
    expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa); // RFC 3720, B.4
    // The empty record, as TensorFlow's own writer makes it.
    expect(Buffer.from(encodeRecord(new Uint8Array(0))).toString("hex")).toBe("000000000000000029039807d8ea82a2");
  });
});

describe("tensorBoardLog", () => {
  it("writes all metrics of steps and evaluations, in two folders", async () => {
    const before = Date.now() / 1000;
    const { history } = await run([tensorBoardLog(folder)]);
    expect((await readdir(folder)).sort()).toEqual(["evaluation", "train"]);

    const [version, start, ...trained] = await readEvents("train");
    expect(version).toMatchObject({ version: "brain.Event:2", values: {} });
    expect(start).toMatchObject({ session: 1, step: 1, values: {} });
    const steps = trained.filter(({ values }) => "loss" in values);
    expect(steps.map(({ step, values }) => ({ step, ...values }))).toEqual(
      history.steps.map(({ epoch: _, metrics, ...own }) => ({ ...own, ...metrics })),
    );
    const epochs = trained.filter(({ values }) => !("loss" in values));
    expect(epochs.map(({ step, values }) => [step, values])).toEqual(
      history.epochs.slice(1).map(({ step, trainLoss }) => [step, { trainLoss: Math.fround(trainLoss!) }]),
    );
    for (const { seconds } of trained) {
      expect(seconds).toBeGreaterThanOrEqual(before);
      expect(seconds).toBeLessThanOrEqual(Date.now() / 1000);
    }

    const evaluated = (await readEvents("evaluation")).slice(2);
    expect(evaluated.map(({ step, values }) => [step, values])).toEqual(
      [0, 3, 6].map((step) => [step, { loss: Math.fround(1 / (1 + step)), recall: 0.5 }]),
    );
  });

  it("says from which step on a resumed run repeats earlier files", async () => {
    const controller = new AbortController();
    const stop = { onStep: ({ step }: { step: number }) => void (step === 4 && controller.abort()) };
    const { state } = await run([tensorBoardLog(folder), stop], { evaluate, signal: controller.signal });
    await run([tensorBoardLog(folder)], { evaluate, resume: state });
    expect(await readdir(join(folder, "train"))).toHaveLength(2);
    const starts = (part: string) =>
      readEvents(part).then((events) => events.filter(({ session }) => session === 1).map(({ step }) => step));
    expect(await starts("train")).toEqual([1, 5]);
    // Evaluations: before training and after steps 3 and 4; after step 6.
    expect((await starts("evaluation"))[0]).toBe(0);
    expect((await starts("evaluation"))[1]).toBe(5);
  });

  it("writes nothing into the folder of evaluations where there are none", async () => {
    await run([tensorBoardLog(folder)], {});
    expect(await readdir(folder)).toEqual(["train"]);
  });

  it("writes images with their size", async () => {
    // The smallest PNG file of a gray pixel, and of a colored one: signature, header, the rest as it may be.
    const png = (width: number, height: number, colorType: number) => {
      const bytes = Buffer.alloc(60);
      Buffer.from("89504e470d0a1a0a0000000d49484452", "hex").copy(bytes);
      bytes.writeUInt32BE(width, 16);
      bytes.writeUInt32BE(height, 20);
      bytes.set([8, colorType], 24);
      return bytes;
    };
    const images = ({ step }: { step: number }) => ({
      "samples/gray": png(300, 2, 0),
      [`color ${step}`]: png(1, 1, 2),
    });
    await run([tensorBoardLog(folder, { images })]);
    const [before] = (await readEvents("evaluation")).slice(2);
    const image = (tag: string) => readMessage(before!.values[tag] as Buffer);
    expect(Object.keys(before!.values)).toEqual(["loss", "recall", "samples/gray", "color 0"]);
    expect([2, 1, 3].map((field) => image("samples/gray").get(field)![0])).toEqual([300, 2, 1]);
    expect([2, 1, 3].map((field) => image("color 0").get(field)![0])).toEqual([1, 1, 3]);
    expect(image("color 0").get(4)![0]).toEqual(png(1, 1, 2));
  });

  it("ends the run, its state kept, where it cannot go on", async () => {
    const failure = async (observers: TrainingObserver[]) => {
      const error: unknown = await run(observers).catch((reason) => reason);
      expect(ObserverError.isInstance(error)).toBe(true);
      return error as ObserverError;
    };
    const notPng: TensorBoardLogOptions = { images: () => ({ samples: new Uint8Array(100) }) };
    const refused = await failure([tensorBoardLog(folder, notPng)]);
    expect(refused.message).toMatch(/\(tensorBoardLog of .*\) failed in onEpoch: Image "samples" .* PNG file/);
    expect(DataError.isInstance(refused.cause)).toBe(true);

    const remover = { onEpoch: () => rm(join(folder, "train"), { recursive: true, force: true }) };
    const removed = await failure([tensorBoardLog(folder), remover]);
    expect(removed.message).toMatch(/train.* has been removed while it was being written/);
    expect(removed.state).toBeDefined();
  });

  it("refuses unknown options", () => {
    expect(() => tensorBoardLog(folder, { image: () => ({}) } as never)).toThrow(/did you mean "images"\?/);
  });
});
