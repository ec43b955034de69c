import { ConfigError } from "@mmgen/core";
import { fields, optional, resolveOptions, value, wholeNumber } from "@mmgen/core/options";
import * as tf from "@tensorflow/tfjs-core";
import type { LazyValue } from "../graph/lazy-value.js";
import { type ModelOverrides, writeOnnxModel } from "../graph/onnx-model.js";
import type { Plan } from "../graph/plan.js";
import type { HostArray } from "../runtime/element-type.js";
import { isRecordingBackend, type RecordingBackend } from "../tensors/recording-backend.js";
import {
  type ExportableFunction,
  type ExportConfig,
  type ExportOptions,
  type NamedTensorFunction,
  resolveExport,
} from "./export-options.js";
import { placeExternally } from "./external-files.js";
import { FirstNodes } from "./first-nodes.js";
import { avoidNames, checkNames } from "./name-values.js";
import { compareRecordings, findOpenSizes } from "./open-sizes.js";
import { type Recording, recordFunction } from "./record-function.js";
import { storeElements } from "./stored-elements.js";

/** Readers of protocol buffers take messages below 2 GiB; room for the graph itself is left. */
const maxStoredBytes = 2 ** 31 - 2 ** 26;

/** How {@link exportOnnxFiles} names and divides its files. */
export interface ExportFilesOptions {
  /** Name of the model's file; those of the weights begin with it. Default: `"model.onnx"`. */
  readonly fileName?: string | undefined;
  /**
   * Bytes of weights up to which everything is in the model's file; about the maximum size of each further file, too,
   * unless one weight is larger. Default: 1 GiB, which every platform's `Uint8Array` holds.
   */
  readonly maxFileBytes?: number | undefined;
}

/**
 * Writes a function of tensors as an ONNX model (opset 20 and operators of ONNX Runtime's own).
 *
 * The function is recorded, not run. Other tensors that it reads are stored in the file with their current elements, each
 * once. The model has the function's inputs, used or not, by name and in order, and then its state. A size that an input's
 * shape gives as a name is left open: the model reads it when it runs, also where the function computes with its number,
 * as far as that is a product of sizes.
 *
 * @param fn - Maps tensors by input name to tensors by output name; must not read values, and assigns no variables but
 *   those of the option `state`. Or an object of such a function, `run`, and its options.
 * @returns the bytes of a `.onnx` file.
 * @throws `ConfigError` when another backend is active; for an option that does not fit; for names that are empty or given
 *   twice, and no outputs; when the recording depends on an open size in another way (a branch, a rounded quotient), naming
 *   the size and the operator; and for 2 GiB of weights: see {@link exportOnnxFiles}. `KernelError` when the function reads
 *   values or uses a kernel without an ONNX version.
 */
export async function exportOnnx(
  fn: ExportableFunction,
  options?: Partial<ExportOptions>,
): Promise<Uint8Array<ArrayBuffer>>;
export async function exportOnnx(fn: NamedTensorFunction, options: ExportOptions): Promise<Uint8Array<ArrayBuffer>>;
export async function exportOnnx(
  fn: NamedTensorFunction | ExportableFunction,
  options?: Partial<ExportOptions>,
): Promise<Uint8Array<ArrayBuffer>> {
  const { plan, overrides } = await recordModel(resolveExport(fn, options));
  const bytes = storedBytes(overrides);
  if (bytes > maxStoredBytes) {
    throw new ConfigError(
      `exportOnnx: the function reads ${bytes} bytes of weights, and no reader takes a file of more than 2 GiB. ` +
        "Use exportOnnxFiles.",
    );
  }
  return writeOnnxModel(plan, overrides);
}

/**
 * Writes a function of tensors as an ONNX model of one or more files: where the weights are many, they stand in files beside
 * the model, as ONNX's external data.
 *
 * @param fn - As for {@link exportOnnx}.
 * @returns the bytes of each file by its name, the model's first. Write them into one folder; in a browser, give all but
 *   the first to onnxruntime-web's option `externalData`.
 * @throws as {@link exportOnnx}, apart from the 2 GiB.
 */
export async function exportOnnxFiles(
  fn: ExportableFunction,
  options?: Partial<ExportOptions> & ExportFilesOptions,
): Promise<Map<string, Uint8Array<ArrayBuffer>>>;
export async function exportOnnxFiles(
  fn: NamedTensorFunction,
  options: ExportOptions & ExportFilesOptions,
): Promise<Map<string, Uint8Array<ArrayBuffer>>>;
export async function exportOnnxFiles(
  fn: NamedTensorFunction | ExportableFunction,
  options: Partial<ExportOptions> & ExportFilesOptions = {},
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const { fileName: givenName, maxFileBytes: givenBytes, ...rest } = Object(options) as typeof options;
  const given = { fileName: givenName, maxFileBytes: givenBytes };
  const { fileName, maxFileBytes } = resolveOptions(filesSchema, given);
  const { plan, overrides } = await recordModel(resolveExport(fn, rest));
  if (storedBytes(overrides) <= maxFileBytes) {
    return new Map([[fileName, writeOnnxModel(plan, overrides)]]);
  }
  const { external, contents } = placeExternally(overrides, { fileName, maxFileBytes });
  return new Map([[fileName, writeOnnxModel(plan, { ...overrides, external })], ...contents]);
}

const filesSchema = fields({
  fileName: optional(
    value<string>(
      "a file's name without a folder",
      (name) => typeof name === "string" && /^[^/\\]+$/.test(name) && name !== "." && name !== "..",
    ),
    "model.onnx",
  ),
  maxFileBytes: optional(wholeNumber({ min: 1, max: maxStoredBytes }), 2 ** 30),
});

interface RecordedModel {
  readonly plan: Plan;
  readonly overrides: ModelOverrides;
}

/** The last recording of each backend. */
const lastOf = new WeakMap<RecordingBackend, Promise<unknown>>();

/** Records a model after those that were asked for before: recordings of the same values number them anew. */
function recordModel(config: ExportConfig): Promise<RecordedModel> {
  const backend = tf.backend();
  if (!isRecordingBackend(backend)) {
    throw new ConfigError(
      `exportOnnx: expected the onnx backend to be active, got ${tf.getBackend()}. Call await useOnnx().`,
    );
  }
  const earlier = lastOf.get(backend) ?? Promise.resolve();
  const next = earlier.then(() => recordNext(backend, config));
  lastOf.set(
    backend,
    next.catch(() => {}),
  );
  return next;
}

async function recordNext(backend: RecordingBackend, config: ExportConfig): Promise<RecordedModel> {
  checkNames(config);
  const sizes = findOpenSizes(config);
  await backend.flush();
  const recordings = sizes.samples.map((sample) => recordFunction(backend, config, sample));
  const [recording] = recordings as [Recording];
  const { plan, inputs, outputs } = recording;
  checkNames(
    config,
    outputs.slice(0, outputs.length - (config.state?.size ?? 0)).map(([name]) => name),
  );
  const names = namesOf(backend, recording, config);
  const { formulas, targets, shapeOf } = await compareRecordings(recordings, sizes);
  const fed = new Set(inputs.values());
  const read = plan.feeds.filter((feed) => !fed.has(feed) && !formulas.has(feed));
  const stored = await storeElements(read, names);
  const first = new FirstNodes(backend.graph, sizes, inputs);
  const aliases = new Map<LazyValue, LazyValue>(stored.equals);
  for (const [view, root] of stored.views) {
    aliases.set(view, first.reshaped(root, view.shape));
  }
  for (const [value, formula] of formulas) {
    aliases.set(value, first.computed(value.type, formula));
  }
  for (const [value, same] of equalConstants(
    plan.constants.filter((each) => !aliases.has(each)),
    targets,
  )) {
    aliases.set(value, same);
  }
  const unnamed = avoidNames(names.values());
  return {
    plan,
    overrides: {
      nameOf: (value) => names.get(value) ?? unnamed(value),
      aliases,
      stored: [...stored.values, ...first.constants],
      elements: new Map<LazyValue, HostArray>([...stored.elements, ...targets]),
      firstNodes: first.nodes,
      inputs: [...inputs.values()],
      shapeOf,
      external: new Map(),
      metadata: config.metadata,
    },
  };
}

/** Names of inputs, outputs and weights. */
function namesOf(backend: RecordingBackend, { inputs, outputs }: Recording, { weights = new Map() }: ExportConfig) {
  const names = new Map<LazyValue, string>();
  for (const [name, tensor] of weights) {
    const inShape = backend.value(tensor);
    const value = inShape.resident === undefined ? backend.heldValue(tensor) : inShape;
    // The first of two names: tied weights are one tensor.
    names.set(value, names.get(value) ?? name);
  }
  for (const [name, value] of [...inputs, ...outputs]) {
    names.set(value, name);
  }
  return names;
}

/** Constants with the elements of an earlier one, with that. */
function equalConstants(
  constants: readonly LazyValue[],
  targets: ReadonlyMap<LazyValue, HostArray>,
): [LazyValue, LazyValue][] {
  const known = new Map<string, LazyValue>();
  return constants.flatMap((value): [LazyValue, LazyValue][] => {
    const key = targets.has(value) ? `target ${targets.get(value)!.join()}` : value.constantKey!;
    const same = known.get(key);
    known.set(key, same ?? value);
    return same === undefined ? [] : [[value, same]];
  });
}

function storedBytes({ stored, elements }: ModelOverrides): number {
  return stored.reduce((sum, value) => sum + (elements.get(value)?.byteLength ?? 0), 0);
}
