import { join } from "node:path";
import { DataError } from "@mmgen/core";
import { fields, functionValue, optional, resolveOptions } from "@mmgen/core/options";
import { EventFile, type EventValue } from "./event-file.js";
import type { EpochRecord, Metrics, RunDescription, TrainingObserver } from "./training-observer.js";

/** PNG files by the tag that TensorBoard shows them under. */
export type TaggedImages = Readonly<Record<string, Uint8Array>>;

/** Options of {@link tensorBoardLog}. */
export interface TensorBoardLogOptions {
  /** Images to log after each evaluation, the one before training included. Default: none. */
  readonly images?: (record: EpochRecord, run: RunDescription) => TaggedImages | Promise<TaggedImages>;
}

const tensorBoardLogSchema = fields({
  images: optional(functionValue<NonNullable<TensorBoardLogOptions["images"]>>()),
});

/**
 * Writes the metrics of a run as event files, which TensorBoard shows as curves: `tensorboard --logdir folder`.
 *
 * Two folders, which TensorBoard takes for two runs, so that metrics of one name share a chart: in `train` the numbers of
 * every step (`loss`, `gradientNorm`, `learningRate`, `seconds`, `targetWeight`, the model's own metrics) and of every
 * epoch (`trainLoss`); in `evaluation` what `evaluate` returned, and `images`. A step is in its file before the next one.
 *
 * A resumed run begins new files in the folder, and TensorBoard drops what earlier ones say of the steps that it repeats:
 * a new run in the same folder replaces the curves of the run before. A file that cannot be written any more, or has been
 * removed, ends the run with its state kept.
 *
 * @throws a `ConfigError` when an option is unknown.
 */
export function tensorBoardLog(folder: string, options: TensorBoardLogOptions = {}): TrainingObserver {
  const { images } = resolveOptions(tensorBoardLogSchema, options);
  let firstStep = 1;
  const files = new Map<string, EventFile>();
  const append = async (part: "train" | "evaluation", step: number, values: EventValue[]) => {
    if (values.length > 0) {
      let file = files.get(part);
      if (file === undefined) {
        file = await EventFile.open(join(folder, part), Math.min(firstStep, step));
        files.set(part, file);
      }
      await file.append(step, values);
    }
  };
  return {
    name: `tensorBoardLog of ${folder}`,
    onStart: (run) => {
      firstStep = run.step + 1;
    },
    onStep: ({ step, epoch: _, metrics, targetWeight, ...own }) =>
      append("train", step, scalars({ ...own, ...(targetWeight !== undefined && { targetWeight }), ...metrics })),
    onEpoch: async (record, run) => {
      const { step, trainLoss, metrics } = record;
      await append("train", step, scalars(trainLoss === undefined ? {} : { trainLoss }));
      await append("evaluation", step, [...scalars(metrics), ...pngs((await images?.(record, run)) ?? {})]);
    },
    onEnd: async () => {
      const open = [...files.values()];
      files.clear();
      const closed = await Promise.allSettled(open.map((file) => file.close()));
      for (const result of closed) {
        if (result.status === "rejected") {
          throw result.reason;
        }
      }
    },
  };
}

function scalars(metrics: Metrics): EventValue[] {
  return Object.entries(metrics).map(([tag, value]) => ({ tag, value: { case: "simpleValue", value } }));
}

function pngs(images: TaggedImages): EventValue[] {
  return Object.entries(images).map(([tag, bytes]) => ({ tag, value: { case: "image", value: pngImage(tag, bytes) } }));
}

/** Signature of a PNG file, and of the header chunk that comes first in it. */
const pngStart = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52];

/** TensorBoard's numbers of color spaces, by PNG's numbers of color types. */
const colorSpaces: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 3, 4: 2, 6: 4 };

function pngImage(tag: string, bytes: Uint8Array) {
  if (!(bytes instanceof Uint8Array) || bytes.length < 33 || pngStart.some((byte, i) => bytes[i] !== byte)) {
    throw new DataError(
      `Image "${tag}" for TensorBoard is not the bytes of a PNG file. encodePng of @mmgen/plots makes them.`,
    );
  }
  const header = new DataView(bytes.buffer, bytes.byteOffset + 16, 10);
  return {
    width: header.getInt32(0),
    height: header.getInt32(4),
    colorspace: colorSpaces[header.getUint8(9)] ?? 0,
    encodedImageString: bytes as Uint8Array<ArrayBuffer>,
  };
}
