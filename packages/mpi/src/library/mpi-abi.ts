/** Addresses, and what an MPI library calls a handle: of a communicator, a type of values, an operation. */
export type Handle = bigint | number;

/** What differs between MPI libraries: how handles look, and the numbers of constants. */
export interface MpiAbi {
  /** Whether handles are addresses, or numbers of 32 bits. */
  readonly handles: "void *" | "int";
  readonly world: Handle;
  readonly types: Readonly<Record<"float32" | "float64" | "byte" | "int32", Handle>>;
  readonly operations: Readonly<Record<"sum" | "min", Handle>>;
  /** `MPI_IN_PLACE`, an address. */
  readonly inPlace: bigint;
  /** `MPI_STATUS_IGNORE`, an address. */
  readonly ignoredStatus: bigint;
  /** `MPI_THREAD_SERIALIZED`. */
  readonly serialized: number;
}

/**
 * The ABI of MPI 5.0, section 20: fixed values for every library that has it, such as MPICH 5's `libmpi_abi`.
 *
 * @see https://www.mpi-forum.org/docs/mpi-5.0/mpi50-report.pdf
 */
export const standardAbi: MpiAbi = {
  handles: "void *",
  world: 0x101n,
  types: { float32: 0x210n, float64: 0x214n, byte: 0x247n, int32: 0x250n },
  operations: { sum: 0x21n, min: 0x22n },
  inPlace: 1n,
  ignoredStatus: 0n,
  serialized: 2048,
};

/**
 * That of MPICH and what descends from it (Intel MPI, MVAPICH, Cray MPICH), from MPICH 3.1 on.
 *
 * @see https://www.mpich.org/abi/
 */
export const mpichAbi: MpiAbi = {
  handles: "int",
  world: 0x44000000,
  types: { float32: 0x4c00040a, float64: 0x4c00080b, byte: 0x4c00010d, int32: 0x4c000405 },
  operations: { sum: 0x58000003, min: 0x58000002 },
  inPlace: 2n ** 64n - 1n,
  ignoredStatus: 1n,
  serialized: 2,
};

/** That of Open MPI: handles are addresses of the library's own variables. */
export function openMpiAbi(symbol: (name: string) => bigint): MpiAbi {
  return {
    handles: "void *",
    world: symbol("ompi_mpi_comm_world"),
    types: {
      float32: symbol("ompi_mpi_float"),
      float64: symbol("ompi_mpi_double"),
      byte: symbol("ompi_mpi_byte"),
      int32: symbol("ompi_mpi_int"),
    },
    operations: { sum: symbol("ompi_mpi_op_sum"), min: symbol("ompi_mpi_op_min") },
    inPlace: 1n,
    ignoredStatus: 0n,
    serialized: 2,
  };
}
