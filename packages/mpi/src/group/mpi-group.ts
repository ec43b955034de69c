import { ConfigError, type GroupValues, KernelError, type ProcessGroup } from "@mmgen/core";
import type { Mpi, NativeFunction } from "../library/load-mpi.js";
import type { Handle } from "../library/mpi-abi.js";

/** Values that one call takes at most: MPI counts them in 32 bits. */
const maxCount = 2 ** 30;

/** Milliseconds between two looks at whether all have come. */
const lookInterval = 5;

/** The processes that an MPI launcher started, as a group. */
export class MpiGroup implements ProcessGroup {
  readonly rank: number;
  readonly size: number;
  readonly #mpi: Mpi;
  /** A communicator of its own for the end, so that nothing else is mistaken for it. */
  readonly #farewell: Handle;
  #isOver = false;

  /** Initializes MPI, which a process can do once. */
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
    for (const part of partsOf(values)) {
      const { inPlace, operations, world } = abi;
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

  /**
   * Waits until all processes are at their end, and finds the first of those that have failed.
   *
   * @param patience - Milliseconds to wait at most. Default: for ever.
   * @returns Its rank, `size` where none has failed, or undefined where the others have not come in time.
   */
  async meetAtEnd(hasFailed: boolean, patience = Number.POSITIVE_INFINITY): Promise<number | undefined> {
    const { abi, call } = this.#mpi;
    const first = Int32Array.of(hasFailed ? this.rank : this.size);
    const [request, done] = [newHandle(), new Int32Array(1)];
    const { inPlace, operations, types } = abi;
    const operands = [inPlace, first, 1, types.int32, operations.min, this.#farewell, request];
    check("MPI_Iallreduce", call.beginSum(...operands));
    const deadline = performance.now() + patience;
    for (;;) {
      check("MPI_Test", call.test(request, done, abi.ignoredStatus));
      if (done[0] !== 0) {
        return first[0];
      }
      if (performance.now() > deadline) {
        return undefined;
      }
      await new Promise((resolve) => setTimeout(resolve, lookInterval));
    }
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
