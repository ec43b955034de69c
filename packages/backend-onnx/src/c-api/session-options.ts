import type { SessionOptions } from "../runtime/runtime.js";
import { Arena, arenaAllocator, useArena } from "./arena.js";
import { type Environment, logSeverity } from "./environment.js";
import { explainMissingLibrary } from "./missing-library.js";
import type { ResolvedProvider } from "./provider-options.js";

/** `GraphOptimizationLevel`. */
const levels = { disabled: 0, basic: 1, extended: 2, layout: 3, all: 99 } as const;

/** A session's options. */
export interface NativeSessionOptions {
  /** To be released when the session is made. */
  readonly handle: bigint;
  /** Threads that the session starts beside the calling one: none where it takes those of the shared pool. */
  readonly threads: number;
  /** What it shares with other sessions; none where all of its memory is its own. */
  readonly arenas: readonly Arena[];
}

/**
 * Makes the options of a session.
 *
 * @throws KernelError where a provider cannot be had, naming the library that is missing.
 */
export function makeSessionOptions(
  environment: Environment,
  options: SessionOptions,
  providers: readonly ResolvedProvider[],
): NativeSessionOptions {
  const { api, sharedThreads } = environment;
  const handle = api.make("CreateSessionOptions");
  try {
    const { intraOpNumThreads: threads, profilePrefix } = options;
    // A session of one thread starts none: small graphs run on the calling thread.
    const takesShared = threads > 1 && threads === sharedThreads;
    if (takesShared) {
      api.call.DisablePerSessionThreads(handle);
    } else {
      api.call.SetIntraOpNumThreads(handle, threads);
    }
    api.call.SetSessionGraphOptimizationLevel(handle, levels[options.graphOptimizationLevel]);
    api.call.SetSessionLogSeverityLevel(handle, logSeverity);
    if (options.memoryPattern === false) {
      api.call.DisableMemPattern(handle);
    }
    if (options.allowCpuNodes === false) {
      api.call.AddSessionConfigEntry(handle, "session.disable_cpu_ep_fallback", "1");
    }
    if (profilePrefix !== undefined) {
      api.call.EnableProfiling(handle, profilePrefix);
    }
    for (const provider of providers) {
      append(environment, handle, provider);
    }
    const arenas = takeArenas(environment, providers);
    if (arenas.length > 0) {
      api.call.AddSessionConfigEntry(handle, useArena, "1");
    }
    return { handle, threads: takesShared ? 0 : threads - 1, arenas };
  } catch (error) {
    api.do.ReleaseSessionOptions(handle);
    throw error;
  }
}

/**
 * The arenas that a session shares, of all of its devices or none; a card's is made where it is the first to ask.
 *
 * @param providers - As they were appended to the session's options.
 */
export function takeArenas(environment: Environment, providers: readonly ResolvedProvider[]): readonly Arena[] {
  const { arena, deviceArenas } = environment;
  const cuda = providers.find(({ name }) => name === "CUDA");
  // A captured graph writes wherever it wrote when it was captured, whosever memory that is by then.
  if (arena === undefined || cuda?.captures) {
    return [];
  }
  if (cuda === undefined) {
    return [arena];
  }
  const wanted = { deviceId: cuda.memory!.deviceId, limit: cuda.memoryLimit };
  const shared = deviceArenas.of(wanted, () => registerArena(environment, cuda));
  return shared === undefined ? [] : [arena, shared];
}

function registerArena(environment: Environment, cuda: ResolvedProvider): Arena | undefined {
  const { api, handle, hostMemory } = environment;
  const { deviceId } = cuda.memory!;
  return Arena.register({
    ...{ api, environment: handle, hostMemory, deviceId, limit: cuda.memoryLimit },
    provider: "CUDAExecutionProvider",
    memory: api.make("CreateMemoryInfo", "Cuda", arenaAllocator, deviceId, 0),
    addProvider: (options) => append(environment, options, cuda),
  });
}

function append({ api, library }: Environment, handle: bigint, { name, options }: ResolvedProvider): void {
  const keys = options.map(([key]) => key);
  const values = options.map(([, value]) => value);
  if (name !== "CUDA") {
    api.call.SessionOptionsAppendExecutionProvider(handle, name, keys, values, keys.length);
    return;
  }
  try {
    const cuda = api.make("CreateCUDAProviderOptions");
    try {
      api.call.UpdateCUDAProviderOptions(cuda, keys, values, keys.length);
      api.call.SessionOptionsAppendExecutionProvider_CUDA_V2(handle, cuda);
    } finally {
      api.do.ReleaseCUDAProviderOptions(cuda);
    }
  } catch (error) {
    throw explainMissingLibrary(error as Error, library);
  }
}
