import { KernelError } from "@mmgen/core";
import { copyModel } from "../runtime/copy-model.js";
import { type ElementType, hostArray } from "../runtime/element-type.js";
import type { OrtModule, OrtSessionLike, OrtTensorLike } from "../runtime/ort-module.js";
import { type OrtFeed, OrtTensor } from "../runtime/ort-tensor.js";
import type { SessionOutput } from "../runtime/runtime.js";
import { type GpuBuffer, type GpuDevice, GpuMemory } from "./gpu-memory.js";
import type { Links } from "./observed-runs.js";
import { bufferOf, bytesOf, emptyArray, PlacedTensor } from "./placed-tensor.js";
import { idleBytes, SwappedSets } from "./swapped-sets.js";

/** What {@link PageSteps} run. */
export interface PageGraph {
  readonly ort: OrtModule;
  readonly model: Uint8Array;
  readonly inputs: readonly string[];
  readonly outputs: readonly SessionOutput[];
  readonly links: Links;
  /** Compiles a model for WebGPU, with further options. */
  compile(model: Uint8Array, options: object): Promise<OrtSessionLike>;
}

/** A session of onnxruntime-web, which writes outputs where it is told to. */
interface FetchingSession extends OrtSessionLike {
  /** @param fetches - Tensors for the outputs; new ones where it is left out. */
  run(
    feeds: Record<string, OrtTensorLike>,
    fetches?: Record<string, OrtTensorLike>,
  ): Promise<Record<string, OrtTensorLike>>;
}

/** A graph that is captured with the buffers of its first run. */
interface CapturedRun {
  readonly session: FetchingSession;
  readonly feeds: Record<string, OrtTensorLike>;
  readonly fetches: Record<string, OrtTensorLike>;
  hasRun: boolean;
}

/** Makes a tensor of a buffer. */
type WrapBuffer = (
  buffer: GpuBuffer,
  options: { readonly dataType: string; readonly dims: readonly number[] },
) => OrtTensorLike;

/**
 * A graph whose runs follow each other, in a page: captured twice, as a session of onnxruntime-web binds the buffers of its
 * first run for good, over {@link SwappedSets} of buffers.
 */
export class PageSteps {
  readonly #graph: PageGraph;
  readonly #memory: GpuMemory;
  readonly #maker: BufferMaker;
  #outputs: readonly [readonly OrtTensorLike[], readonly OrtTensorLike[]] = [[], []];
  #sets: SwappedSets<OrtFeed, OrtTensorLike, PlacedTensor> | undefined;
  readonly #captured: CapturedRun[] = [];

  private constructor(graph: PageGraph, memory: GpuMemory) {
    this.#graph = graph;
    this.#memory = memory;
    this.#maker = new BufferMaker(graph);
  }

  /**
   * Captures a graph.
   *
   * @param feeds - Those of the first run to come.
   * @throws KernelError, or ONNX Runtime's reason, where it cannot be captured.
   */
  static async capture(graph: PageGraph, feeds: readonly OrtFeed[]): Promise<PageSteps> {
    const env = graph.ort.env as { readonly webgpu?: { readonly device?: unknown } } | undefined;
    const device = (await env?.webgpu?.device) as GpuDevice | undefined;
    if (device === undefined) {
      throw new KernelError("The module of ONNX Runtime has no WebGPU device (env.webgpu.device)");
    }
    const made = new PageSteps(graph, new GpuMemory(device));
    try {
      await made.#open(feeds);
      return made;
    } catch (error) {
      made.dispose();
      throw error;
    }
  }

  /** Bytes of the buffers in which no tensor lies that was handed out and still lives. */
  get idleBytes(): number {
    return idleBytes(this.#maker.made.map(bytesOf), this.#sets?.living.map(({ byteLength }) => byteLength) ?? []);
  }

  async run(feeds: readonly OrtFeed[]): Promise<OrtFeed[]> {
    const { ort, outputs } = this.#graph;
    const sets = this.#sets!;
    const turn = sets.prepare(feeds);
    const run = this.#captured[turn]!;
    // Later ones are handles of the same buffers, to be freed.
    const results = await run.session.run(run.feeds, run.hasRun ? undefined : run.fetches);
    for (const [name, result] of Object.entries(results)) {
      if (result !== run.fetches[name]) {
        result.dispose();
      }
    }
    run.hasRun = true;
    const buffers = this.#outputs[turn];
    const placed = outputs.map(({ onDevice }, i) =>
      onDevice ? new PlacedTensor(buffers[i]!, this.#memory) : undefined,
    );
    sets.swap(placed);
    return Promise.all(
      outputs.map(async ({ type, shape }, i) => {
        const buffer = buffers[i]!;
        return (
          placed[i] ??
          OrtTensor.upload(ort.Tensor, type, shape, await this.#memory.read(bufferOf(buffer), emptyArray(buffer)))
        );
      }),
    );
  }

  dispose(): void {
    this.#sets?.empty();
    for (const { session } of this.#captured.splice(0)) {
      void session.release();
    }
    // Captured graphs go with their sessions, and only then their buffers.
    this.#maker.dispose();
  }

  async #open(feeds: readonly OrtFeed[]): Promise<void> {
    const { compile, inputs, links, model, ort, outputs } = this.#graph;
    const fixed: (OrtTensorLike | undefined)[] = [];
    for (const [i, { tensor }] of feeds.entries()) {
      fixed.push(links[i] === undefined ? await this.#maker.make(tensor.type as ElementType, tensor.dims) : undefined);
    }
    const makeSet = async () => {
      const made: OrtTensorLike[] = [];
      for (const { type, shape } of outputs) {
        made.push(await this.#maker.make(type, shape));
      }
      return made;
    };
    this.#outputs = [await makeSet(), await makeSet()];
    const { fromGpuBuffer } = ort.Tensor as unknown as { readonly fromGpuBuffer: WrapBuffer };
    const memory = this.#memory;
    const sets = new SwappedSets<OrtFeed, OrtTensorLike, PlacedTensor>({
      ...{ links, inputs: fixed, outputs: this.#outputs },
      write: ({ byteLength, host, tensor }, to) =>
        host === undefined ? memory.copy(bufferOf(tensor), bufferOf(to), byteLength) : memory.write(host, bufferOf(to)),
      move: (value) => value.move((buffer, { dims, type }) => fromGpuBuffer(buffer, { dataType: type, dims })),
    });
    this.#sets = sets;
    for (const turn of [0, 1] as const) {
      const session: FetchingSession = await compile(model, { enableGraphCapture: true });
      const read = sets.inputsOf(turn);
      this.#captured.push({
        session,
        feeds: Object.fromEntries(inputs.map((name, i) => [name, read[i]!])),
        fetches: Object.fromEntries(outputs.map(({ name }, i) => [name, this.#outputs[turn][i]!])),
        hasRun: false,
      });
    }
  }
}

/**
 * Makes buffers by sessions of one Identity node: a captured graph needs those of ONNX Runtime's own, as it forgets others
 * after a run.
 */
class BufferMaker {
  readonly #graph: PageGraph;
  /** By type and rank. */
  readonly #sessions = new Map<string, OrtSessionLike>();
  readonly #made: OrtTensorLike[] = [];

  constructor(graph: PageGraph) {
    this.#graph = graph;
  }

  get made(): readonly OrtTensorLike[] {
    return this.#made;
  }

  /** A tensor in a buffer of its own, which goes with this object. */
  async make(type: ElementType, dims: readonly number[]): Promise<OrtTensorLike> {
    const { compile, ort } = this.#graph;
    const { bytes, input, output } = copyModel(type, dims.length);
    const form = `${type} ${dims.length}`;
    const session = this.#sessions.get(form) ?? (await compile(bytes, { preferredOutputLocation: "gpu-buffer" }));
    this.#sessions.set(form, session);
    const size = dims.reduce((product, dimension) => product * dimension, 1);
    const results = await session.run({ [input]: new ort.Tensor(type, hostArray(type, size), dims) });
    const made = results[output]!;
    if (made.location !== "gpu-buffer") {
      throw new KernelError(
        `WebGPU has no buffers for tensors without elements, and the graph has one of them outside`,
      );
    }
    this.#made.push(made);
    return made;
  }

  dispose(): void {
    for (const tensor of this.#made.splice(0)) {
      tensor.dispose();
    }
    for (const session of this.#sessions.values()) {
      void session.release();
    }
    this.#sessions.clear();
  }
}
