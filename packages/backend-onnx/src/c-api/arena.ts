import { copyModel } from "../runtime/copy-model.js";
import type { OrtApi } from "./ort-api.js";
import { NativeNames } from "./ort-api.js";

/** Bytes of an arena. */
export interface ArenaBytes {
  /** Taken by tensors and by what sessions keep. */
  readonly inUse: number;
  /** Taken from the operating system, or from the card. */
  readonly total: number;
}

/** Where an arena's memory lies, and how a session reaches it. */
export interface ArenaPlace {
  readonly api: OrtApi;
  readonly environment: bigint;
  /** The host's memory, from which the arena's own session is fed. */
  readonly hostMemory: bigint;
  /** The arena's memory. */
  readonly memory: bigint;
  readonly provider: "CPUExecutionProvider" | "CUDAExecutionProvider";
  readonly deviceId: number;
  /** Most bytes that it takes; undefined for all there are. */
  readonly limit?: number | undefined;
  /** Adds the provider to a session's options. */
  addProvider?(options: bigint): void;
}

/** So many bytes may lie idle in the arena when a session is gone. */
const maxIdleBytes = 2 ** 26;

/**
 * So many bytes beyond what a tensor needs may be its own, where the rest of a free piece of memory is not split off. ONNX
 * Runtime's default of 128 MiB takes 5 % more for a training step of 86 million weights, at the same speed.
 */
const maxDeadBytes = 2 ** 20;

/** Memory of one device that sessions of the process share: it grows as they need it, and is shrunk when they go. */
export class Arena {
  readonly #place: ArenaPlace;
  /** A session that copies one number: ONNX Runtime gives an arena's figures to a session alone, and shrinks it after a run. */
  readonly #session: bigint;
  readonly #allocator: bigint;
  readonly #shrinking: bigint;
  /** What it copies. */
  readonly #number = new Float32Array(1);
  readonly #input: NativeNames;
  readonly #output: NativeNames;

  private constructor(place: ArenaPlace) {
    this.#place = place;
    const { api, deviceId, environment, memory, provider } = place;
    const { bytes, input, output } = copyModel("float32", 1);
    this.#input = new NativeNames(api.koffi, [input]);
    this.#output = new NativeNames(api.koffi, [output]);
    const options = api.make("CreateSessionOptions");
    try {
      api.call.SetIntraOpNumThreads(options, 1);
      api.call.AddSessionConfigEntry(options, useArena, "1");
      place.addProvider?.(options);
      this.#session = api.make("CreateSessionFromArray", environment, bytes, bytes.byteLength, options);
    } finally {
      api.do.ReleaseSessionOptions(options);
    }
    this.#allocator = api.make("CreateAllocator", this.#session, memory);
    this.#shrinking = api.make("CreateRunOptions");
    const device = provider === "CPUExecutionProvider" ? "cpu" : "gpu";
    api.call.AddRunConfigEntry(this.#shrinking, "memory.enable_memory_arena_shrinkage", `${device}:${deviceId}`);
  }

  /**
   * Registers an arena with an environment; undefined where it has one of somebody else's, or no session to tell of it.
   *
   * ONNX Runtime ends the process where the provider's library does not load, or does not take the device: append the
   * provider to a session's options first, which throws then.
   */
  static register(place: ArenaPlace): Arena | undefined {
    const { api, deviceId, environment, limit, memory, provider } = place;
    const settings = { max_dead_bytes_per_chunk: maxDeadBytes, ...(limit === undefined ? {} : { max_mem: limit }) };
    const values = BigUint64Array.from(Object.values(settings), BigInt);
    const config = api.make("CreateArenaCfgV2", Object.keys(settings), values, values.length);
    try {
      api.call.CreateAndRegisterAllocatorV2(
        ...([environment, provider, memory, config, ["device_id"], [`${deviceId}`], 1] as const),
      );
      const arena = new Arena(place);
      // The first region that an arena takes is never given back: let it be a small one.
      arena.#run(null);
      return arena;
    } catch {
      return undefined;
    } finally {
      api.do.ReleaseArenaCfg(config);
    }
  }

  bytes(): ArenaBytes {
    const { call, do: procedures, koffi } = this.#place.api;
    const pairs = new BigUint64Array(1);
    call.AllocatorGetStats(this.#allocator, pairs);
    const [keys, values, count] = [new BigUint64Array(1), new BigUint64Array(1), new BigUint64Array(1)];
    procedures.GetKeyValuePairs(pairs[0]!, keys, values, count);
    const read = (list: BigUint64Array) => koffi.decode(list[0]!, "const char*", Number(count[0])) as string[];
    const found = Object.fromEntries(read(keys).map((key, i) => [key, Number(read(values)[i])]));
    procedures.ReleaseKeyValuePairs(pairs[0]!);
    return { inUse: found.InUse!, total: found.TotalAllocated! };
  }

  /** Gives idle memory back, where it is much and the device still answers. */
  shrink(): void {
    try {
      const { inUse, total } = this.bytes();
      if (total - inUse > maxIdleBytes) {
        this.#run(this.#shrinking);
      }
    } catch {
      // The error that a session is dropped for is the one to report.
    }
  }

  /** Copies a number to memory that ONNX Runtime takes from the arena. */
  #run(options: bigint | null): void {
    const { api, hostMemory } = this.#place;
    const shape = BigInt64Array.of(1n);
    const input = api.make("CreateTensorWithDataAsOrtValue", hostMemory, this.#number, 4, shape, 1, 1);
    const outputs = new BigUint64Array(1);
    try {
      api.call.Run(
        ...([this.#session, options, this.#input.addresses, BigUint64Array.of(input), 1] as const),
        ...([this.#output.addresses, 1, outputs] as const),
      );
      api.do.ReleaseValue(outputs[0]!);
    } finally {
      api.do.ReleaseValue(input);
    }
  }
}

/** `OrtAllocatorType.OrtArenaAllocator`. */
export const arenaAllocator = 1;

/** The session option with which a session takes the environment's arenas. */
export const useArena = "session.use_env_allocators";
