import { ConfigError, describeValue } from "@mmgen/core";
import { type MpiAbi, mpichAbi, openMpiAbi, standardAbi } from "./mpi-abi.js";

/** A function of a native library; `async` runs it on another thread. */
export interface NativeFunction {
  (...args: unknown[]): number;
  async(...args: unknown[]): void;
}

/** The parts of koffi 3 that this package uses. */
interface Koffi {
  readonly version: string;
  load(path: string, options: { readonly global: boolean }): Library;
}

interface Library {
  func(definition: string): NativeFunction;
  symbol(name: string): bigint;
}

/** An MPI library, loaded. */
export interface Mpi {
  readonly abi: MpiAbi;
  /** The file, as it was found. */
  readonly path: string;
  readonly call: Readonly<Record<keyof typeof prototypes, NativeFunction>>;
}

/** `handle` stands for the library's type of handles, `address` for that of a place for one. */
const prototypes = {
  initialize: "int MPI_Init_thread(void *argc, void *argv, int required, _Out_ int *provided)",
  rank: "int MPI_Comm_rank(handle group, _Out_ int *rank)",
  size: "int MPI_Comm_size(handle group, _Out_ int *size)",
  duplicate: "int MPI_Comm_dup(handle group, void *copy)",
  sum: "int MPI_Allreduce(void *from, void *values, int count, handle type, handle operation, handle group)",
  broadcast: "int MPI_Bcast(void *values, int count, handle type, int root, handle group)",
  beginSum:
    "int MPI_Iallreduce(void *from, void *values, int count, handle type, handle operation, handle group, void *request)",
  test: "int MPI_Test(void *request, void *done, void *status)",
  finalize: "int MPI_Finalize()",
  abort: "int MPI_Abort(handle group, int status)",
} as const;

/**
 * Loads the MPI library of this machine.
 *
 * @param library - Its file; without one the usual names are tried, those of the launcher that started this process first.
 * @throws a {@link ConfigError} when koffi or the library is missing, or the library is not one of MPI.
 */
export async function loadMpi(library: string | undefined, environment: Environment): Promise<Mpi> {
  const koffi = await loadKoffi();
  const names = library === undefined ? libraryNames(environment) : [library];
  const problems: string[] = [];
  for (const path of names) {
    let loaded: Library;
    try {
      // Its plugins look for the library's symbols among all that are there.
      loaded = koffi.load(path, { global: true });
    } catch (error) {
      problems.push((error as Error).message);
      continue;
    }
    return bind(loaded, path);
  }
  throw new ConfigError(
    `MPI: this process was started as one of many, and no MPI library loads (${names.join(", ")}): ${problems[0]?.slice(0, 200)}. ` +
      'Install one ("apt-get install openmpi-bin"), or name its file in MMGEN_MPI_LIBRARY.',
  );
}

/** Names and values of environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

function libraryNames(environment: Environment): string[] {
  const given = environment.MMGEN_MPI_LIBRARY;
  if (given) {
    return [given];
  }
  const [openMpi, others] = [["libmpi.so.40"], ["libmpi_abi.so.1", "libmpi.so.12", "libmpich.so.12"]];
  const generic = ["libmpi.so", "libmpi.dylib"];
  return environment.OMPI_COMM_WORLD_SIZE === undefined && environment.PMI_RANK !== undefined
    ? [...others, ...openMpi, ...generic]
    : [...openMpi, ...others, ...generic];
}

function bind(library: Library, path: string): Mpi {
  const has = (name: string) => {
    try {
      library.symbol(name);
      return true;
    } catch {
      return false;
    }
  };
  if (!has("MPI_Init_thread")) {
    throw new ConfigError(`MPI: expected a library of MPI, got ${describeValue(path)}, which has no MPI_Init_thread.`);
  }
  const abi = has("ompi_mpi_comm_world")
    ? openMpiAbi((name) => library.symbol(name))
    : /mpi_?abi/.test(path)
      ? standardAbi
      : mpichAbi;
  const call = Object.entries(prototypes).map(([name, prototype]) => [
    name,
    library.func(prototype.replaceAll("handle ", `${abi.handles} `)),
  ]);
  return { abi, path, call: Object.fromEntries(call) };
}

async function loadKoffi(): Promise<Koffi> {
  // Not a literal: a bundler would look for a package that is optional.
  const name = "koffi";
  let koffi: Koffi;
  try {
    const loaded = (await import(name)) as Koffi & { readonly default?: Koffi };
    koffi = loaded.default ?? loaded;
  } catch (cause) {
    throw new ConfigError(
      `MPI: the package "${name}" does not load. Install it: npm install --ignore-scripts ${name}`,
      {
        cause,
      },
    );
  }
  if (Number.parseInt(koffi.version, 10) < 3) {
    throw new ConfigError(
      `MPI: expected ${name} 3 or later, got ${describeValue(koffi.version)}. Update it: npm install --ignore-scripts ${name}@3`,
    );
  }
  return koffi;
}
