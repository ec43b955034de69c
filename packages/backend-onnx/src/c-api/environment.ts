import { copyModel } from "../runtime/copy-model.js";
import { findLibrary } from "../runtime/find-library.js";
import { Arena, arenaAllocator } from "./arena.js";
import { DeviceArenas } from "./device-arenas.js";
import { OrtApi } from "./ort-api.js";

/** Severity from which ONNX Runtime logs: fatal errors only; other failures are thrown. */
export const logSeverity = 4;

/** What every session of the process shares: ONNX Runtime's environment, its pool of threads and its arenas. */
export interface Environment {
  readonly api: OrtApi;
  /** The path of ONNX Runtime's library. */
  readonly library: string;
  readonly handle: bigint;
  /** The host's memory. */
  readonly hostMemory: bigint;
  /** ONNX Runtime's allocator of small things, which frees what it returns. */
  readonly allocator: bigint;
  /**
   * Threads that an operator of any session may use; undefined where there is no shared pool, as onnxruntime-node's
   * binding made the environment.
   */
  readonly sharedThreads: number | undefined;
  /** What sessions take the host's memory from; undefined where each has an arena of its own. */
  readonly arena: Arena | undefined;
  /** What sessions take a card's memory from. */
  readonly deviceArenas: DeviceArenas;
}

/**
 * ONNX Runtime has one environment a process, whichever copy of this package makes it. The number counts the forms of
 * {@link Environment}: a copy with another one shares no arena.
 */
const key = Symbol.for("@mmgen/backend-onnx/environment-2");
const shared = globalThis as { [key]?: Environment };

/**
 * The process's environment, made at the first call.
 *
 * @param threads - Threads that an operator may use; those of the first call count.
 * @throws ConfigError where koffi or ONNX Runtime's library is missing, naming which.
 */
export function openEnvironment(threads: number): Environment {
  shared[key] ??= makeEnvironment(threads);
  return shared[key];
}

function makeEnvironment(threads: number): Environment {
  const library = findLibrary();
  const api = new OrtApi(library);
  const { call } = api;
  const threading = api.make("CreateThreadingOptions");
  call.SetGlobalIntraOpNumThreads(threading, threads);
  call.SetGlobalInterOpNumThreads(threading, 1);
  const handle = api.make("CreateEnvWithGlobalThreadPools", logSeverity, "mmgen", threading);
  api.do.ReleaseThreadingOptions(threading);
  const hostMemory = api.make("CreateMemoryInfo", "Cpu", arenaAllocator, 0, 0);
  const place = { api, environment: handle, hostMemory, memory: hostMemory, deviceId: 0 };
  return {
    ...{ api, library, handle, hostMemory },
    allocator: api.make("GetAllocatorWithDefaultOptions"),
    sharedThreads: hasSharedThreads(api, handle) ? threads : undefined,
    arena: Arena.register({ ...place, provider: "CPUExecutionProvider" }),
    deviceArenas: new DeviceArenas(),
  };
}

/** Whether the environment is this one's, with a pool, or was made before without one: then no session takes part. */
function hasSharedThreads(api: OrtApi, handle: bigint): boolean {
  const options = api.make("CreateSessionOptions");
  try {
    api.call.SetSessionLogSeverityLevel(options, logSeverity);
    api.call.DisablePerSessionThreads(options);
    const { bytes } = copyModel("float32", 1);
    api.do.ReleaseSession(api.make("CreateSessionFromArray", handle, bytes, bytes.byteLength, options));
    return true;
  } catch {
    return false;
  } finally {
    api.do.ReleaseSessionOptions(options);
  }
}
