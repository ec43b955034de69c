import { ConfigError, type GroupValues, KernelError, type ProcessGroup } from "@mmgen/core";
import type { Mpi, NativeFunction } from "../library/load-mpi.js";
import type { Handle } from "../library/mpi-abi.js";

/** Values that one call takes at most: MPI counts them in 32 bits. */
const maxCount = 2 ** 30;

/**
 * Values that are added up without a thread that waits: those of the short sums with which processes agree, where they wait
 * for each other, and which would take a core from whom they wait for.
 */
const shortSum = 256;

/** Milliseconds of waiting within which it looks again at once, and later as often as a timer allows. */
const eagerMilliseconds = 1;

/** The processes that an MPI launcher started, as a group. */
export class MpiGroup implements ProcessGroup {
  readonly rank: number;
  readonly size: number;
  readonly #mpi: Mpi;
  /** A communicator of its own for the end, so that nothing else is mistaken for it. */
  readonly #farewell: Handle;
  #isOver = false;

  /** Initializes MPI, which a process can do once. @internal */
  constructor(mpi: Mpi) {
    const { abi, call } = mpi;
    this.#mpi = mpi;
    const numbers = new Int32Array(1);
    // Sums run on a thread of koffi's, one at a time.
    check("MPI_Init_thread", call.initialize(null, null, abi.serialized, numbers));
    if (numbers[0]! < abi.serialized) {
      call.finalize();
      throw new ConfigError(
        `MPI: expected a library that may be called from changing threads (MPI_THREAD_SERIALIZED), and ${mpi.path} gives level ${numbers[0]}.`,
      );
    }
    check("MPI_Comm_rank", call.rank(abi.world, numbers));
    this.rank = numbers[0]!;
    check("MPI_Comm_size", call.size(abi.world, numbers));
    this.size = numbers[0]!;
    const copy = newHandle();
    check("MPI_Comm_dup", call.duplicate(abi.world, copy));
    this.#farewell = this.#read(copy);
  }

  async sum(values: Float32Array | Float64Array): Promise<void> {
    const { abi, call } = this.#mpi;
    const type = values instanceof Float32Array ? abi.types.float32 : abi.types.float64;
    const { inPlace, operations, world } = abi;
    if (values.length <= shortSum) {
      await this.#finish(values, [type, operations.sum, world]);
      return;
    }
    for (const part of partsOf(values)) {
      await run("MPI_Allreduce", call.sum, [inPlace, part, part.length, type, operations.sum, world]);
    }
  }

  async broadcast(values: GroupValues): Promise<void> {
    const { abi, call } = this.#mpi;
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    for (const part of partsOf(bytes)) {
      await run("MPI_Bcast", call.broadcast, [part, part.length, abi.types.byte, 0, abi.world]);
    }
  }

  /** Waits until all processes are at their end, and finds the first of those that have failed: its rank, or `size`. */
  async meetAtEnd(hasFailed: boolean): Promise<number> {
    const { operations, types } = this.#mpi.abi;
    const first = Int32Array.of(hasFailed ? this.rank : this.size);
    await this.#finish(first, [types.int32, operations.min, this.#farewell]);
    return first[0]!;
  }

  /** Ends MPI, together with all others. End the process with `process.exit` then: over TCP its natural end crashes. */
  leave(): void {
    if (!this.#isOver) {
      this.#isOver = true;
      check("MPI_Finalize", this.#mpi.call.finalize());
    }
  }

  /** Ends all processes at once. */
  abort(status: number): void {
    this.#mpi.call.abort(this.#mpi.abi.world, status);
  }

  /** Combines values of all, and looks now and then whether all have come. */
  async #finish(
    values: Int32Array | Float32Array | Float64Array,
    [type, operation, group]: readonly [type: Handle, operation: Handle, group: Handle],
  ): Promise<void> {
    const { abi, call } = this.#mpi;
    const [request, done] = [newHandle(), new Int32Array(1)];
    const { ignoredStatus, inPlace } = abi;
    check("MPI_Iallreduce", call.beginSum(inPlace, values, values.length, type, operation, group, request));
    const start = performance.now();
    for (;;) {
      check("MPI_Test", call.test(request, done, ignoredStatus));
      if (done[0] !== 0) {
        return;
      }
      const isEager = performance.now() - start < eagerMilliseconds;
      await new Promise<void>((resolve) => (isEager ? setImmediate(resolve) : setTimeout(resolve, 1)));
    }
  }

  #read(handle: BigUint64Array): Handle {
    return this.#mpi.abi.handles === "int" ? new Int32Array(handle.buffer)[0]! : handle[0]!;
  }
}

/** A place for a handle of either kind. */
function newHandle(): BigUint64Array {
  return new BigUint64Array(1);
}

function* partsOf<Values extends GroupValues>(values: Values): Generator<Values> {
  for (let start = 0; start < values.length; start += maxCount) {
    yield values.subarray(start, start + maxCount) as Values;
  }
}

function run(name: string, call: NativeFunction, operands: unknown[]): Promise<void> {
  return new Promise((resolve, reject) => {
    call.async(...operands, (error: Error | null, status: number) => {
      try {
        if (error) {
          throw error;
        }
        check(name, status);
        resolve();
      } catch (failure) {
        reject(failure as Error);
      }
    });
  });
}

function check(name: string, status: number): void {
  if (status !== 0) {
    throw new KernelError(`MPI: ${name} failed with status ${status}.`);
  }
}
