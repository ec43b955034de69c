import { copyModel } from "../runtime/copy-model.js";
import type { OrtApi } from "./ort-api.js";
import { NativeNames } from "./ort-api.js";

/** Bytes of an arena. */
export interface ArenaBytes {
  /** Taken by tensors and by what sessions keep. */
  readonly inUse: number;
  /** Taken from the operating system. */
  readonly total: number;
}

/** So many bytes may lie idle in the arena when a session is gone. */
const maxIdleBytes = 2 ** 26;

/** The memory on the host that all sessions of the process share: it grows as they need it, and is shrunk when they go. */
export class Arena {
  readonly #api: OrtApi;
  readonly #memory: bigint;
  /** A session that copies one number: ONNX Runtime gives an arena's figures to a session alone, and shrinks it after a run. */
  readonly #session: bigint;
  readonly #allocator: bigint;
  readonly #shrinking: bigint;
  readonly #input: NativeNames;
  readonly #output: NativeNames;

  private constructor(api: OrtApi, environment: bigint, memory: bigint) {
    this.#api = api;
    this.#memory = memory;
    const { bytes, input, output } = copyModel("float32", 1);
    this.#input = new NativeNames(api.koffi, [input]);
    this.#output = new NativeNames(api.koffi, [output]);
    const options = api.make("CreateSessionOptions");
    api.call.SetIntraOpNumThreads(options, 1);
    api.call.AddSessionConfigEntry(options, useArena, "1");
    this.#session = api.make("CreateSessionFromArray", environment, bytes, bytes.byteLength, options);
    api.do.ReleaseSessionOptions(options);
    this.#allocator = api.make("CreateAllocator", this.#session, memory);
    this.#shrinking = api.make("CreateRunOptions");
    api.call.AddRunConfigEntry(this.#shrinking, "memory.enable_memory_arena_shrinkage", "cpu:0");
  }

  /** Registers an arena with an environment; undefined where it has one of somebody else's. */
  static register(api: OrtApi, environment: bigint, memory: bigint): Arena | undefined {
    const config = api.make("CreateArenaCfgV2", [], null, 0);
    try {
      api.call.CreateAndRegisterAllocator(environment, memory, config);
    } catch {
      return undefined;
    } finally {
      api.do.ReleaseArenaCfg(config);
    }
    return new Arena(api, environment, memory);
  }

  bytes(): ArenaBytes {
    const { call, do: procedures, koffi } = this.#api;
    const pairs = new BigUint64Array(1);
    call.AllocatorGetStats(this.#allocator, pairs);
    const [keys, values, count] = [new BigUint64Array(1), new BigUint64Array(1), new BigUint64Array(1)];
    procedures.GetKeyValuePairs(pairs[0]!, keys, values, count);
    const read = (list: BigUint64Array) => koffi.decode(list[0]!, "const char*", Number(count[0])) as string[];
    const found = Object.fromEntries(read(keys).map((key, i) => [key, Number(read(values)[i])]));
    procedures.ReleaseKeyValuePairs(pairs[0]!);
    return { inUse: found.InUse!, total: found.TotalAllocated! };
  }

  /** Gives idle memory back to the operating system, where it is much. */
  shrink(): void {
    const { inUse, total } = this.bytes();
    if (total - inUse > maxIdleBytes) {
      this.#run(this.#shrinking);
    }
  }

  #run(options: bigint): void {
    const { call, do: procedures } = this.#api;
    const [from, to] = [new Float32Array(1), new Float32Array(1)];
    const value = (data: Float32Array) =>
      this.#api.make("CreateTensorWithDataAsOrtValue", this.#memory, data, 4, BigInt64Array.of(1n), 1, 1);
    const [input, output] = [value(from), value(to)];
    try {
      call.Run(
        ...([this.#session, options, this.#input.addresses, BigUint64Array.of(input), 1] as const),
        ...([this.#output.addresses, 1, BigUint64Array.of(output)] as const),
      );
    } finally {
      procedures.ReleaseValue(input);
      procedures.ReleaseValue(output);
    }
  }
}

/** The session option with which a session takes the environment's arena. */
export const useArena = "session.use_env_allocators";
